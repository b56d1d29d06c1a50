use std::cell::{Cell, RefCell};

use super::*;
use crate::signs::answer::tests::good_answer;
use sdmad_base::{Kind, Silent};

/// Answers from a list, and remembers what it was asked.
struct Scripted {
    answers: RefCell<Vec<Result<String, ChatError>>>,
    asked: RefCell<Vec<ChatRequest>>,
}

impl Scripted {
    fn new(answers: Vec<Result<String, ChatError>>) -> Self {
        Scripted { answers: RefCell::new(answers.into_iter().rev().collect()), asked: RefCell::default() }
    }
}

impl Chat for Scripted {
    fn complete(&self, request: &ChatRequest) -> Result<String, ChatError> {
        self.asked.borrow_mut().push(request.clone());
        self.answers.borrow_mut().pop().unwrap_or_else(|| Err(ChatError::last("the script ends here", "")))
    }
}

fn request() -> DraftRequest {
    DraftRequest {
        name: "cysts".into(),
        modality: "a picture".into(),
        categories: vec![Category { id: "cyst".into(), name: "simple cyst".into() }],
        per_category: 8,
        model: "some-model".into(),
        date: "2026-11-24".into(),
    }
}

/// The draft, what was said, and the pauses in seconds.
fn run(chat: &dyn Chat) -> (Result<Draft>, Transcript, Vec<u64>) {
    let mut transcript = Transcript::default();
    let pauses = RefCell::new(Vec::new());
    let sleep = |pause: Duration| pauses.borrow_mut().push(pause.as_secs());
    let drafted = draft(&request(), chat, &sleep, &Silent, &mut transcript);
    (drafted, transcript, pauses.into_inner())
}

fn busy(pause: Option<u64>) -> Result<String, ChatError> {
    Err(ChatError::temporary("busy", pause.map(Duration::from_secs)))
}

#[test]
fn a_good_answer_becomes_a_bank_with_provenance() {
    let chat = Scripted::new(vec![Ok(good_answer())]);
    let (drafted, transcript, pauses) = run(&chat);
    let draft = drafted.unwrap();
    assert!(draft.warnings.is_empty() && pauses.is_empty());
    assert_eq!(crate::signs::check(&draft.bank, None), []);
    let provenance = &draft.bank.provenance;
    assert_eq!(provenance.model.as_deref(), Some("some-model"));
    assert_eq!(provenance.prompt_sha256, Some(sha256_hex(request().prompt().as_bytes())));
    assert_eq!(provenance.transcript_sha256, Some(sha256_hex(transcript.to_jsonl().as_bytes())));
    assert_eq!(Bank::parse(&draft.bank.to_toml(), "drafted").unwrap(), draft.bank);
    let lines: Vec<TranscriptEntry> = transcript.to_jsonl().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines, transcript.entries);
    let asked = &chat.asked.borrow()[0];
    assert!(asked.messages[1].content.contains("- normal: normal (an image without any finding)"));
}

#[test]
fn a_bad_answer_is_sent_back_with_its_reasons() {
    let twice = good_answer().replacen("cyst_round_shape", "cyst_sharp_edge", 1);
    let chat = Scripted::new(vec![Ok("Sorry?".into()), Ok(twice), Ok(good_answer())]);
    let (drafted, transcript, _) = run(&chat);
    assert!(drafted.is_ok());
    let asked = chat.asked.borrow();
    assert_eq!(asked.iter().map(|r| r.messages.len()).collect::<Vec<_>>(), [2, 4, 6]);
    assert!(asked[1].messages[3].content.contains("not JSON"));
    assert!(asked[2].messages[5].content.contains("`cyst_sharp_edge` stands twice"));
    let count = |f: fn(&TranscriptEntry) -> bool| transcript.entries.iter().filter(|e| f(e)).count();
    assert_eq!(count(|e| matches!(e, TranscriptEntry::Rejected { .. })), 2);
    assert_eq!(count(|e| matches!(e, TranscriptEntry::Answered { .. })), 3);
    // Each turn of the conversation stands in the transcript once.
    let turns: usize = transcript
        .entries
        .iter()
        .map(|e| if let TranscriptEntry::Asked { messages, .. } = e { messages.len() } else { 0 })
        .sum();
    assert_eq!(turns, 4);
}

#[test]
fn three_bad_answers_are_enough() {
    let chat = Scripted::new(vec![Ok("?".into()), Ok("?".into()), Ok("?".into()), Ok(good_answer())]);
    let (drafted, transcript, _) = run(&chat);
    let error = drafted.unwrap_err();
    assert_eq!(error.kind(), Kind::Environment);
    assert!(error.to_string().contains("3 answers"), "{error}");
    assert_eq!(chat.asked.borrow().len(), 3);
    assert!(!transcript.entries.is_empty());
}

