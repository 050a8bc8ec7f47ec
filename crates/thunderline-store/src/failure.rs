//! The one place where a driver's error becomes ours.

use sqlx::error::ErrorKind as Violation;
use thunderline_core::{Error, ErrorKind};

/// Says what the driver's error means for the caller; `what` is the statement's name or the step that failed.
pub(crate) fn explain(what: &str, error: sqlx::Error) -> Error {
    let (kind, why) = match &error {
        sqlx::Error::PoolTimedOut => (ErrorKind::Unavailable, "the database is busy"),
        sqlx::Error::PoolClosed => (ErrorKind::Unavailable, "the database is closed"),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => {
            (ErrorKind::Unavailable, "the database is away")
        }
        sqlx::Error::Database(database) => match database.kind() {
            Violation::UniqueViolation => (ErrorKind::Conflict, "that exists already"),
            Violation::ForeignKeyViolation => (ErrorKind::Conflict, "something else refers to that"),
            _ => by_code(database.code().as_deref().unwrap_or_default()),
        },
        _ => (ErrorKind::Internal, "the statement failed"),
    };
    Error::new(kind, format!("{what}: {why}")).caused_by(error)
}

/// PostgreSQL's codes have five characters (its manual, appendix A), SQLite's are numbers whose low byte is the
/// primary code (sqlite.org/rescode.html).
fn by_code(code: &str) -> (ErrorKind, &'static str) {
    if code.len() == 5 {
        return match (code, &code[..2]) {
            ("40001" | "40P01", _) => (ErrorKind::Conflict, "somebody else was first"),
            ("55P03", _) => (ErrorKind::Unavailable, "the database is busy"),
            ("57014", _) => (ErrorKind::Timeout, "the statement took too long"),
            (_, "08" | "53" | "57") => (ErrorKind::Unavailable, "the database is away"),
            _ => (ErrorKind::Internal, "the statement failed"),
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(5 | 6) => (ErrorKind::Unavailable, "the database is busy"),
        Ok(10 | 13) => (ErrorKind::Unavailable, "the database's disk failed or is full"),
        _ => (ErrorKind::Internal, "the statement failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losing_a_race_is_a_conflict_and_a_busy_database_is_unavailable() {
        assert_eq!(by_code("40001").0, ErrorKind::Conflict);
        assert_eq!(by_code("40P01").0, ErrorKind::Conflict);
        assert_eq!(by_code("517").0, ErrorKind::Unavailable, "SQLITE_BUSY_SNAPSHOT");
        assert_eq!(by_code("57P01").0, ErrorKind::Unavailable);
        assert_eq!(by_code("42P01").0, ErrorKind::Internal);
        assert_eq!(by_code("").0, ErrorKind::Internal);
    }
}
