use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sdmad_base::{Kind, Silent, sha256_hex};
use tempfile::TempDir;

use super::*;

/// A request as the fake hub saw it.
#[derive(Clone, Debug, Default)]
struct Seen {
    path: String,
    range: Option<String>,
    token: Option<String>,
}

/// What the fake hub answers.
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Bytes of the body after which the connection is cut, or goes silent.
    cut: Option<usize>,
    silent: bool,
    /// Pause between pieces of ten bytes.
    slow: Option<Duration>,
}

impl Reply {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Reply { status, headers: Vec::new(), body: body.into(), cut: None, silent: false, slow: None }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The part of `body` that the request asks for.
    fn of(seen: &Seen, body: &[u8]) -> Self {
        let from = seen.range.as_ref().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        match from {
            Some(from) if from < body.len() => Reply::new(206, &body[from..])
                .header("content-range", format!("bytes {from}-{}/{}", body.len() - 1, body.len())),
            Some(_) => Reply::new(416, ""),
            None => Reply::new(200, body),
        }
    }

    fn send(self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head =
            format!("HTTP/1.1 {} X\r\nconnection: close\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(head.as_bytes())?;
        stream.write_all(b"\r\n")?;
        let end = self.cut.unwrap_or(self.body.len());
        match self.slow {
            None => stream.write_all(&self.body[..end])?,
            Some(pause) => {
                for piece in self.body[..end].chunks(10) {
                    stream.write_all(piece)?;
                    std::thread::sleep(pause);
                }
            }
        }
        stream.flush()?;
        if self.silent {
            // Longer than the client's patience in these tests.
            std::thread::sleep(Duration::from_secs(2));
        }
        Ok(())
    }
}

type Handler = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

/// A hub on this machine; `handler` gets each request and how often its path was asked for before.
struct Server {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    fn start(handler: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, handler): (_, Arc<Handler>) = (seen.clone(), Arc::new(handler));
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, handler) = (log.clone(), handler.clone());
                std::thread::spawn(move || serve(stream, &log, &*handler));
            }
        });
        Server { address, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, log: &Mutex<Vec<Seen>>, handler: &Handler) {
    let mut seen = Seen::default();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
        if let Some(rest) = line.strip_prefix("GET ") {
            seen.path = rest.split(' ').next().unwrap_or_default().to_string();
        } else if let Some((name, value)) = line.split_once(':') {
            match name.to_ascii_lowercase().as_str() {
                "range" => seen.range = Some(value.trim().to_string()),
                "authorization" => seen.token = Some(value.trim().to_string()),
                _ => {}
            }
        }
        line.clear();
    }
    let before = {
        let mut log = log.lock().unwrap();
        let before = log.iter().filter(|other| other.path == seen.path).count();
        log.push(seen.clone());
        before
    };
    let _ = handler(&seen, before).send(stream);
}

const COMMIT: &str = "0123456789abcdef";

fn weights() -> Vec<u8> {
    (0..50_000u32).flat_map(u32::to_le_bytes).collect()
}

/// The list of a CLIP folder, with the hash of the weights that `sha256` says.
fn listing(sha256: Option<String>) -> String {
    let weights = weights();
    let lfs = sha256.map(|hash| serde_json::json!({ "sha256": hash, "size": weights.len() }));
    serde_json::json!({
        "sha": COMMIT,
        "cardData": { "license": "mit" },
        "siblings": [
            { "rfilename": "README.md", "size": 5 },
            { "rfilename": "config.json", "size": 2 },
            { "rfilename": "tokenizer.json" },
            { "rfilename": "model.safetensors", "size": weights.len(), "lfs": lfs },
            { "rfilename": "../evil", "size": 2 },
        ]
    })
    .to_string()
}

/// Answers the list and the small files; the weights are up to the test.
fn hub(sha256: Option<String>, weights: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |seen, before| match seen.path.rsplit('/').next().unwrap_or_default() {
        "main?blobs=true" => Reply::new(200, listing(sha256.clone())),
        "config.json" | "tokenizer.json" => Reply::new(200, "{}"),
        "model.safetensors" => weights(seen, before),
        _ => Reply::new(404, ""),
    })
}

fn patience() -> Patience {
    Patience {
        attempts: 3,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(4),
        silence: Duration::from_millis(500),
    }
}

fn pull(server: &Server, token: Option<&str>, cache: &TempDir) -> Result<PathBuf> {
    let name = HubName::parse("hf:org/clip").unwrap().unwrap();
    Hub::new(&server.address, token.map(String::from), patience()).unwrap().pull(&name, cache.path(), &Silent)
}

