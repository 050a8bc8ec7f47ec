//! Table `block_backups`.

use serde::Serialize;
use thunderline_core::{Error, Result, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};
use uuid::Uuid;

use super::Made;

pub(crate) const STATEMENTS: &[&Stmt] = &[&INSERT, &BY_ID, &OPEN, &LIST, &SET_RUNNING, &COMPLETE, &FAIL];

const INSERT: Stmt = Stmt::new(
    "block.backups.insert",
    "insert into block_backups (id, requested_by, path, state, requested_at) values ($1, $2, $3, 'waiting', $4)",
);
const BY_ID: Stmt = Stmt::new("block.backups.by_id", "select * from block_backups where id = $1");
const OPEN: Stmt = Stmt::new(
    "block.backups.open",
    "select * from block_backups where state in ('waiting', 'running') order by requested_at limit 1",
);
const LIST: Stmt = Stmt::new(
    "block.backups.list",
    "select * from block_backups where requested_at < $1 or $1 is null order by requested_at desc, id desc limit $2",
);
const SET_RUNNING: Stmt = Stmt::new(
    "block.backups.set_running",
    "update block_backups set state = 'running' where id = $1 and state = 'waiting'",
);
const COMPLETE: Stmt = Stmt::new(
    "block.backups.complete",
    "update block_backups set state = 'completed', size_bytes = $2, seal = $3, files = $4, damaged = $5, outbox = $6,
        finished_at = $7
     where id = $1 and state = 'running'",
);
const FAIL: Stmt = Stmt::new(
    "block.backups.fail",
    "update block_backups set state = 'failed', reason = $2, finished_at = $3
     where id = $1 and state in ('waiting', 'running')",
);

/// Where a backup stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupState {
    /// It was asked for.
    Waiting,
    /// It is being made.
    Running,
    /// It is complete and on disk.
    Completed,
    /// There is none.
    Failed,
}

impl BackupState {
    /// The name in the table and in listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    fn named(name: &str) -> Result<Self> {
        let all = [Self::Waiting, Self::Running, Self::Completed, Self::Failed];
        let found = all.into_iter().find(|state| state.name() == name);
        found.ok_or_else(|| Error::internal(format!("block_backups.state holds '{name}'")))
    }

    /// Whether it will change no more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// A backup that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// Its id.
    pub id: Uuid,
    /// Who asked.
    pub requested_by: String,
    /// Where it is or shall be, on the server's machine.
    pub path: String,
    /// Where it stands.
    pub state: BackupState,
    /// Why there is none.
    pub reason: Option<String>,
    /// The file's length.
    pub size_bytes: Option<u64>,
    /// The digest of its table of contents.
    pub seal: Option<String>,
    /// How many files it holds.
    pub files: Option<u64>,
    /// How many objects were damaged where they were copied from.
    pub damaged: Option<u64>,
    /// The sequence of its newest event.
    pub outbox: Option<i64>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it was complete, or failed.
    pub finished_at: Option<Timestamp>,
}

fn from_row(row: &Row) -> Result<Backup> {
    Ok(Backup {
        id: row.get("id")?,
        requested_by: row.get("requested_by")?,
        path: row.get("path")?,
        state: BackupState::named(&row.get::<String>("state")?)?,
        reason: row.get("reason")?,
        size_bytes: row.get("size_bytes")?,
        seal: row.get("seal")?,
        files: row.get("files")?,
        damaged: row.get("damaged")?,
        outbox: row.get("outbox")?,
        requested_at: row.get("requested_at")?,
        finished_at: row.get("finished_at")?,
    })
}

pub(super) async fn insert(write: &mut Write, id: Uuid, by: &str, path: &str, now: Timestamp) -> Result<()> {
    write.exec(&INSERT, args![id, by, path, now]).await.map(drop)
}

pub(super) async fn by_id(query: &mut impl Query, id: Uuid) -> Result<Option<Backup>> {
    query.one(&BY_ID, args![id]).await?.as_ref().map(from_row).transpose()
}

/// The oldest one that is not over.
pub(super) async fn open(query: &mut impl Query) -> Result<Option<Backup>> {
    query.one(&OPEN, args![]).await?.as_ref().map(from_row).transpose()
}

/// The newest first; `before` continues a listing.
pub(super) async fn list(
    query: &mut impl Query,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<Backup>> {
    query.all(&LIST, args![before, limit]).await?.iter().map(from_row).collect()
}

/// False where it does not wait.
pub(super) async fn set_running(write: &mut Write, id: Uuid) -> Result<bool> {
    Ok(write.exec(&SET_RUNNING, args![id]).await? == 1)
}

pub(super) async fn complete(write: &mut Write, id: Uuid, made: &Made, now: Timestamp) -> Result<()> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let args = args![
        id,
        number(made.size_bytes),
        made.seal.to_string(),
        number(made.files),
        number(made.damaged.len() as u64),
        made.outbox,
        now
    ];
    write.exec(&COMPLETE, args).await.map(drop)
}

pub(super) async fn fail(write: &mut Write, id: Uuid, reason: &str, now: Timestamp) -> Result<()> {
    write.exec(&FAIL, args![id, reason, now]).await.map(drop)
}
