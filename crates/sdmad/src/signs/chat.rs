use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A language model that answers one request at a time.
pub trait Chat {
    /// The answer's text.
    ///
    /// # Errors
    /// [`ChatErrorKind::Temporary`] where asking again may help, [`ChatErrorKind::Final`] where it cannot.
    fn complete(&self, request: &ChatRequest) -> Result<String, ChatError>;
}

/// What is asked of a language model.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// The model's name at its endpoint.
    pub model: String,
    /// The conversation so far, oldest first.
    pub messages: Vec<Message>,
    /// The JSON schema that the answer is to obey.
    pub schema: serde_json::Value,
    /// The schema's name, for the endpoint.
    pub schema_name: String,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The frame of the conversation.
    System,
    /// sdmad.
    User,
    /// The model.
    Assistant,
}

/// Why no answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatError {
    /// Whether asking again may help.
    pub kind: ChatErrorKind,
    /// What happened; never holds a key.
    pub message: String,
    /// What the user can do about it.
    pub hint: Option<String>,
}

/// Whether asking again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatErrorKind {
    /// It may: rate limit, overload, a cut connection. The pause is the one that the endpoint asked for.
    Temporary(Option<Duration>),
    /// It cannot: a refused key, an unknown model, no such endpoint.
    Final,
}

impl ChatError {
    /// An error after which asking again may help.
    pub fn temporary(message: impl Into<String>, pause: Option<Duration>) -> Self {
        ChatError { kind: ChatErrorKind::Temporary(pause), message: message.into(), hint: None }
    }

    /// An error after which asking again cannot help, and what can.
    pub fn last(message: impl Into<String>, hint: impl Into<String>) -> Self {
        ChatError { kind: ChatErrorKind::Final, message: message.into(), hint: Some(hint.into()) }
    }
}

impl fmt::Display for ChatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ChatError {}

impl From<ChatError> for sdmad_base::Error {
    fn from(error: ChatError) -> Self {
        let hint = error.hint.unwrap_or_else(|| "try again later".into());
        sdmad_base::Error::environment(error.message).with_hint(hint)
    }
}
