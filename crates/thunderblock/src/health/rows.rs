//! Tables `block_probe` and `block_health`.

use serde::Serialize;
use thunderline_core::{Cx, Result, Timestamp};
use thunderline_store::{Query, Stmt, Write, args};
use uuid::Uuid;

use super::{Check, READ_ACTION};
use crate::Block;

pub(crate) const STATEMENTS: &[&Stmt] = &[&PROBE, &READ, &INSERT, &LIST];

const PROBE: Stmt = Stmt::new(
    "block.probe.write",
    "insert into block_probe (node, at) values ($1, $2) on conflict (node) do update set at = excluded.at",
);
const READ: Stmt = Stmt::new("block.probe.read", "select at from block_probe where node = $1");
const INSERT: Stmt = Stmt::new(
    "block.health.insert",
    "insert into block_health (id, node, component, status, detail, at) values ($1, $2, $3, $4, $5, $6)",
);
const LIST: Stmt = Stmt::new(
    "block.health.list",
    "select node, component, status, detail, at from block_health where at < $1 or $1 is null
     order by at desc, id desc limit $2",
);

/// A part's health changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// In which process.
    pub node: String,
    /// Which part.
    pub component: String,
    /// How it is since then.
    pub status: String,
    /// What was seen.
    pub detail: String,
    /// When.
    pub at: Timestamp,
}

pub(super) async fn probe(write: &mut Write, node: &str, at: Timestamp) -> Result<()> {
    write.exec(&PROBE, args![node, at]).await.map(drop)
}

pub(super) async fn probed(query: &mut impl Query, node: &str) -> Result<Option<Timestamp>> {
    query.one(&READ, args![node]).await?.map(|row| row.get("at")).transpose()
}

pub(super) async fn insert(
    write: &mut Write,
    id: Uuid,
    node: &str,
    check: &Check,
    at: Timestamp,
) -> Result<()> {
    let args = args![id, node, check.component, check.status.name(), check.detail.as_str(), at];
    write.exec(&INSERT, args).await.map(drop)
}

/// How health changed, the newest first; `before` continues a listing.
///
/// # Errors
/// `forbidden`.
pub async fn changes(cx: &Cx, block: &Block, before: Option<Timestamp>, limit: u32) -> Result<Vec<Change>> {
    let mut read = block.db.read(cx, &READ_ACTION).await?;
    let rows = read.all(&LIST, args![before, limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Change {
                node: row.get("node")?,
                component: row.get("component")?,
                status: row.get("status")?,
                detail: row.get("detail")?,
                at: row.get("at")?,
            })
        })
        .collect()
}
