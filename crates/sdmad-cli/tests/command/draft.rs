//! `signs draft` against a server on this machine that answers well and badly.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::world::{Outcome, World};

const KEY: &str = "sk-secret-0123456789";

/// A server that gives one answer for each connection, and the requests that it read.
fn server(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let handle = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            requests.push(request(&mut stream));
            stream.write_all(answer.as_bytes()).unwrap();
        }
        requests
    });
    (base, handle)
}

fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length:").map(str::to_string));
        if n == 0 || length.is_some_and(|l| body.len() >= l.trim().parse().unwrap()) {
            return text;
        }
    }
}

fn reply(status: &str, body: &Value) -> String {
    let body = body.to_string();
    let head = "Content-Type: application/json\r\nConnection: close\r\nRetry-After: 0";
    format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn answer(content: &str) -> String {
    reply(
        "200 OK",
        &json!({"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}]}),
    )
}

/// Eight signs for `cyst` and for normal.
fn signs() -> String {
    let things = ["round hole", "sharp edge", "dark core", "bright rim", "fine grain", "long tail", "thin wall", "gap"];
    let signs: Vec<Value> = [("cyst", "strikingly"), ("normal", "evenly")]
        .iter()
        .flat_map(|(category, adverb)| {
            things.map(|thing| {
                let id = format!("{category}_{}", thing.replace(' ', "_"));
                json!({"id": id, "text": format!("{adverb} clear {thing}"), "categories": [category]})
            })
        })
        .collect();
    json!({ "signs": signs }).to_string()
}

fn draft(world: &World, base: &str) -> Outcome {
    let mut command = world.command();
    command.env("SDMAD_API_KEY", KEY).args(["signs", "draft", "--modality", "an ultrasound image"]);
    command.args(["--categories", "cyst=simple cyst", "--name", "cysts", "--model", "some-model"]);
    let outcome = Outcome::of(command.args(["--per-category", "8", "--out", "bank.toml", "--base-url", base]));
    for path in world.content().keys() {
        assert!(path.is_dir() || !std::fs::read_to_string(path).unwrap().contains(KEY), "{}", path.display());
    }
    assert!(!format!("{outcome:?}").contains(KEY), "{outcome:#?}");
    outcome
}

#[test]
fn a_bank_is_drafted_past_bad_answers() {
    let world = World::empty();
    let (base, handle) = server(vec![
        reply("500 Internal Server Error", &json!({"error": {"message": "oops"}})),
        answer("I see a cyst."),
        answer(&signs().replacen("cyst_round_hole", "cyst_sharp_edge", 1)),
        answer(&format!("```json\n{}\n```", signs())),
    ]);
    let outcome = draft(&world, &base);
    assert_eq!(outcome.status, Some(0), "{outcome:#?}");
    let requests = handle.join().unwrap();
    assert_eq!(requests.len(), 4);
    assert!(requests[0].starts_with("POST /v1/chat/completions") && requests[0].contains("an ultrasound image"));
    assert_eq!(world.names(""), ["bank.toml", "bank.transcript.jsonl"]);
    let bank = world.read("bank.toml");
    for part in ["name = \"cysts\"", "cyst_round_hole", "model = \"some-model\"", "not reviewed by a clinician"] {
        assert!(bank.contains(part), "{part}: {bank}");
    }
    assert!(world.read("bank.transcript.jsonl").contains("I see a cyst."));
    assert!(world.succeeds("signs check bank.toml --no-encoder").stdout.contains(" 0 errors"));
    // What is there is not written over, and nobody is asked.
    let before = world.content();
    draft(&world, &base).is_refusal(2, "a second draft", &["bank.toml", "exists"]);
    assert_eq!(before, world.content());
}

#[test]
fn a_model_that_never_answers_well_leaves_its_transcript_alone() {
    let world = World::empty();
    let (base, handle) = server((0..3).map(|n| answer(&format!("{{\"sings\": [{n}]}}"))).collect());
    let outcome = draft(&world, &base);
    outcome.is_refusal(1, "three bad answers", &[]);
    handle.join().unwrap();
    assert_eq!(world.names(""), ["bank.transcript.jsonl"]);
    assert!(world.read("bank.transcript.jsonl").contains("sings"));

    let (base, handle) = server(vec![reply("401 Unauthorized", &json!({"error": {"message": "who are you?"}}))]);
    draft(&world, &base).is_refusal(1, "a key that is refused", &["401", "who are you?", "SDMAD_API_KEY"]);
    handle.join().unwrap();
    assert!(!world.path("bank.toml").exists());
}

#[test]
fn nobody_to_ask_is_said() {
    let world = World::empty();
    let start = "signs draft --modality image --name cysts --model some-model --out bank.toml";
    world.refuses(2, &format!("{start} --categories cyst"), &["--base-url", "OPENAI_BASE_URL"]);
    world.refuses(2, &format!("{start} --categories Cyst --base-url http://127.0.0.1:9"), &["`Cyst`", "snake_case"]);
    world.refuses(2, &format!("{start} --categories cyst --base-url 127.0.0.1:9"), &["127.0.0.1:9", "http"]);
    // Where the bank could not be written, no model is asked: nobody listens at this port.
    let nowhere = start.replace("bank.toml", "gone/bank.toml");
    world.refuses(2, &format!("{nowhere} --categories cyst --base-url http://127.0.0.1:9"), &["gone/bank.toml"]);
    let outcome = world.sdmad(&format!("{start} --categories cyst --base-url http://127.0.0.1:9"));
    outcome.is_refusal(1, "nobody listens", &["127.0.0.1:9", "is the server running"]);
}
