use std::fmt::Write as _;
use std::time::Duration;

use sdmad_base::{Error, Monitor, Result, sha256_hex};

use super::answer::{Accepted, answer_schema, read_answer, with_normal};
use super::bank::{Bank, Category, NORMAL, is_snake_case};
use super::chat::{Chat, ChatError, ChatErrorKind, ChatRequest, Message, Role};
use super::transcript::{Transcript, TranscriptEntry};

/// How often a model may mend its answer.
const ANSWERS: usize = 3;
/// How often a request is sent before its failure is final.
const TRIES: u32 = 5;
/// The first pause between tries; each one after is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// No pause is longer, whatever the endpoint asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// What a bank is wanted of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftRequest {
    /// The new bank's name.
    pub name: String,
    /// What every image is, as a noun phrase: `"a breast ultrasound image"`.
    pub modality: String,
    /// The categories; [`NORMAL`] is added when it is not among them.
    pub categories: Vec<Category>,
    /// How many signs are wanted for each category, 4 to 20; 8 to 12 work best.
    pub per_category: usize,
    /// The model's name at its endpoint.
    pub model: String,
    /// Today, `YYYY-MM-DD`.
    pub date: String,
}

/// A drafted bank.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The bank, with its provenance.
    pub bank: Bank,
    /// What the model did not mend, for a person to look at.
    pub warnings: Vec<String>,
}

