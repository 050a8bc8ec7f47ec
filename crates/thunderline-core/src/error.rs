//! The one error type below the edge.
//!
//! Every error has a stable code (for programs), a message for the caller, and a source for the log only. The edge maps
//! [`ErrorKind`] once to HTTP and once to gRPC; [`ErrorClass`] decides whether a retry makes sense.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The input is wrong; the caller can mend it.
    Invalid,
    /// The caller did not say, or did not prove, who it is.
    Unauthenticated,
    /// The policy says no.
    Forbidden,
    /// There is no such thing, or the caller may not know that there is.
    NotFound,
    /// The thing is in a state in which this cannot be done, or somebody else was first.
    Conflict,
    /// More bytes than allowed.
    TooLarge,
    /// A dependency is away or the server is not ready; trying again may help.
    Unavailable,
    /// It took too long.
    Timeout,
    /// Our fault.
    Internal,
}

/// What a caller or a job runner should make of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Wrong input: a retry fails again.
    Validation,
    /// May pass by itself: retry.
    Transient,
    /// Will not pass by itself.
    Permanent,
    /// Took too long: retry with care.
    Timeout,
    /// Something we depend on failed: retry.
    Dependency,
    /// Refused: never retry.
    Security,
}

impl ErrorClass {
    /// The class's name in tables and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Timeout => "timeout",
            Self::Dependency => "dependency",
            Self::Security => "security",
        }
    }
}

/// One thing that is wrong with the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where: `round.quorum`, `dataset_spec.uris[2]`.
    pub path: String,
    /// Why it is refused.
    pub reason: String,
    /// What would be accepted.
    pub allowed: String,
}

/// A failure.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    problems: Vec<Problem>,
    source: Option<Source>,
}

impl Error {
    /// A failure of the given kind, with the message that the caller may see.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), problems: Vec::new(), source: None }
    }

    /// All that is wrong with an input, at once.
    #[must_use]
    pub fn invalid(message: impl Into<String>, problems: Vec<Problem>) -> Self {
        Self { problems, ..Self::new(ErrorKind::Invalid, message) }
    }

    /// One wrong value.
    pub fn invalid_value(
        path: impl Into<String>,
        reason: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        let problem = Problem { path: path.into(), reason: reason.into(), allowed: allowed.into() };
        Self::invalid(problem.to_string(), vec![problem])
    }

    /// No such thing.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, format!("{what} does not exist"))
    }

    /// Not in this state, or somebody else was first.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// The policy says no.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Forbidden, message)
    }

    /// Trying again may help.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// Our fault; the message is for the log, callers see a general sentence.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// Attaches the cause, which is logged and never shown to callers.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.kind {
            ErrorKind::Invalid => "invalid",
            ErrorKind::Unauthenticated => "unauthenticated",
            ErrorKind::Forbidden => "forbidden",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::TooLarge => "too_large",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Internal => "internal",
        }
    }

    /// Whether a retry makes sense.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self.kind {
            ErrorKind::Invalid | ErrorKind::TooLarge => ErrorClass::Validation,
            ErrorKind::Unauthenticated | ErrorKind::Forbidden => ErrorClass::Security,
            ErrorKind::NotFound | ErrorKind::Internal => ErrorClass::Permanent,
            ErrorKind::Conflict => ErrorClass::Transient,
            ErrorKind::Unavailable => ErrorClass::Dependency,
            ErrorKind::Timeout => ErrorClass::Timeout,
        }
    }

    /// The details of a wrong input; empty for other kinds.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What the caller may see: internals stay in the log.
    #[must_use]
    pub fn external(&self) -> &str {
        match self.kind {
            ErrorKind::Internal => "something went wrong on the server; its log says what",
            _ => &self.message,
        }
    }

    /// The whole chain of causes in one line, for the log.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut next = std::error::Error::source(self);
        while let Some(error) = next {
            text.push_str(": ");
            text.push_str(&error.to_string());
            next = error.source();
        }
        text
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (allowed: {})", self.path, self.reason, self.allowed)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::internal("input or output failed").caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_details_reach_the_log_and_not_the_caller() {
        let error = Error::internal("reading row 7").caused_by(std::io::Error::other("disk on fire"));
        assert!(!error.external().contains("row 7"));
        assert_eq!(error.chain(), "reading row 7: disk on fire");
    }
}
