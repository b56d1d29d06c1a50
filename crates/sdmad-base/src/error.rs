use std::fmt;
use std::io;
use std::path::Path;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of thing went wrong; it decides the exit status of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A file, value or command line that the user can mend. Exit status 2.
    BadInput,
    /// Something that the environment refused: network, disk, permission. Exit status 1.
    Environment,
    /// A check found what a user must mend. Exit status 1.
    Findings,
    /// Interrupted by the user. Exit status 130.
    Interrupted,
}

impl Kind {
    /// The exit status of a command that ends with an error of this kind.
    pub fn exit_status(self) -> u8 {
        match self {
            Kind::BadInput => 2,
            Kind::Environment | Kind::Findings => 1,
            Kind::Interrupted => 130,
        }
    }
}

/// An error that says what is wrong, where, what was expected, and what to do next.
///
/// The message names file and value; [`Error::hint`] is the next step.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with a message that names the file, the value and what was expected.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), hint: None, source: None }))
    }

    /// Short for [`Error::new`] with [`Kind::BadInput`].
    pub fn bad_input(message: impl Into<String>) -> Self {
        Error::new(Kind::BadInput, message)
    }

    /// Short for [`Error::new`] with [`Kind::Environment`].
    pub fn environment(message: impl Into<String>) -> Self {
        Error::new(Kind::Environment, message)
    }

    /// The error of a file operation. `action` is an infinitive: `"read"`, `"write"`, `"list"`.
    ///
    /// A file that is missing or is no regular file is the user's to mend; anything else is the environment's.
    pub fn io(action: &str, path: &Path, source: io::Error) -> Self {
        use io::ErrorKind as K;
        let (kind, hint) = match source.kind() {
            K::NotFound => (Kind::BadInput, Some("check the path; relative paths start at the current folder")),
            K::IsADirectory => (Kind::BadInput, Some("name a file, not a folder")),
            K::NotADirectory => (Kind::BadInput, Some("name a folder, not a file")),
            K::AlreadyExists => (Kind::BadInput, Some("name another place, or move what is there away")),
            K::InvalidData => (Kind::BadInput, None),
            K::PermissionDenied | K::ReadOnlyFilesystem => {
                (Kind::Environment, Some("choose a folder that you may write to, or change its permissions"))
            }
            K::StorageFull | K::QuotaExceeded => (Kind::Environment, Some("free some space, or choose another disk")),
            _ => (Kind::Environment, None),
        };
        let mut error = Error::new(kind, format!("cannot {action} {}: {source}", path.display()));
        error.0.hint = hint.map(String::from);
        error.0.source = Some(Box::new(source));
        error
    }

    /// Adds the next step for the user, in the imperative.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Puts where it happened in front of the message: `"shots.csv, line 4"`.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.message = format!("{place}: {}", self.0.message);
        self
    }

    /// What sort of thing went wrong.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The next step for the user, if there is one.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.0.message)?;
        if let Some(hint) = &self.0.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_the_users_and_a_full_disk_is_not() {
        let path = Path::new("a/b.png");
        let missing = Error::io("read", path, io::ErrorKind::NotFound.into());
        assert_eq!((missing.kind(), missing.kind().exit_status()), (Kind::BadInput, 2));
        assert!(missing.to_string().contains("a/b.png"));
        let full = Error::io("write", path, io::ErrorKind::StorageFull.into());
        assert_eq!((full.kind(), full.kind().exit_status()), (Kind::Environment, 1));
    }

    #[test]
    fn the_place_stands_in_front() {
        let error = Error::bad_input("label `2` is not 1, 0 or empty").at("manifest.csv, line 4");
        assert_eq!(error.to_string(), "manifest.csv, line 4: label `2` is not 1, 0 or empty");
    }
}