#[test]
fn a_cut_download_goes_on_where_it_ended() {
    let server = hub(Some(sha256_hex(&weights())), |seen, before| {
        let mut reply = Reply::of(seen, &weights());
        reply.cut = [Some(100_000), Some(30_000), None][before.min(2)];
        reply
    });
    let cache = tempfile::tempdir().unwrap();
    let folder = pull(&server, Some("secret"), &cache).unwrap();
    assert_eq!(folder, cache.path().join("hf--org--clip"));
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), weights());
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["config.json", FILES_NAME, "model.safetensors", "tokenizer.json"]);
    verify(&folder, &Silent).unwrap();
    let record = fs::read_to_string(folder.join(FILES_NAME)).unwrap();
    assert!(record.contains(COMMIT) && record.contains("\"licence\": \"mit\""), "{record}");

    let seen = server.seen();
    assert!(seen.iter().all(|s| s.token.as_deref() == Some("Bearer secret")));
    let ranges: Vec<_> =
        seen.iter().filter(|s| s.path.ends_with("model.safetensors")).map(|s| s.range.clone()).collect();
    assert_eq!(ranges, [None, Some("bytes=100000-".to_string()), Some("bytes=130000-".to_string())]);
    assert!(seen.iter().any(|s| s.path == format!("/org/clip/resolve/{COMMIT}/config.json")));

    // What is there is verified; nothing is asked for.
    pull(&server, None, &cache).unwrap();
    assert_eq!(server.seen().len(), seen.len());
}

#[test]
fn another_process_goes_on_too() {
    let hash = sha256_hex(&weights());
    let first = hub(Some(hash.clone()), |seen, before| match before {
        0 => Reply { cut: Some(70_000), ..Reply::of(seen, &weights()) },
        _ => Reply::new(503, ""),
    });
    let cache = tempfile::tempdir().unwrap();
    let error = pull(&first, None, &cache).unwrap_err();
    assert!(error.kind() == Kind::Environment && error.to_string().contains("503"), "{error:?}");
    assert!(!cache.path().join("hf--org--clip").exists());

    let second = hub(Some(hash), |seen, _| Reply::of(seen, &weights()));
    let folder = pull(&second, None, &cache).unwrap();
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), weights());
    assert!(second.seen().iter().any(|s| s.range.as_deref() == Some("bytes=70000-")));
}

#[test]
fn a_wrong_hash_is_refused_with_both() {
    let expected = sha256_hex(b"other");
    let server = hub(Some(expected.clone()), |seen, _| Reply::of(seen, &weights()));
    let cache = tempfile::tempdir().unwrap();
    let error = pull(&server, None, &cache).unwrap_err();
    assert_eq!(error.kind(), Kind::BadInput);
    assert!(error.to_string().contains(&expected) && error.to_string().contains(&sha256_hex(&weights())), "{error}");
    assert!(!cache.path().join("hf--org--clip").exists());
}

#[test]
fn a_bad_part_from_before_is_thrown_away() {
    let cache = tempfile::tempdir().unwrap();
    let parts = cache.path().join(format!(".hf--org--clip--{COMMIT}.partial"));
    fs::create_dir_all(&parts).unwrap();
    fs::write(parts.join("model.safetensors.partial"), "not its beginning").unwrap();
    let server = hub(Some(sha256_hex(&weights())), |seen, _| Reply::of(seen, &weights()));
    let folder = pull(&server, None, &cache).unwrap();
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), weights());
}

#[test]
fn the_token_stays_with_the_hub_and_its_hash_is_used() {
    let store = Server::start(|seen, before| Reply {
        cut: if before == 0 { Some(1000) } else { None },
        ..Reply::of(seen, &weights())
    });
    let place = format!("{}/store?signature=1", store.address);
    let hash = sha256_hex(&weights());
    // The list has no hash; the redirect has.
    let server = hub(None, move |_, _| {
        Reply::new(302, "").header("location", place.clone()).header("x-linked-etag", format!("\"{hash}\""))
    });
    let cache = tempfile::tempdir().unwrap();
    pull(&server, Some("secret"), &cache).unwrap();
    assert!(store.seen().iter().all(|s| s.token.is_none()));
    assert_eq!(store.seen().last().unwrap().range.as_deref(), Some("bytes=1000-"));

    let wrong =
        hub(None, |seen, _| Reply::of(seen, &weights()).header("x-linked-etag", format!("\"{}\"", "0".repeat(64))));
    let error = pull(&wrong, None, &tempfile::tempdir().unwrap()).unwrap_err();
    assert!(error.to_string().contains(&"0".repeat(64)), "{error}");
}

