use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sdmad_base::{Error, Kind, Monitor, Result, Sha256};
use ureq::Agent;
use ureq::http::{HeaderMap, Response};

mod address;

pub(crate) use address::{encode_segment, is_address};

use address::{origin, resolve, without_query};

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 8;
/// Attempts in all, even when each of them brings the file forward.
const MOST_ATTEMPTS: u32 = 100;
/// Largest answer that is read as text, in bytes.
const LARGEST_TEXT: u64 = 32 << 20;

/// How long to try.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    /// Attempts in a row that bring nothing.
    pub(crate) attempts: u32,
    /// Pause before the second attempt; it doubles up to `longest_pause`.
    pub(crate) first_pause: Duration,
    pub(crate) longest_pause: Duration,
    /// Silence of the other side after which an attempt is given up.
    pub(crate) silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            attempts: 6,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(16),
            silence: Duration::from_secs(60),
        }
    }
}

/// A blocking HTTP client for one server, which alone gets the token.
pub(crate) struct Client {
    agent: Agent,
    origin: String,
    token: Option<String>,
    patience: Patience,
}

/// A file to fetch, and what is known about it before.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) url: String,
    pub(crate) bytes: Option<u64>,
    pub(crate) sha256: Option<String>,
    /// Size above which it is refused.
    pub(crate) largest: u64,
}

/// A file that was fetched.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// Why an attempt failed: for good, or perhaps only this time.
enum Failure {
    Final(Error),
    /// With the pause that the server asked for.
    Passing(Error, Option<Duration>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Final(error)
    }
}

/// An answer with status 200, 206 or 416, behind all redirects.
struct Answer {
    response: Response<ureq::Body>,
    /// What the first server said about the file before it redirected.
    bytes: Option<u64>,
    sha256: Option<String>,
}

impl Client {
    /// A client for the server at `endpoint`, an address beginning with `http://` or `https://`.
    pub(crate) fn new(endpoint: &str, token: Option<String>, patience: Patience) -> Self {
        let origin = origin(endpoint).to_string();
        let host = origin.split("://").nth(1).unwrap_or_default();
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_resolve(Some(patience.silence))
            .timeout_connect(Some(patience.silence.min(Duration::from_secs(20))))
            .timeout_recv_response(Some(patience.silence))
            .timeout_per_read(Some(patience.silence))
            .user_agent(concat!("sdmad/", env!("CARGO_PKG_VERSION")));
        if ["127.0.0.1", "localhost", "[::1]"].iter().any(|local| host.starts_with(local)) {
            // A proxy knows another machine by this name.
            config = config.proxy(None);
        }
        Client { agent: config.build().into(), origin, token, patience }
    }

    /// Fetches a text of at most 32 MB.
    pub(crate) fn text(&self, url: &str, monitor: &dyn Monitor) -> Result<String> {
        self.persist(
            url,
            monitor,
            || 0,
            || {
                let answer = self.get(url, 0)?;
                let mut text = String::new();
                let mut body = answer.response.into_body().into_reader().take(LARGEST_TEXT + 1);
                match body.read_to_string(&mut text) {
                    Ok(count) if count as u64 <= LARGEST_TEXT => Ok(text),
                    Ok(_) => Err(Error::bad_input(format!("{url} gave more than {LARGEST_TEXT} bytes")).into()),
                    Err(e) => Err(passing(format!("{url} broke off: {e}"))),
                }
            },
        )
    }

    /// Fetches a file to `target`, through `target` with `.partial` at its end. A part that is there already is gone on
    /// from when the file's hash is known; what is fetched counts as progress of the monitor's task, in bytes.
    pub(crate) fn file(&self, wanted: &Wanted, target: &Path, monitor: &dyn Monitor) -> Result<Fetched> {
        let mut wanted = wanted.clone();
        let mut partial = target.as_os_str().to_owned();
        partial.push(".partial");
        let mut part = Part { path: PathBuf::from(partial), bytes: 0, reported: 0, hash: Sha256::new() };
        let url = wanted.url.clone();
        let path = part.path.clone();
        // Progress is what lies on the disk: an attempt that adds to it earns new patience.
        let length = move || fs::metadata(&path).map_or(0, |data| data.len());
        let bytes = self.persist(&url, monitor, length, || self.attempt(&mut wanted, &mut part, monitor))?;
        fs::rename(&part.path, target).map_err(|e| Error::io("write", target, e))?;
        Ok(Fetched { bytes, sha256: std::mem::take(&mut part.hash).finish() })
    }

