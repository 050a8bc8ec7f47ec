//! Tables `block_checkpoints` and `block_resumes`.

use serde::Serialize;
use thunderline_core::{Error, Result, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};
use uuid::Uuid;

use super::{Content, Item, Resume};

pub(crate) const STATEMENTS: &[&Stmt] =
    &[&INSERT, &BY_ID, &NEWEST, &LIST, &CLEAR, &ADD, &OPEN, &OF_START, &DONE];

const INSERT: Stmt = Stmt::new(
    "block.checkpoints.insert",
    "insert into block_checkpoints (id, node, reason, clean, note, outbox, content, at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)",
);
const BY_ID: Stmt = Stmt::new("block.checkpoints.by_id", "select * from block_checkpoints where id = $1");
const NEWEST: Stmt = Stmt::new(
    "block.checkpoints.newest",
    "select * from block_checkpoints where node = $1 order by at desc, id desc limit 1",
);
const LIST: Stmt = Stmt::new(
    "block.checkpoints.list",
    "select * from block_checkpoints where at < $1 or $1 is null order by at desc, id desc limit $2",
);
const CLEAR: Stmt =
    Stmt::new("block.resumes.clear", "delete from block_resumes where resumed_at is not null");
const ADD: Stmt = Stmt::new(
    "block.resumes.add",
    "insert into block_resumes (kind, id, label, mark, start, since) values ($1, $2, $3, $4, $5, $6)
     on conflict (kind, id) do update set label = excluded.label, mark = excluded.mark, start = excluded.start,
        since = excluded.since, resumed_at = null",
);
const OPEN: Stmt = Stmt::new(
    "block.resumes.open",
    "select * from block_resumes where resumed_at is null order by kind, id limit 10000",
);
const OF_START: Stmt = Stmt::new(
    "block.resumes.of_start",
    "select * from block_resumes where start = $1 order by kind, id limit 10000",
);
const DONE: Stmt = Stmt::new(
    "block.resumes.done",
    "update block_resumes set resumed_at = $3 where kind = $1 and id = $2 and resumed_at is null",
);

/// Why a checkpoint was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The server started.
    Start,
    /// Time had passed.
    Periodic,
    /// The server stopped in good order.
    Shutdown,
    /// Somebody asked.
    Manual,
}

impl Reason {
    /// The name in the table and in listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Periodic => "periodic",
            Self::Shutdown => "shutdown",
            Self::Manual => "manual",
        }
    }

    fn named(name: &str) -> Result<Self> {
        let all = [Self::Start, Self::Periodic, Self::Shutdown, Self::Manual];
        let found = all.into_iter().find(|reason| reason.name() == name);
        found.ok_or_else(|| Error::internal(format!("block_checkpoints.reason holds '{name}'")))
    }
}

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checkpoint {
    /// Its id.
    pub id: Uuid,
    /// Of which process.
    pub node: String,
    /// Why it was taken.
    pub reason: Reason,
    /// Of a start: whether the stop before it was in good order; none at the first start.
    pub clean: Option<bool>,
    /// What is to be said about it.
    pub note: Option<String>,
    /// The sequence of the newest event.
    pub outbox: i64,
    /// What was running, and how far everybody had come.
    pub content: Content,
    /// When.
    pub at: Timestamp,
}

fn from_row(row: &Row) -> Result<Checkpoint> {
    let content: String = row.get("content")?;
    Ok(Checkpoint {
        id: row.get("id")?,
        node: row.get("node")?,
        reason: Reason::named(&row.get::<String>("reason")?)?,
        clean: row.get("clean")?,
        note: row.get("note")?,
        outbox: row.get("outbox")?,
        content: serde_json::from_str(&content).map_err(|error| {
            Error::internal("block_checkpoints.content holds something else").caused_by(error)
        })?,
        at: row.get("at")?,
    })
}

pub(super) async fn insert(write: &mut Write, checkpoint: &Checkpoint) -> Result<()> {
    let args = args![
        checkpoint.id,
        checkpoint.node.as_str(),
        checkpoint.reason.name(),
        checkpoint.clean,
        checkpoint.note.as_deref(),
        checkpoint.outbox,
        serde_json::to_string(&checkpoint.content).expect("a checkpoint is plain data"),
        checkpoint.at
    ];
    write.exec(&INSERT, args).await.map(drop)
}

pub(super) async fn by_id(query: &mut impl Query, id: Uuid) -> Result<Option<Checkpoint>> {
    query.one(&BY_ID, args![id]).await?.as_ref().map(from_row).transpose()
}

pub(super) async fn newest(query: &mut impl Query, node: &str) -> Result<Option<Checkpoint>> {
    query.one(&NEWEST, args![node]).await?.as_ref().map(from_row).transpose()
}

/// The newest first; `before` continues a listing.
pub(super) async fn list(
    query: &mut impl Query,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<Checkpoint>> {
    query.all(&LIST, args![before, limit]).await?.iter().map(from_row).collect()
}

fn resume_from(row: &Row) -> Result<Resume> {
    Ok(Resume {
        kind: row.get("kind")?,
        id: row.get("id")?,
        label: row.get("label")?,
        mark: row.get("mark")?,
        since: row.get("since")?,
        resumed_at: row.get("resumed_at")?,
    })
}

/// Remembers what a stop interrupted; what went on since an earlier one is forgotten.
pub(super) async fn expect(write: &mut Write, start: Uuid, items: &[Item], now: Timestamp) -> Result<()> {
    write.exec(&CLEAR, args![]).await?;
    for item in items {
        let args =
            args![item.kind.as_str(), item.id.as_str(), item.label.as_str(), item.mark.as_str(), start, now];
        write.exec(&ADD, args).await?;
    }
    Ok(())
}

pub(super) async fn open(query: &mut impl Query) -> Result<Vec<Resume>> {
    query.all(&OPEN, args![]).await?.iter().map(resume_from).collect()
}

pub(super) async fn of_start(query: &mut impl Query, start: Uuid) -> Result<Vec<Resume>> {
    query.all(&OF_START, args![start]).await?.iter().map(resume_from).collect()
}

pub(super) async fn done(write: &mut Write, resume: &Resume, now: Timestamp) -> Result<()> {
    write.exec(&DONE, args![resume.kind.as_str(), resume.id.as_str(), now]).await.map(drop)
}