#[test]
fn refusals_name_the_way_out() {
    let cases = [
        (404, None, Kind::BadInput, "hf:ORG/NAME"),
        (401, None, Kind::Environment, "set HF_TOKEN"),
        (403, Some("secret"), Kind::Environment, "licence"),
        (500, None, Kind::Environment, "later"),
        (302, None, Kind::Environment, ""),
    ];
    for (status, token, kind, hint) in cases {
        let server = Server::start(move |_, _| Reply::new(status, ""));
        let error = pull(&server, token, &tempfile::tempdir().unwrap()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
        assert!(!error.to_string().contains("secret"));
        assert_eq!(server.seen().len(), if status == 500 { 3 } else { 1 });
    }
    let nobody = Server { address: "http://127.0.0.1:1".to_string(), seen: Arc::default() };
    assert_eq!(pull(&nobody, None, &tempfile::tempdir().unwrap()).unwrap_err().kind(), Kind::Environment);
}

#[test]
fn a_server_that_recovers_is_slow_or_falls_silent() {
    let troubled = hub(Some(sha256_hex(&weights())), |seen, before| match before {
        0 => Reply::new(500, ""),
        1 => Reply::new(429, "").header("retry-after", "0"),
        2 => Reply { silent: true, cut: Some(50_000), ..Reply::of(seen, &weights()) },
        _ => Reply::of(seen, &weights()),
    });
    let folder = tempfile::tempdir().unwrap();
    let pulled = pull(&troubled, None, &folder).unwrap();
    assert_eq!(fs::read(pulled.join("model.safetensors")).unwrap(), weights());

    let slow = Server::start(|_, _| Reply { slow: Some(Duration::from_millis(5)), ..Reply::new(200, "x".repeat(300)) });
    let client = Client::new(&slow.address, None, patience());
    assert_eq!(client.text(&format!("{}/a", slow.address), &Silent).unwrap().len(), 300);
}

#[test]
fn sizes_are_bounded_and_lists_are_checked() {
    let server = hub(None, |_, _| Reply::new(200, vec![0; 300_000]));
    let error = pull(&server, None, &tempfile::tempdir().unwrap()).unwrap_err();
    assert!(error.to_string().contains("more than the expected 200000 bytes"), "{error}");
    for body in ["<html>", "{}", r#"{"siblings":[{"rfilename":"pytorch_model.bin"}]}"#] {
        let server = Server::start(move |_, _| Reply::new(200, body));
        assert!(pull(&server, None, &tempfile::tempdir().unwrap()).is_err());
    }
}

#[test]
fn open_clip_folders_are_taken_when_there_is_no_other() {
    let named = |names: &[&str]| -> Vec<Sibling> {
        names.iter().map(|name| Sibling { name: name.to_string(), bytes: None, sha256: None }).collect()
    };
    let files =
        named(&["config.json", "open_clip_config.json", "open_clip_model.safetensors", "open_clip_pytorch_model.bin"]);
    let chosen = choose(&files).unwrap();
    let names: Vec<&str> = chosen.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["open_clip_config.json", "open_clip_model.safetensors"]);
    assert!(needs_clip_vocabulary(&chosen));
    let error = choose(&named(&["open_clip_config.json", "open_clip_pytorch_model.bin"])).unwrap_err();
    assert!(error.to_string().contains("open_clip_pytorch_model.bin"), "{error}");
}

#[test]
fn names_of_models_are_plain() {
    let name = HubName::parse("hf:org/Model-1.5@refs/pr/3").unwrap().unwrap();
    assert_eq!((name.folder_name().as_str(), name.revision.as_str()), ("hf--org--Model-1.5", "refs/pr/3"));
    assert!(HubName::parse("dinov2s-minilm").unwrap().is_none());
    for text in ["hf:", "hf:a", "hf:a/b/c", "hf:../b", "hf:a/b@", "hf:a/b@../x", "hf:a/b?c"] {
        assert_eq!(HubName::parse(text).unwrap_err().kind(), Kind::BadInput, "{text}");
    }
    assert!(Hub::new("hub.example", None, patience()).is_err());
    assert!(Hub::new("https://hub.example/", Some("a\nb".to_string()), patience()).is_err());
}