    /// Tries until it works, fails for good, or patience ends.
    fn persist<T>(
        &self,
        url: &str,
        monitor: &dyn Monitor,
        progress: impl Fn() -> u64,
        mut attempt: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T> {
        let mut pause = self.patience.first_pause;
        let (mut in_vain, mut reached) = (0, progress());
        for _ in 0..MOST_ATTEMPTS {
            monitor.check()?;
            let (error, asked) = match attempt() {
                Ok(value) => return Ok(value),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error, asked)) => (error, asked),
            };
            let now = progress();
            if now > reached {
                (in_vain, pause) = (0, self.patience.first_pause);
            }
            reached = now;
            in_vain += 1;
            if in_vain >= self.patience.attempts {
                return Err(error);
            }
            monitor.notice(&format!("{error}; trying again"));
            wait(asked.unwrap_or(pause).min(self.patience.longest_pause), monitor)?;
            pause = (pause * 2).min(self.patience.longest_pause);
        }
        Err(Error::environment(format!("{} could not be fetched in {MOST_ATTEMPTS} attempts", without_query(url))))
    }

    /// One request, with redirects followed; the token goes to the first server only.
    fn get(&self, url: &str, from: u64) -> Result<Answer, Failure> {
        let mut address = url.to_string();
        let (mut bytes, mut sha256) = (None, None);
        for _ in 0..=MOST_REDIRECTS {
            let mut request = self.agent.get(&address).header("accept-encoding", "identity");
            if from > 0 {
                request = request.header("range", format!("bytes={from}-"));
            }
            if let Some(token) = self.token.as_ref().filter(|_| origin(&address) == self.origin) {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let response = request.call().map_err(|e| refused(url, &e))?;
            let headers = response.headers();
            bytes = bytes.or_else(|| header(headers, "x-linked-size")?.parse().ok());
            sha256 = sha256.or_else(|| {
                let tag = header(headers, "x-linked-etag").or_else(|| header(headers, "etag"))?;
                let tag = tag.trim_start_matches("W/").trim_matches('"');
                (tag.len() == 64 && tag.bytes().all(|b| b.is_ascii_hexdigit())).then(|| tag.to_ascii_lowercase())
            });
            let status = response.status().as_u16();
            if matches!(status, 301 | 302 | 303 | 307 | 308) {
                let place = header(headers, "location").unwrap_or_default();
                let next = resolve(&address, place)
                    .ok_or_else(|| Error::environment(format!("{url} redirects to {place:?}, which is no address")))?;
                if address.starts_with("https://") && !next.starts_with("https://") {
                    return Err(Error::environment(format!(
                        "{url} redirects from https to {}, which is not protected; not followed",
                        without_query(&next)
                    ))
                    .into());
                }
                address = next;
                continue;
            }
            if matches!(status, 200 | 206 | 416) {
                return Ok(Answer { response, bytes, sha256 });
            }
            return Err(status_failure(url, status, headers, self.token.is_some()));
        }
        Err(Error::environment(format!("{url} redirects more than {MOST_REDIRECTS} times")).into())
    }

    fn attempt(&self, wanted: &mut Wanted, part: &mut Part, monitor: &dyn Monitor) -> Result<u64, Failure> {
        let url = without_query(&wanted.url).to_string();
        part.resume(wanted)?;
        let resumed = part.bytes > 0;
        if !resumed || wanted.bytes != Some(part.bytes) {
            self.receive(wanted, part, monitor)?;
        }
        if let Some(expected) = wanted.sha256.as_ref() {
            let found = part.hash.clone().finish();
            if *expected != found {
                part.discard()?;
                let error =
                    Error::bad_input(format!("{url} has SHA-256 {found}, expected {expected}; it was not used"))
                        .with_hint("try again later; if it stays so, the hub's file is damaged or was changed");
                // The part may have been of another version; a whole download decides.
                return Err(if resumed { Failure::Passing(error, None) } else { Failure::Final(error) });
            }
        }
        Ok(part.bytes)
    }

    /// Asks for the rest of the file and appends it to the part.
    fn receive(&self, wanted: &mut Wanted, part: &mut Part, monitor: &dyn Monitor) -> Result<(), Failure> {
        let url = without_query(&wanted.url).to_string();
        let answer = self.get(&wanted.url, part.bytes)?;
        wanted.bytes = wanted.bytes.or(answer.bytes);
        wanted.sha256 = wanted.sha256.take().or(answer.sha256);
        let headers = answer.response.headers();
        match answer.response.status().as_u16() {
            200 => {
                part.discard()?;
                wanted.bytes = wanted.bytes.or_else(|| header(headers, "content-length")?.parse().ok());
            }
            206 => {
                let begin = format!("bytes {}-", part.bytes);
                if !header(headers, "content-range").is_some_and(|range| range.starts_with(&begin)) {
                    part.discard()?;
                    return Err(passing(format!("{url} answered with another range than the one asked for")));
                }
            }
            _ => {
                part.discard()?;
                return Err(passing(format!("{url} does not go on from where the last download ended")));
            }
        }
        let limit = wanted.bytes.unwrap_or(wanted.largest).min(wanted.largest);
        part.append(answer.response.into_body().into_reader(), limit, &url, monitor)?;
        match wanted.bytes {
            Some(bytes) if part.bytes < bytes => {
                Err(passing(format!("{url} broke off after {} of {bytes} bytes", part.bytes)))
            }
            _ => Ok(()),
        }
    }
}