#[test]
fn a_warning_is_sent_back_but_does_not_cost_the_bank() {
    let warned = || Ok(good_answer().replacen("strikingly round shape", "round shape in a smoker", 1));
    let mended = run(&Scripted::new(vec![warned(), Ok(good_answer())])).0.unwrap();
    assert!(mended.warnings.is_empty());
    for stubborn in [vec![warned(), warned(), warned()], vec![warned(), Ok("?".into()), Ok("?".into())], vec![warned()]]
    {
        let (drafted, transcript, _) = run(&Scripted::new(stubborn));
        assert_eq!(drafted.unwrap().warnings.len(), 1);
        assert!(
            matches!(transcript.entries.last(), Some(TranscriptEntry::Accepted { warnings }) if warnings.len() == 1)
        );
    }
}

#[test]
fn a_busy_endpoint_is_asked_again_after_a_pause() {
    let chat = Scripted::new(vec![busy(None), busy(Some(7)), busy(None), busy(Some(100_000)), Ok(good_answer())]);
    let (drafted, transcript, pauses) = run(&chat);
    assert!(drafted.is_ok());
    assert_eq!(pauses, [1, 7, 4, 120]);
    assert!(chat.asked.borrow().windows(2).all(|w| w[0] == w[1]));
    let failures = transcript.entries.iter().filter(|e| matches!(e, TranscriptEntry::Failed { .. })).count();
    assert_eq!(failures, 4);
}

#[test]
fn an_endpoint_that_stays_busy_ends_it() {
    let (drafted, _, pauses) = run(&Scripted::new((0..9).map(|_| busy(None)).collect()));
    let error = drafted.unwrap_err();
    assert!(error.to_string().contains("after 5 tries"), "{error}");
    assert_eq!(pauses, [1, 2, 4, 8]);
}

#[test]
fn a_final_refusal_is_not_asked_again() {
    let chat = Scripted::new(vec![Err(ChatError::last("401", "check the key")), Ok(good_answer())]);
    let (drafted, _, pauses) = run(&chat);
    let error = drafted.unwrap_err();
    assert_eq!((error.to_string().as_str(), error.hint()), ("401", Some("check the key")));
    assert!(pauses.is_empty() && chat.asked.borrow().len() == 1);
}

#[test]
fn an_interruption_ends_the_waiting() {
    struct Stop(Cell<usize>);
    // Only this test's one thread calls it.
    struct Shared(std::sync::Mutex<Stop>);
    impl Monitor for Shared {
        fn begin(&self, _: &str, _: usize) {}
        fn advance(&self, _: usize) {}
        fn end(&self) {}
        fn notice(&self, _: &str) {}
        fn check(&self) -> Result<()> {
            let stop = self.0.lock().unwrap();
            stop.0.set(stop.0.get() + 1);
            if stop.0.get() > 1 { Err(Error::new(Kind::Interrupted, "interrupted")) } else { Ok(()) }
        }
    }
    let chat = Scripted::new(vec![busy(None), Ok(good_answer())]);
    let monitor = Shared(std::sync::Mutex::new(Stop(Cell::new(0))));
    let error = draft(&request(), &chat, &|_| {}, &monitor, &mut Transcript::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Interrupted);
    assert_eq!(chat.asked.borrow().len(), 1);
}

#[test]
fn a_request_that_cannot_be_answered_is_not_sent() {
    type Spoil = fn(&mut DraftRequest);
    let cases: [(Spoil, &str); 9] = [
        (|r| r.modality.clear(), "modality"),
        (|r| r.model = " ".into(), "model"),
        (|r| r.categories[0].id = "Cyst".into(), "snake_case"),
        (|r| r.categories[0].name.clear(), "empty name"),
        (|r| r.categories.push(r.categories[0].clone()), "twice"),
        (|r| r.categories.clear(), "no category"),
        (|r| r.per_category = 3, "4 to 20"),
        (|r| r.date = "24.11.2026".into(), "YYYY-MM-DD"),
        (|r| r.date = "２０２６-11".into(), "YYYY-MM-DD"),
    ];
    for (spoil, expected) in cases {
        let mut request = request();
        spoil(&mut request);
        let chat = Scripted::new(vec![Ok(good_answer())]);
        let error = draft(&request, &chat, &|_| {}, &Silent, &mut Transcript::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::BadInput);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(chat.asked.borrow().is_empty());
    }
}
