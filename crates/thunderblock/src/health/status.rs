//! What is healthy: pure decisions over what was measured.

use serde::Serialize;

/// How a part is, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Healthy,
    /// It works, and somebody should look at it.
    Degraded,
    /// It does not work: the server is not ready.
    Unhealthy,
}

impl Status {
    /// The name in tables and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// One part, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `database`, `wal`, `objects`, `disk` or `consistency`.
    pub component: &'static str,
    /// How it is.
    pub status: Status,
    /// What was seen.
    pub detail: String,
    /// What to do about it; empty where nothing is to be done.
    pub advice: &'static str,
}

/// From where on something is not healthy any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Milliseconds that a write and a read of the database may take.
    pub database_ms: u64,
    /// Milliseconds that a blob may take to be written, read and removed.
    pub objects_ms: u64,
    /// Bytes that the write-ahead log may have.
    pub wal_bytes: u64,
    /// Free bytes below which the disk is degraded: a model or two and a few rounds of uploads.
    pub low_bytes: u64,
    /// Free bytes below which nothing can be relied on.
    pub empty_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            database_ms: 1_000,
            objects_ms: 2_000,
            wal_bytes: 256 << 20,
            low_bytes: 2_000_000_000,
            empty_bytes: 200_000_000,
        }
    }
}

fn check(component: &'static str, status: Status, detail: String, advice: &'static str) -> Check {
    let advice = if status == Status::Healthy { "" } else { advice };
    Check { component, status, detail, advice }
}

/// A write and a read of the database: how long they took, or why they failed.
#[must_use]
pub fn database(took_ms: Result<u64, String>, limits: &Limits) -> Check {
    let advice = "look at its disk and at what else uses it";
    match took_ms {
        Ok(ms) if ms <= limits.database_ms => {
            check("database", Status::Healthy, format!("a write and a read took {ms} ms"), advice)
        }
        Ok(ms) => check("database", Status::Degraded, format!("a write and a read took {ms} ms"), advice),
        Err(reason) => check("database", Status::Unhealthy, reason, advice),
    }
}

/// The length of SQLite's write-ahead log.
#[must_use]
pub fn wal(bytes: u64, limits: &Limits) -> Check {
    let status = if bytes <= limits.wal_bytes { Status::Healthy } else { Status::Degraded };
    let advice = "something reads for very long, such as a backup to a slow place; a restart empties it";
    check("wal", status, format!("the write-ahead log has {} MB", bytes / 1_000_000), advice)
}

/// Writing, reading and removing a blob.
#[must_use]
pub fn objects(took_ms: Result<u64, String>, limits: &Limits) -> Check {
    let advice = "look at the disk under the data folder's 'objects', and at its permissions";
    match took_ms {
        Ok(ms) if ms <= limits.objects_ms => {
            check("objects", Status::Healthy, format!("writing and reading a blob took {ms} ms"), advice)
        }
        Ok(ms) => {
            check("objects", Status::Degraded, format!("writing and reading a blob took {ms} ms"), advice)
        }
        Err(reason) => check("objects", Status::Unhealthy, reason, advice),
    }
}

/// Room on the disk.
#[must_use]
pub fn disk(free: u64, limits: &Limits) -> Check {
    let status = match free {
        _ if free < limits.empty_bytes => Status::Unhealthy,
        _ if free < limits.low_bytes => Status::Degraded,
        _ => Status::Healthy,
    };
    let advice = "free some: 'thunderline retention preview' shows what need not be kept";
    check("disk", status, format!("{} MB are free", free / 1_000_000), advice)
}

/// What was looked for after a stop that was not in good order.
#[must_use]
pub fn consistency(findings: &[String], looked_at: &str) -> Check {
    let advice = "restore the newest good backup, or 'thunderline artifacts verify' what matters";
    match findings {
        [] => check("consistency", Status::Healthy, looked_at.to_owned(), advice),
        [first, others @ ..] => {
            let more =
                if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
            check("consistency", Status::Degraded, format!("{first}{more}"), advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_gets_worse_as_it_fills() {
        let limits = Limits::default();
        let at = |free| disk(free, &limits).status;
        assert_eq!(at(limits.low_bytes), Status::Healthy);
        assert_eq!(at(limits.low_bytes - 1), Status::Degraded);
        assert_eq!(at(limits.empty_bytes - 1), Status::Unhealthy);
    }

    #[test]
    fn what_is_slow_is_degraded_and_what_fails_is_unhealthy() {
        let limits = Limits::default();
        for judge in [database, objects] {
            assert_eq!(judge(Ok(1), &limits).status, Status::Healthy);
            assert_eq!(judge(Ok(60_000), &limits).status, Status::Degraded);
            assert_eq!(judge(Err("gone".into()), &limits).status, Status::Unhealthy);
        }
        assert_eq!(wal(limits.wal_bytes + 1, &limits).status, Status::Degraded);
        assert_eq!(consistency(&["page 3".into(), "page 4".into()], "").detail, "page 3 (and 1 more)");
    }

    #[test]
    fn advice_is_given_only_where_something_is_to_be_done() {
        let limits = Limits::default();
        assert_eq!(disk(u64::MAX, &limits).advice, "");
        assert_ne!(disk(0, &limits).advice, "");
    }
}