/// The beginning of a file, on the disk and hashed.
struct Part {
    path: PathBuf,
    bytes: u64,
    /// Bytes that the monitor was told of; after a new beginning it is not told twice.
    reported: u64,
    hash: Sha256,
}

impl Part {
    /// Takes in what an earlier attempt left, if it can be checked in the end.
    fn resume(&mut self, wanted: &Wanted) -> Result<()> {
        (self.bytes, self.hash) = (0, Sha256::new());
        let Ok(data) = fs::metadata(&self.path) else { return Ok(()) };
        if wanted.sha256.is_none() || wanted.bytes.is_some_and(|bytes| data.len() > bytes) {
            return self.discard();
        }
        let mut file = File::open(&self.path).map_err(|e| Error::io("read", &self.path, e))?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer).map_err(|e| Error::io("read", &self.path, e))? {
                0 => return Ok(()),
                count => {
                    self.hash.update(&buffer[..count]);
                    self.bytes += count as u64;
                }
            }
        }
    }

    fn discard(&mut self) -> Result<()> {
        (self.bytes, self.hash) = (0, Sha256::new());
        match fs::remove_file(&self.path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &self.path, e)),
            _ => Ok(()),
        }
    }

    fn append(&mut self, mut body: impl Read, limit: u64, url: &str, monitor: &dyn Monitor) -> Result<(), Failure> {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)
            .map_err(|e| Error::io("write", &self.path, e))?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            monitor.check()?;
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(passing(format!("{url} broke off after {} bytes: {e}", self.bytes))),
            };
            if self.bytes + count as u64 > limit {
                self.discard()?;
                return Err(Error::bad_input(format!("{url} has more than the expected {limit} bytes")).into());
            }
            file.write_all(&buffer[..count]).map_err(|e| Error::io("write", &self.path, e))?;
            self.hash.update(&buffer[..count]);
            self.bytes += count as u64;
            if self.bytes > self.reported {
                monitor.advance((self.bytes - self.reported) as usize);
                self.reported = self.bytes;
            }
        }
        file.sync_all().map_err(|e| Error::io("write", &self.path, e))?;
        Ok(())
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn passing(message: String) -> Failure {
    let hint = "check the network; another `sdmad encoder pull` goes on from where this one ended";
    Failure::Passing(Error::environment(message).with_hint(hint), None)
}

fn refused(url: &str, error: &ureq::Error) -> Failure {
    let url = without_query(url);
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            Error::bad_input(format!("{url} is no address: {error}")).with_hint("check HF_ENDPOINT").into()
        }
        _ => passing(format!("{url} cannot be reached: {error}")),
    }
}

fn status_failure(url: &str, status: u16, headers: &HeaderMap, token: bool) -> Failure {
    let error = |kind, text: &str| Error::new(kind, format!("{} answered with {status}{text}", without_query(url)));
    match status {
        401 | 403 => {
            let hint = match token {
                true => {
                    "the token in HF_TOKEN does not open this model: accept its licence on the hub, or use another token"
                }
                false => "set HF_TOKEN to a token that may read this model, or check its name",
            };
            error(Kind::Environment, " (access refused)").with_hint(hint).into()
        }
        404 => error(Kind::BadInput, " (not found)")
            .with_hint("check organisation, name and revision: hf:ORG/NAME@REVISION")
            .into(),
        408 | 425 | 429 | 500..=599 => {
            let pause = header(headers, "retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
            let error = error(Kind::Environment, " (the server cannot answer now)").with_hint("try again later");
            Failure::Passing(error, pause)
        }
        _ => error(Kind::Environment, ", which was not expected").with_hint("check HF_ENDPOINT").into(),
    }
}

/// Waits, and stops when the user does.
fn wait(pause: Duration, monitor: &dyn Monitor) -> Result<()> {
    let step = Duration::from_millis(50);
    let mut left = pause;
    while !left.is_zero() {
        monitor.check()?;
        std::thread::sleep(left.min(step));
        left = left.saturating_sub(step);
    }
    Ok(())
}
