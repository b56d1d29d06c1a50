use sdmad_base::sha256_hex;
use serde::{Deserialize, Serialize};

use super::chat::Message;

/// All that was said while a bank was drafted; written beside it as `<bank>.transcript.jsonl`.
///
/// It holds no key, no address and no time, so that the same answers give the same file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// In the order in which they happened.
    pub entries: Vec<TranscriptEntry>,
}

/// One line of a transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum TranscriptEntry {
    /// What the model was asked. Later requests repeat only what is new.
    Asked {
        /// The model's name.
        model: String,
        /// The new turns of the conversation.
        messages: Vec<Message>,
    },
    /// What came back, word for word.
    Answered {
        /// The answer's text.
        content: String,
    },
    /// Nothing came back.
    Failed {
        /// Why.
        message: String,
        /// The pause before the next try, in seconds; none after the last.
        pause_seconds: Option<u64>,
    },
    /// The answer was not taken.
    Rejected {
        /// What the model was told about it.
        reasons: Vec<String>,
    },
    /// The answer was taken.
    Accepted {
        /// What remains to be looked at.
        warnings: Vec<String>,
    },
}

impl Transcript {
    /// One JSON object on each line.
    pub fn to_jsonl(&self) -> String {
        let mut out = String::new();
        for entry in &self.entries {
            // Strings and finite numbers always serialise.
            if let Ok(line) = serde_json::to_string(entry) {
                out.push_str(&line);
                out.push('\n');
            }
        }
        out
    }

    /// SHA-256 of [`Transcript::to_jsonl`], as 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> String {
        sha256_hex(self.to_jsonl().as_bytes())
    }
}
