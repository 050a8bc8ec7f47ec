//! How a command ends badly: what is said, and the exit code.

use std::{fmt, process::ExitCode};

use thunderline_core::{Error, ErrorKind, Problem};
use thunderline_web::{
    dto::problem::ProblemDetails,
    problem::{status, title, urn},
};

/// What the exit codes mean, for `--help`.
pub const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed
  2  the command line is wrong
  3  there is no such thing
  4  the input or the request was refused
  5  the server cannot be reached
With --json, the last line of standard error is then the error: a problem document, as the REST interface answers.
Its 'problems' name each option or field that is wrong, the reason and what is allowed.";

/// The result of a command.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a command failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did not work.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is no such thing.
    NotFound = 3,
    /// The input or the request was refused.
    Refused = 4,
    /// The server cannot be reached.
    Unreachable = 5,
}

/// A command's bad end.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened, in words.
    pub message: String,
    /// All that is wrong with an input.
    pub problems: Vec<Problem>,
    origin: Origin,
}

/// Where a failure comes from: what its document says beside the message.
#[derive(Clone, Debug)]
enum Origin {
    /// This program, which knows the kind or only the exit code.
    Here(Option<ErrorKind>),
    /// The server, which said it in a document of its own.
    Server(Box<ProblemDetails>),
}

impl Failure {
    /// A bad end.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        let kind = match exit {
            Exit::NotFound => Some(ErrorKind::NotFound),
            Exit::Refused => Some(ErrorKind::Invalid),
            Exit::Unreachable => Some(ErrorKind::Unavailable),
            Exit::Failed | Exit::Usage => None,
        };
        Self { exit, message: message.into(), problems: Vec::new(), origin: Origin::Here(kind) }
    }

    /// It did not work.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// The exit code for the operating system.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }

    /// The document for programs: what the server answered, or the same shape with an empty correlation where no server
    /// was asked. Codes beside those of the REST interface: `usage` and `failed`.
    #[must_use]
    pub fn details(&self) -> ProblemDetails {
        let (code, title, status) = match &self.origin {
            Origin::Server(details) => {
                return ProblemDetails { detail: self.message.clone(), ..(**details).clone() };
            }
            Origin::Here(Some(kind)) if *kind != ErrorKind::Internal => {
                (Error::new(*kind, "").code(), title(*kind), status(*kind).as_u16())
            }
            Origin::Here(_) if self.exit == Exit::Usage => ("usage", "The command line is wrong", 400),
            Origin::Here(_) => ("failed", "It did not work", 500),
        };
        ProblemDetails {
            r#type: urn(code),
            title: title.to_owned(),
            status,
            code: code.to_owned(),
            detail: self.message.clone(),
            problems: self.problems.iter().map(Into::into).collect(),
            correlation: String::new(),
        }
    }
}

const fn exit_of(kind: ErrorKind) -> Exit {
    match kind {
        ErrorKind::NotFound => Exit::NotFound,
        ErrorKind::Invalid
        | ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::Conflict
        | ErrorKind::TooLarge => Exit::Refused,
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Internal => Exit::Failed,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // Whoever runs the command owns the machine, so the causes are theirs to see.
        Self {
            exit: exit_of(error.kind()),
            message: error.chain(),
            problems: error.problems().to_vec(),
            origin: Origin::Here(Some(error.kind())),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<ProblemDetails> for Failure {
    fn from(details: ProblemDetails) -> Self {
        let exit = match details.status {
            404 => Exit::NotFound,
            500.. => Exit::Failed,
            _ => Exit::Refused,
        };
        let problems = details.problems.iter().map(|problem| Problem {
            path: problem.path.clone(),
            reason: problem.reason.clone(),
            allowed: problem.allowed.clone(),
        });
        let message = match exit {
            Exit::Failed => format!("{} (request {})", details.detail, details.correlation),
            _ => details.detail.clone(),
        };
        Self { exit, message, problems: problems.collect(), origin: Origin::Server(Box::new(details)) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        // A single problem is the message already.
        if self.problems.len() == 1 && self.problems[0].to_string() == self.message {
            return Ok(());
        }
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_error_has_its_exit_code() {
        let code = |error: Error| Failure::from(error).exit as u8;
        assert_eq!(code(Error::internal("")), 1);
        assert_eq!(code(Error::not_found("")), 3);
        assert_eq!(code(Error::conflict("")), 4);
        assert_eq!(code(Error::forbidden("")), 4);
    }

    #[test]
    fn every_failure_has_a_document_of_one_shape() {
        let code = |failure: Failure| {
            let details = failure.details();
            assert_eq!((details.r#type, details.detail), (urn(&details.code), failure.message));
            (details.code, details.status)
        };
        assert_eq!(code(Failure::new(Exit::Usage, "x")), ("usage".into(), 400));
        assert_eq!(code(Failure::new(Exit::Unreachable, "x")), ("unavailable".into(), 503));
        assert_eq!(code(Failure::failed("x")), ("failed".into(), 500));
        assert_eq!(code(Error::internal("x").into()), ("failed".into(), 500));
        assert_eq!(code(Error::conflict("x").into()), ("conflict".into(), 409));
        let wrong = Failure::from(Error::invalid_value("a", "wrong", "right")).details();
        assert_eq!((wrong.code.as_str(), wrong.problems[0].path.as_str()), ("invalid", "a"));
    }

    #[test]
    fn what_the_server_answered_is_its_own_document() {
        let said = ProblemDetails {
            r#type: urn("invalid"),
            title: "Bad Request".into(),
            status: 400,
            code: "invalid".into(),
            detail: "no such thing".into(),
            problems: Vec::new(),
            correlation: "c".into(),
        };
        assert_eq!(Failure::from(said.clone()).details(), said);
    }

    #[test]
    fn every_problem_is_told_once() {
        let one = Failure::from(Error::invalid_value("a", "wrong", "right"));
        assert_eq!(one.to_string(), "a: wrong (allowed: right)");
        let problem = Problem { path: "a".into(), reason: "wrong".into(), allowed: "right".into() };
        let two = Failure::from(Error::invalid("2 problems", vec![problem.clone(), problem]));
        assert_eq!(two.to_string().lines().count(), 3);
    }
}