impl DraftRequest {
    /// Refuses what no model could answer.
    ///
    /// # Errors
    /// An empty name, modality or model, a badly formed or repeated category id, a number of signs or a date out of
    /// range.
    pub fn validate(&self) -> Result<()> {
        for (what, value) in [("name", &self.name), ("modality", &self.modality), ("model", &self.model)] {
            if value.trim().is_empty() {
                return Err(Error::bad_input(format!("the draft's {what} is empty; expected some words")));
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        for category in &self.categories {
            if !is_snake_case(&category.id) {
                return Err(Error::bad_input(format!("category id `{}` is not snake_case", category.id))
                    .with_hint("use lower-case letters, digits and single underscores: malignant_mass"));
            }
            if !seen.insert(&category.id) {
                return Err(Error::bad_input(format!("category id `{}` stands twice; expected once", category.id)));
            }
            if category.name.trim().is_empty() {
                return Err(Error::bad_input(format!("category `{}` has an empty name", category.id)));
            }
        }
        if self.categories.iter().all(|c| c.id == NORMAL) {
            return Err(Error::bad_input("no category to draft signs for; expected at least one besides `normal`"));
        }
        if !(4..=20).contains(&self.per_category) {
            return Err(Error::bad_input(format!("{} signs for each category; expected 4 to 20", self.per_category))
                .with_hint("8 to 12 work best"));
        }
        let digits = |range: std::ops::Range<usize>| self.date.as_bytes()[range].iter().all(u8::is_ascii_digit);
        let dashes = self.date.len() == 10 && self.date.as_bytes()[4] == b'-' && self.date.as_bytes()[7] == b'-';
        if !(dashes && digits(0..4) && digits(5..7) && digits(8..10)) {
            return Err(Error::bad_input(format!("date `{}`; expected YYYY-MM-DD", self.date)));
        }
        Ok(())
    }

    /// The request's full text; its SHA-256 goes into the bank's provenance.
    pub fn prompt(&self) -> String {
        let mut text = format!(
            "Write the visual signs by which a reader tells the following categories apart in {}.\n\nCategories (id: name):\n",
            self.modality
        );
        for category in with_normal(&self.categories) {
            let explained = if category.id == NORMAL { " (an image without any finding)" } else { "" };
            let _ = writeln!(text, "- {}: {}{explained}", category.id, category.name);
        }
        let _ = write!(
            text,
            "
Rules:
1. About {n} signs for each category, `normal` included; `normal` is described by what is there, not only by what is missing.
2. Each sign is a short noun phrase of 3 to 15 words, never more than 20, that finishes the sentence \"{modality} showing ...\".
3. Only what the eye finds in this one image: shape, border, brightness, colour, texture, position, number, what surrounds it.
   Nothing about history, age, complaints, laboratory values, treatment, course or frequency, and no judgement such as \"suspicious\".
4. No category name, and no other word for a category, inside a sign.
5. A sign that several categories show is written once and lists all of them. Each category also has signs of its own.
6. No two signs say the same in other words.
7. Each id is snake_case, unique, and short: posterior_shadowing.

Answer with one JSON object and nothing else:
{{\"signs\": [{{\"id\": \"...\", \"text\": \"...\", \"categories\": [\"...\"]}}]}}
",
            n = self.per_category,
            modality = self.modality
        );
        text
    }
}

/// Lets a language model write a bank.
///
/// `transcript` receives all that was said, and is worth keeping when this fails as well. `sleep` waits between
/// tries. An answer with errors is returned to the model with the reasons, one with warnings too while it has tries
/// left; the last answer without errors is taken.
///
/// # Errors
/// A request that is not [valid](DraftRequest::validate), an endpoint that refuses or stays away, or no usable answer
/// in three.
pub fn draft(
    request: &DraftRequest,
    chat: &dyn Chat,
    sleep: &dyn Fn(Duration),
    monitor: &dyn Monitor,
    transcript: &mut Transcript,
) -> Result<Draft> {
    request.validate()?;
    let categories = with_normal(&request.categories);
    let prompt = request.prompt();
    let mut conversation = ChatRequest {
        model: request.model.clone(),
        messages: vec![
            Message { role: Role::System, content: SYSTEM.into() },
            Message { role: Role::User, content: prompt.clone() },
        ],
        schema: answer_schema(&categories),
        schema_name: "signs".into(),
    };
    let mut told = 0;
    let mut best: Option<Accepted> = None;
    let mut last_reasons = Vec::new();
    monitor.begin("drafting signs", ANSWERS);
    for answer_number in 1..=ANSWERS {
        transcript.entries.push(TranscriptEntry::Asked {
            model: request.model.clone(),
            messages: conversation.messages[told..].to_vec(),
        });
        told = conversation.messages.len() + 1; // the model's own answer stands in the transcript already
        let content = match ask(&conversation, chat, sleep, monitor, transcript) {
            Ok(content) => content,
            // A usable bank in hand is worth more than a further mend.
            Err(_) if best.is_some() && monitor.check().is_ok() => break,
            Err(error) => return Err(error),
        };
        monitor.advance(1);
        transcript.entries.push(TranscriptEntry::Answered { content: content.clone() });
        let reasons = match read_answer(&content, &request.name, &request.modality, &categories) {
            Ok(accepted) => {
                let warnings = accepted.warnings.clone();
                if best.as_ref().is_none_or(|b| warnings.len() <= b.warnings.len()) {
                    best = Some(accepted);
                }
                if warnings.is_empty() || answer_number == ANSWERS {
                    break;
                }
                warnings
            }
            Err(reasons) => reasons,
        };
        transcript.entries.push(TranscriptEntry::Rejected { reasons: reasons.clone() });
        conversation.messages.push(Message { role: Role::Assistant, content: shortened(content) });
        conversation.messages.push(Message { role: Role::User, content: complaint(&reasons) });
        last_reasons = reasons;
    }
    monitor.end();
    let Some(Accepted { mut bank, warnings }) = best else {
        return Err(Error::environment(format!(
            "model `{}` gave no usable bank in {ANSWERS} answers; the last was refused: {}",
            request.model,
            last_reasons.join("; ")
        ))
        .with_hint("try another model, or write the bank by hand (docs/signs.md); the transcript holds the answers"));
    };
    transcript.entries.push(TranscriptEntry::Accepted { warnings: warnings.clone() });
    bank.provenance.model = Some(request.model.clone());
    bank.provenance.date = Some(request.date.clone());
    bank.provenance.prompt_sha256 = Some(sha256_hex(prompt.as_bytes()));
    bank.provenance.transcript_sha256 = Some(transcript.sha256());
    bank.provenance.reviewed_by = Some("not reviewed by a clinician".into());
    Ok(Draft { bank, warnings })
}

const SYSTEM: &str = "You describe medical images for a program that compares short phrases with pictures. \
    You write plain, exact, purely visual English, and answer in JSON only.";

/// Sends one request until an answer comes or its failure is final.
fn ask(
    request: &ChatRequest,
    chat: &dyn Chat,
    sleep: &dyn Fn(Duration),
    monitor: &dyn Monitor,
    transcript: &mut Transcript,
) -> Result<String> {
    let mut pause = FIRST_PAUSE;
    for attempt in 1..=TRIES {
        monitor.check()?;
        let error = match chat.complete(request) {
            Ok(content) => return Ok(content),
            Err(error) => error,
        };
        let wait = match error.kind {
            ChatErrorKind::Temporary(asked) if attempt < TRIES => asked.unwrap_or(pause).min(LONGEST_PAUSE),
            _ => {
                let failed = TranscriptEntry::Failed { message: error.message.clone(), pause_seconds: None };
                transcript.entries.push(failed);
                return Err(after(error, attempt));
            }
        };
        transcript
            .entries
            .push(TranscriptEntry::Failed { message: error.message.clone(), pause_seconds: Some(wait.as_secs()) });
        monitor.notice(&format!("{}; trying again in {} s", error.message, wait.as_secs()));
        sleep(wait);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Err(Error::environment("no answer came"))
}

fn after(mut error: ChatError, attempts: u32) -> Error {
    if attempts > 1 {
        error.message = format!("{} (after {attempts} tries)", error.message);
    }
    error.into()
}

fn complaint(reasons: &[String]) -> String {
    let mut text = String::from("This answer was not taken:\n");
    for reason in reasons {
        let _ = writeln!(text, "- {reason}");
    }
    text.push_str("Send the whole corrected JSON object again, and nothing else.");
    text
}

/// A runaway answer need not be sent back whole.
fn shortened(mut content: String) -> String {
    const LONGEST: usize = 60_000;
    if content.len() > LONGEST {
        content.truncate(content.floor_char_boundary(LONGEST));
    }
    content
}

#[cfg(test)]
mod tests;
