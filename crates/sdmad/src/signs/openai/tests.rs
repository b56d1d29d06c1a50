use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use super::*;
use crate::signs::answer::tests::good_answer;
use crate::signs::{Category, ChatErrorKind, DraftRequest, Message, Role, Transcript, draft};
use sdmad_base::{Kind, Silent};

const KEY: &str = "sk-secret-0123456789";
const PATIENCE: Duration = Duration::from_secs(60);

/// What the fake server does with one connection, once it has read the request.
enum Act {
    Send(String),
    /// Sends a beginning, and then the same bytes until the client hangs up.
    Endless(String),
    /// Hangs up after this much.
    Cut(String),
    /// Says nothing until the client hangs up.
    Silence,
}

/// A server on this machine that plays one act for each connection, and gives back the requests it read.
fn server(acts: Vec<Act>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1/", listener.local_addr().unwrap());
    let handle = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for act in acts {
            let (mut stream, _) = listener.accept().unwrap();
            requests.push(read_request(&mut stream));
            // The client may hang up first: that is what some acts are for.
            match act {
                Act::Send(text) | Act::Cut(text) => drop(stream.write_all(text.as_bytes())),
                Act::Endless(start) => {
                    let _ = stream.write_all(start.as_bytes());
                    while stream.write_all(&[b' '; 1 << 14]).is_ok() {}
                }
                Act::Silence => drop(stream.read(&mut [0])),
            }
        }
        requests
    });
    (base, handle)
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |line: &str| line.to_lowercase().strip_prefix("content-length:").map(|v| v.trim().to_string());
            let length: usize = head.lines().find_map(header).unwrap_or_default().parse().unwrap_or(0);
            if body.len() >= length || n == 0 {
                return text;
            }
        }
        assert!(n > 0, "the request ended early");
    }
}

