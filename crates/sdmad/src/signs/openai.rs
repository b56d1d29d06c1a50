use std::fmt;
use std::time::Duration;

use sdmad_base::{Error, Result};
use serde_json::{Value, json};

use super::chat::{Chat, ChatError, ChatRequest};

/// An answer of more bytes than this is not read to its end.
const LONGEST_BODY: u64 = 4 << 20;
/// Of an error page, this much is read to find its message.
const LONGEST_ERROR: u64 = 64 << 10;
const USER_AGENT: &str = concat!("sdmad/", env!("CARGO_PKG_VERSION"));

/// A secret that neither `Debug` nor any error shows.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes a key as an environment variable holds it; spaces around it are left out.
    ///
    /// # Errors
    /// An empty key, or characters that an HTTP header cannot carry. The key itself is not repeated.
    pub fn new(key: &str) -> Result<Self> {
        let key = key.trim();
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::bad_input("the API key is empty, or has characters that no key has")
                .with_hint("set SDMAD_API_KEY or OPENAI_API_KEY to the key alone, without quotes or line breaks"));
        }
        Ok(ApiKey(key.into()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// Any endpoint that speaks OpenAI's chat completions (`POST {base URL}/chat/completions`).
#[derive(Debug)]
pub struct OpenAiChat {
    url: String,
    key: Option<ApiKey>,
    agent: ureq::Agent,
}

impl OpenAiChat {
    /// An endpoint. One request, with its answer, takes `timeout` at most.
    ///
    /// # Errors
    /// A base URL that is not `http(s)://host[:port][/path]`, or a key that would travel unencrypted to another
    /// machine.
    pub fn new(base_url: &str, key: Option<ApiKey>, timeout: Duration) -> Result<Self> {
        let base = base_url.trim().trim_end_matches('/');
        let refused = |why: &str| {
            Error::bad_input(format!("the base URL `{}` {why}", without_userinfo(base)))
                .with_hint("expected http(s)://host[:port][/path]; it usually ends with /v1")
        };
        let (scheme, rest) = base.split_once("://").ok_or_else(|| refused("has no scheme"))?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(refused("is neither http nor https")),
        };
        let host = rest.split('/').next().unwrap_or_default();
        if host.contains('@') {
            return Err(refused("holds a user name; a key belongs into SDMAD_API_KEY"));
        }
        if host.is_empty() || !rest.bytes().all(|b| b.is_ascii_graphic()) || rest.contains(['?', '#']) {
            return Err(refused("is not a plain address"));
        }
        let here = is_this_machine(host);
        if key.is_some() && !secure && !here {
            return Err(refused("would send the API key unencrypted")
                .with_hint("use https, or unset SDMAD_API_KEY and OPENAI_API_KEY if the server needs no key"));
        }
        // A redirect could carry the prompt, and a proxy a local address, where they do not belong.
        let mut config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(USER_AGENT);
        if here {
            config = config.proxy(None);
        }
        Ok(OpenAiChat { url: format!("{base}/chat/completions"), key, agent: config.build().new_agent() })
    }

    /// The endpoint of `base_url`, else of the variable `OPENAI_BASE_URL`; there is no default host. The key comes
    /// from `SDMAD_API_KEY`, else `OPENAI_API_KEY`; a server that needs none is asked without.
    ///
    /// `variable` looks a variable up: `|name| std::env::var(name).ok()`.
    ///
    /// # Errors
    /// No base URL, or as [`OpenAiChat::new`] and [`ApiKey::new`].
    pub fn from_environment(
        base_url: Option<&str>,
        timeout: Duration,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let base = base_url.map(String::from).or_else(|| set("OPENAI_BASE_URL")).ok_or_else(|| {
            Error::bad_input("no endpoint to ask: neither --base-url nor OPENAI_BASE_URL is given")
                .with_hint("name any OpenAI-compatible endpoint, for example --base-url http://127.0.0.1:8000/v1")
        })?;
        let key = set("SDMAD_API_KEY").or_else(|| set("OPENAI_API_KEY")).map(|k| ApiKey::new(&k)).transpose()?;
        OpenAiChat::new(&base, key, timeout)
    }

    /// What a server says may repeat the key that it was sent.
    fn hidden(&self, text: &str) -> String {
        match &self.key {
            Some(ApiKey(key)) => text.replace(key.as_str(), "(key)"),
            None => text.to_string(),
        }
    }

    fn refusal(&self, status: u16, pause: Option<Duration>, body: &[u8]) -> ChatError {
        let said = self.hidden(&message_of(body));
        let message = format!("{} answered {status}: {said}", self.url);
        let final_ = |hint: &str| ChatError::last(message.clone(), hint);
        match status {
            401 | 403 => final_("check the key in SDMAD_API_KEY or OPENAI_API_KEY, and that it may use this model"),
            404 => final_("check the base URL (it usually ends with /v1) and the model's name"),
            429 if said.contains("quota") => final_("the account has no credit left"),
            408 | 425 | 429 | 500..=599 => ChatError::temporary(message, pause),
            300..=399 => final_("the address has moved; give the new base URL"),
            _ => final_("check the model's name, and that the endpoint takes `response_format` with a JSON schema"),
        }
    }
}

impl Chat for OpenAiChat {
    fn complete(&self, request: &ChatRequest) -> Result<String, ChatError> {
        let body = json!({
            "model": request.model,
            "messages": request.messages,
            "response_format": {"type": "json_schema", "json_schema": {
                "name": request.schema_name, "strict": true, "schema": request.schema,
            }},
        });
        let mut post = self.agent.post(&self.url).header("Accept", "application/json");
        if let Some(ApiKey(key)) = &self.key {
            post = post.header("Authorization", &format!("Bearer {key}"));
        }
        let mut response = post.send_json(&body).map_err(|e| transport(&self.url, e))?;
        let status = response.status().as_u16();
        if status != 200 {
            let seconds = response.headers().get("retry-after").and_then(|v| v.to_str().ok()?.trim().parse().ok());
            let body = read(response.body_mut(), LONGEST_ERROR).unwrap_or_default();
            return Err(self.refusal(status, seconds.map(Duration::from_secs), &body));
        }
        let kind = response.body().mime_type().unwrap_or("nothing").to_string();
        if kind != "application/json" && kind != "text/json" && !kind.ends_with("+json") {
            return Err(ChatError::last(
                format!("{} answered with content of type {}; expected application/json", self.url, self.hidden(&kind)),
                "is the base URL that of an OpenAI-compatible endpoint? It usually ends with /v1",
            ));
        }
        let body = read(response.body_mut(), LONGEST_BODY).map_err(|e| transport(&self.url, e))?;
        let envelope: Value = serde_json::from_slice(&body)
            .map_err(|e| ChatError::temporary(format!("{} answered with broken JSON: {e}", self.url), None))?;
        content_of(&self.url, &envelope)
    }
}

fn read(body: &mut ureq::Body, most: u64) -> Result<Vec<u8>, ureq::Error> {
    body.with_config().limit(most).read_to_vec()
}

/// The text of the first choice.
fn content_of(url: &str, envelope: &Value) -> Result<String, ChatError> {
    let choice = &envelope["choices"][0];
    if let Some(refusal) = choice["message"]["refusal"].as_str() {
        return Err(ChatError::last(format!("the model refused: {}", brief(refusal)), "try another model"));
    }
    if choice["finish_reason"] == "length" {
        return Err(ChatError::last(
            "the model's answer was cut at its longest length",
            "ask for fewer signs or categories, or choose a model with longer answers",
        ));
    }
    match choice["message"]["content"].as_str() {
        Some(content) => Ok(content.to_string()),
        None => Err(ChatError::last(
            format!("{url} answered without choices[0].message.content"),
            "is the base URL that of an OpenAI-compatible endpoint? It usually ends with /v1",
        )),
    }
}

fn transport(url: &str, error: ureq::Error) -> ChatError {
    use std::io::ErrorKind;
    let message = format!("{url}: {error}");
    match &error {
        ureq::Error::HostNotFound | ureq::Error::BadUri(_) => {
            ChatError::last(message, "check the base URL and the network")
        }
        ureq::Error::Io(e) if e.kind() == ErrorKind::ConnectionRefused => {
            ChatError::last(message, "is the server running, and is the port right?")
        }
        ureq::Error::BodyExceedsLimit(_) => {
            ChatError::last(format!("{url}: the answer is longer than {LONGEST_BODY} bytes"), "try another model")
        }
        _ => ChatError::temporary(message, None),
    }
}

/// The message of an error page: OpenAI's `error.message`, else the page's first words.
fn message_of(body: &[u8]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let candidates = [&json["error"]["message"], &json["error"], &json["message"], &json["detail"]];
    match candidates.iter().find_map(|v| v.as_str()) {
        Some(message) => brief(message),
        None if body.is_empty() => "(nothing more)".into(),
        None => brief(&String::from_utf8_lossy(body)),
    }
}

/// One line of at most 300 characters, without anything that could steer a terminal.
fn brief(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    words.join(" ").chars().take(300).collect()
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A user name or password in an address is not repeated.
fn without_userinfo(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://(hidden){}", &url[..scheme], &url[at..]),
        _ => url.to_string(),
    }
}

#[cfg(test)]
mod tests;
