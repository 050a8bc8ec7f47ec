//! Table `link_heartbeats`.

use serde::Serialize;
use thunderline_core::{NodeId, Result, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use crate::session::Tally;

pub(crate) const STATEMENTS: &[&Stmt] = &[&INSERT, &OF_NODE, &PRUNE];

const INSERT: Stmt = Stmt::new(
    "link.heartbeats.insert",
    "insert into link_heartbeats (node, at, tenant, until, requests, lag_micros, longest_gap_micros)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
);
const OF_NODE: Stmt = Stmt::new(
    "link.heartbeats.of_node",
    "select * from link_heartbeats where node = $1 and tenant = $2 and (at < $3 or $3 is null)
     order by at desc limit $4",
);
const PRUNE: Stmt = Stmt::new("link.heartbeats.prune", "delete from link_heartbeats where at < $1");

/// Some minutes of a node's signs of life.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Heartbeats {
    /// When the minutes began.
    pub at: Timestamp,
    /// When they ended.
    pub until: Timestamp,
    /// How many requests came.
    pub requests: u32,
    /// Mean age of a request's signature when it came: the network's delay and the difference of both clocks.
    pub lag_micros: Option<i64>,
    /// The longest time between two of them.
    pub longest_gap_micros: i64,
}

fn from_row(row: &Row) -> Result<Heartbeats> {
    Ok(Heartbeats {
        at: row.get("at")?,
        until: row.get("until")?,
        requests: row.get("requests")?,
        lag_micros: row.get("lag_micros")?,
        longest_gap_micros: row.get("longest_gap_micros")?,
    })
}

pub(crate) async fn insert(
    write: &mut Write,
    node: NodeId,
    tenant: TenantId,
    (at, until): (Timestamp, Timestamp),
    tally: &Tally,
) -> Result<()> {
    let args = args![node, at, tenant, until, tally.requests, tally.mean_lag(), tally.longest_gap_micros];
    write.exec(&INSERT, args).await.map(drop)
}

/// The newest first.
pub(crate) async fn of_node(
    query: &mut impl Query,
    node: NodeId,
    tenant: TenantId,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<Heartbeats>> {
    query.all(&OF_NODE, args![node, tenant, before, limit]).await?.iter().map(from_row).collect()
}

pub(crate) async fn prune(write: &mut Write, before: Timestamp) -> Result<u64> {
    write.exec(&PRUNE, args![before]).await
}