fn reply(status: &str, headers: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn answer(content: &str) -> Act {
    let body = json!({"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}]});
    Act::Send(reply("200 OK", "", "application/json; charset=utf-8", &body.to_string()))
}

fn json_error(status: &str, headers: &str, message: &str) -> Act {
    let body = json!({"error": {"message": message, "type": "x"}}).to_string();
    Act::Send(reply(status, headers, "application/json", &body))
}

fn request() -> ChatRequest {
    ChatRequest {
        model: "some-model".into(),
        messages: vec![Message { role: Role::User, content: "Hello?".into() }],
        schema: json!({"type": "object"}),
        schema_name: "signs".into(),
    }
}

fn chat(base: &str) -> OpenAiChat {
    OpenAiChat::new(base, Some(ApiKey::new(KEY).unwrap()), PATIENCE).unwrap()
}

/// The error of one request that meets `act`.
fn refused(act: Act) -> ChatError {
    let (base, handle) = server(vec![act]);
    let error = chat(&base).complete(&request()).unwrap_err();
    handle.join().unwrap();
    assert!(!error.message.contains(KEY), "{error}");
    error
}

#[test]
fn a_request_is_what_the_endpoint_expects() {
    let (base, handle) = server(vec![answer("Good day.")]);
    assert_eq!(chat(&base).complete(&request()).unwrap(), "Good day.");
    let asked = handle.join().unwrap().remove(0);
    assert!(asked.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains(&format!("authorization: bearer {KEY}")));
    let body: Value = serde_json::from_str(asked.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["model"], "some-model");
    assert_eq!(body["messages"], json!([{"role": "user", "content": "Hello?"}]));
    assert_eq!(body["response_format"]["json_schema"]["strict"], true);
    assert_eq!(body["response_format"]["json_schema"]["schema"], json!({"type": "object"}));
}

#[test]
fn without_a_key_none_is_sent() {
    let (base, handle) = server(vec![answer("Good day.")]);
    assert!(OpenAiChat::new(&base, None, PATIENCE).unwrap().complete(&request()).is_ok());
    assert!(!handle.join().unwrap().remove(0).to_lowercase().contains("authorization"));
}

#[test]
fn what_may_pass_is_temporary() {
    let pause = |act| match refused(act).kind {
        ChatErrorKind::Temporary(pause) => pause.map(|p| p.as_secs()),
        ChatErrorKind::Final => panic!("final"),
    };
    assert_eq!(pause(json_error("429 Too Many Requests", "Retry-After: 17\r\n", "slow down")), Some(17));
    assert_eq!(
        pause(json_error("429 Too Many Requests", "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n", "slow")),
        None
    );
    assert_eq!(pause(json_error("429 Too Many Requests", "Retry-After: -3\r\n", "slow")), None);
    assert_eq!(pause(json_error("500 Internal Server Error", "", "oops")), None);
    assert_eq!(pause(Act::Send(reply("503 Service Unavailable", "", "text/html", "<h1>busy</h1>"))), None);
    assert_eq!(pause(Act::Cut(String::new())), None);
    assert_eq!(pause(Act::Cut("HTTP/1.1 200 OK\r\nContent-Type: appli".into())), None);
    let whole = reply("200 OK", "", "application/json", &" ".repeat(1000));
    assert_eq!(pause(Act::Cut(whole[..600].into())), None);
    assert_eq!(pause(Act::Send(reply("200 OK", "", "application/json", "{\"choices\": [{\"mess"))), None);
}

#[test]
fn what_cannot_pass_is_final() {
    let cases = [
        (json_error("401 Unauthorized", "", "bad key"), "401: bad key"),
        (json_error("403 Forbidden", "", "not yours"), "403"),
        (json_error("404 Not Found", "", "no such model"), "no such model"),
        (json_error("400 Bad Request", "", "no response_format"), "400"),
        (json_error("429 Too Many Requests", "Retry-After: 1\r\n", "You exceeded your current quota"), "quota"),
        (Act::Send(reply("302 Found", "Location: http://127.0.0.1:1/x\r\n", "text/html", "")), "302"),
        (Act::Send(reply("200 OK", "", "text/html", "<html>log in</html>")), "text/html"),
        (Act::Send(reply("200 OK", "", "application/json", "{\"choices\": []}")), "choices[0]"),
        (Act::Send(reply("200 OK", "", "application/json", "[3]")), "choices[0]"),
        (
            Act::Send(reply(
                "200 OK",
                "",
                "application/json",
                r#"{"choices":[{"finish_reason":"length","message":{"content":"{"}}]}"#,
            )),
            "longest length",
        ),
        (
            Act::Send(reply(
                "200 OK",
                "",
                "application/json",
                r#"{"choices":[{"message":{"content":null,"refusal":"I would rather not."}}]}"#,
            )),
            "rather not",
        ),
        (Act::Endless("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n".into()), "longer than"),
    ];
    for (act, expected) in cases {
        let error = refused(act);
        assert_eq!(error.kind, ChatErrorKind::Final, "{error}");
        assert!(error.message.contains(expected), "{expected}: {error}");
        assert!(error.hint.is_some_and(|h| !h.is_empty()));
    }
}

#[test]
fn an_endless_error_page_ends_as_well() {
    let error = refused(Act::Endless("HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\n\r\n".into()));
    assert_eq!(error.kind, ChatErrorKind::Temporary(None));
}

#[test]
fn silence_ends_with_the_timeout() {
    let (base, handle) = server(vec![Act::Silence]);
    let chat = OpenAiChat::new(&base, None, Duration::from_millis(300)).unwrap();
    assert_eq!(chat.complete(&request()).unwrap_err().kind, ChatErrorKind::Temporary(None));
    handle.join().unwrap();
}

#[test]
fn a_server_that_repeats_the_key_does_not_spread_it() {
    let error = refused(json_error("401 Unauthorized", "", &format!("Incorrect key {KEY}\u{1b}[31m provided")));
    assert!(error.message.contains("Incorrect key (key)") && !error.message.contains('\u{1b}'), "{error}");
    let chat = chat("http://127.0.0.1:9/v1");
    assert!(!format!("{chat:?}").contains(KEY));
    assert!(!format!("{:?}", ApiKey::new(&format!("{KEY}\nX: y"))).contains(KEY));
}

#[test]
fn nobody_there_is_final() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = chat(&format!("http://127.0.0.1:{port}")).complete(&request()).unwrap_err();
    assert_eq!(error.kind, ChatErrorKind::Final, "{error}");
}

#[test]
fn addresses_are_checked_before_anything_is_sent() {
    let key = || Some(ApiKey::new(KEY).unwrap());
    for good in [
        "https://example.org/v1",
        "http://localhost:8000",
        "http://127.0.0.1/v1/",
        "http://[::1]:80/v1",
        " https://a.b ",
    ] {
        assert!(OpenAiChat::new(good, key(), PATIENCE).is_ok(), "{good}");
    }
    assert!(OpenAiChat::new("http://model.example.org/v1", None, PATIENCE).is_ok());
    for bad in [
        "",
        "example.org",
        "ftp://example.org",
        "http://",
        "https://a b",
        "https://x/?q=1",
        "https://user:pw@example.org",
        "http://example.org/v1",
        "http://127.0.0.1.example.org/v1",
        "http://localhost.example.org",
    ] {
        let error = OpenAiChat::new(bad, key(), PATIENCE).unwrap_err();
        assert_eq!(error.kind(), Kind::BadInput);
        assert!(!error.to_string().contains("pw@"), "{error}");
    }
}

#[test]
fn the_environment_is_asked_in_order() {
    let open = |base: Option<&str>, variables: &[(&str, &str)]| {
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string());
        OpenAiChat::from_environment(base, PATIENCE, &variable)
    };
    assert_eq!(open(None, &[]).unwrap_err().kind(), Kind::BadInput);
    assert!(open(None, &[("OPENAI_BASE_URL", " ")]).is_err());
    let chat =
        open(None, &[("OPENAI_BASE_URL", "https://a.b/v1"), ("SDMAD_API_KEY", "one"), ("OPENAI_API_KEY", "two")]);
    let chat = chat.unwrap();
    assert_eq!((chat.url.as_str(), chat.key.unwrap().0.as_str()), ("https://a.b/v1/chat/completions", "one"));
    let chat = open(Some("https://c.d"), &[("OPENAI_BASE_URL", "https://a.b"), ("OPENAI_API_KEY", "two\n")]).unwrap();
    assert_eq!((chat.url.as_str(), chat.key.unwrap().0.as_str()), ("https://c.d/chat/completions", "two"));
    assert!(open(Some("https://c.d"), &[("SDMAD_API_KEY", "two words")]).is_err());
}

#[test]
fn a_bank_is_drafted_past_all_misbehaviour() {
    let twice = good_answer().replacen("cyst_round_shape", "cyst_sharp_edge", 1);
    let (base, handle) = server(vec![
        json_error("429 Too Many Requests", "Retry-After: 2\r\n", "slow down"),
        json_error("500 Internal Server Error", "", "oops"),
        Act::Cut("HTTP/1.1 200 OK\r\n".into()),
        answer("{\"sings\": []}"),
        Act::Send(reply("200 OK", "", "application/json", "{{{")),
        answer(&twice),
        answer(&format!("```json\n{}\n```", good_answer())),
    ]);
    let wanted = DraftRequest {
        name: "cysts".into(),
        modality: "a picture".into(),
        categories: vec![Category { id: "cyst".into(), name: "simple cyst".into() }],
        per_category: 8,
        model: "some-model".into(),
        date: "2026-11-24".into(),
    };
    let mut transcript = Transcript::default();
    let drafted = draft(&wanted, &chat(&base), &|_| {}, &Silent, &mut transcript).unwrap();
    assert_eq!(handle.join().unwrap().len(), 7);
    assert_eq!(drafted.bank.signs.len(), 16);
    let kept = transcript.to_jsonl() + &drafted.bank.to_toml();
    assert!(!kept.contains(KEY) && kept.contains("slow down") && kept.contains("stands twice"));
}
