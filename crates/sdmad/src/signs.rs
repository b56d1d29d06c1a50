//! Sign banks: what to look for, in words, for every category.
//!
//! | file | holds |
//! |---|---|
//! | `bank` | [`Bank`], its [`Category`]s and [`Sign`]s, the prompts, the restriction to a manifest's categories |
//! | `read`, `write` | `bank.toml`, schema 1, in both directions, and the hash of the canonical text |
//! | `shipped` | the banks inside the binary |
//! | `control` | the same bank with its meaning taken away: swapped signs, random texts |
//! | `check`, `structure`, `lexicon` | the lints, and the words that no image shows |
//! | `draft`, `answer`, `chat`, `transcript` | a bank written by a language model, with all that was said kept |
//! | `openai` | the only file here that touches the network |

mod answer;
mod bank;
mod chat;
mod check;
mod control;
mod draft;
mod lexicon;
mod openai;
mod read;
mod shipped;
mod structure;
mod transcript;
mod write;

pub use bank::{Bank, Category, Code, NORMAL, PromptForm, Provenance, Sign};
pub use chat::{Chat, ChatError, ChatErrorKind, ChatRequest, Message, Role};
pub use check::{Finding, LINTS, Lint, Severity, TextEmbedding, check};
pub use draft::{Draft, DraftRequest, draft};
pub use openai::{ApiKey, OpenAiChat};
pub use shipped::{shipped_names, shipped_text};
pub use transcript::{Transcript, TranscriptEntry};
