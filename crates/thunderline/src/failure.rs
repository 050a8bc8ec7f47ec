//! How a command ends badly: what is said, and the exit code.

use std::{fmt, process::ExitCode};

use thunderline_core::{Error, ErrorKind, Problem};
use thunderline_web::dto::problem::ProblemDetails;

/// What the exit codes mean, for `--help`.
pub const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed
  2  the command line is wrong
  3  there is no such thing
  4  the input or the request was refused
  5  the server cannot be reached";

/// The result of a command.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a command failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did not work.
    Failed = 1,
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
}

impl Failure {
    /// A bad end.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), problems: Vec::new() }
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
        Self { exit: exit_of(error.kind()), message: error.chain(), problems: error.problems().to_vec() }
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
        let problems = details.problems.into_iter().map(|problem| Problem {
            path: problem.path,
            reason: problem.reason,
            allowed: problem.allowed,
        });
        let problems: Vec<_> = problems.collect();
        let message = match exit {
            Exit::Failed => format!("{} (request {})", details.detail, details.correlation),
            _ => details.detail,
        };
        Self { exit, message, problems }
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
    fn every_problem_is_told_once() {
        let one = Failure::from(Error::invalid_value("a", "wrong", "right"));
        assert_eq!(one.to_string(), "a: wrong (allowed: right)");
        let problem = Problem { path: "a".into(), reason: "wrong".into(), allowed: "right".into() };
        let two = Failure::from(Error::invalid("2 problems", vec![problem.clone(), problem]));
        assert_eq!(two.to_string().lines().count(), 3);
    }
}
