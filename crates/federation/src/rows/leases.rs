//! Table `fl_leases`.

use std::collections::HashSet;

use thunderline_core::{
    FederationId, LeaseId, NodeId, Result, RoundId, TenantId, Timestamp,
    seams::{Bug, planted},
};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::{changed, decode, known};
use crate::{plan::Purpose, state::LeaseState, task::Report};

pub(crate) const STATEMENTS: &[&Stmt] = &[
    &INSERT,
    &BY_ID,
    &ANY_OF_NODE,
    &BY_MESSAGE,
    &OF_ROUND,
    &OPEN_OF_NODE,
    &NODES_WITH_OPEN,
    &CLAIM,
    &ANNOUNCE,
    &END,
    &END_OPEN,
    &END_OPEN_OF_FEDERATION,
];

const INSERT: Stmt = Stmt::new(
    "fl.leases.insert",
    "insert into fl_leases (id, tenant, federation, round, node, ordinal, purpose, state, deliveries, issued_at,
        expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, 'issued', 0, $8, $9)",
);
const BY_ID: Stmt = Stmt::new("fl.leases.by_id", "select * from fl_leases where id = $1 and tenant = $2");
const ANY_OF_NODE: Stmt = Stmt::new(
    "fl.leases.any_of_node",
    "select id from fl_leases where node = $1 and federation = $2 and tenant = $3 limit 1",
);
const BY_MESSAGE: Stmt = Stmt::new(
    "fl.leases.by_message",
    "select * from fl_leases where message = $1 and node = $2 and tenant = $3",
);
const OF_ROUND: Stmt = Stmt::new(
    "fl.leases.of_round",
    "select * from fl_leases where round = $1 and tenant = $2 order by purpose desc, ordinal",
);
// A task that the node has already, but lost, comes before a new one.
const OPEN_OF_NODE: Stmt = Stmt::new(
    "fl.leases.open_of_node",
    "select * from fl_leases where node = $1 and tenant = $2 and state in ('issued', 'claimed')
     order by case state when 'claimed' then 0 else 1 end, issued_at limit 1",
);
const NODES_WITH_OPEN: Stmt = Stmt::new(
    "fl.leases.nodes_with_open",
    "select distinct node from fl_leases where state in ('issued', 'claimed')",
);
const CLAIM: Stmt = Stmt::new(
    "fl.leases.claim",
    "update fl_leases set state = 'claimed', message = $2, deliveries = deliveries + 1,
        claimed_at = coalesce(claimed_at, $3), announced = null
     where id = $1 and state in ('issued', 'claimed')",
);
const ANNOUNCE: Stmt = Stmt::new(
    "fl.leases.announce",
    "update fl_leases set announced = $2 where id = $1 and state = 'claimed'",
);
const END: Stmt = Stmt::new(
    "fl.leases.end",
    "update fl_leases set state = $2, reason = $3, report = $4, ended_at = $5, announced = null
     where id = $1 and state in ('issued', 'claimed')",
);
const END_OPEN: Stmt = Stmt::new(
    "fl.leases.end_open",
    "update fl_leases set state = 'dropped', reason = $2, ended_at = $3, announced = null
     where round = $1 and state in ('issued', 'claimed') returning *",
);
const END_OPEN_OF_FEDERATION: Stmt = Stmt::new(
    "fl.leases.end_open_of_federation",
    "update fl_leases set state = 'dropped', reason = $2, ended_at = $3, announced = null
     where federation = $1 and state in ('issued', 'claimed') returning *",
);

/// A lease as it is stored.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Its id.
    pub id: LeaseId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Of which federation.
    pub federation: FederationId,
    /// Of which round.
    pub round: RoundId,
    /// Which node's.
    pub node: NodeId,
    /// The place in fold order.
    pub ordinal: u32,
    /// What for.
    pub purpose: Purpose,
    /// Where it stands.
    pub state: LeaseState,
    /// The wire's name for the task message.
    pub message: Option<String>,
    /// How often the task was handed out.
    pub deliveries: u32,
    /// What the node announced that it will upload.
    pub announced: Option<String>,
    /// What was accepted.
    pub report: Option<Report>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When the node first took the task.
    pub claimed_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

fn from_row(row: &Row) -> Result<Lease> {
    let (state, purpose): (String, String) = (row.get("state")?, row.get("purpose")?);
    let report: Option<String> = row.get("report")?;
    Ok(Lease {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        federation: row.get("federation")?,
        round: row.get("round")?,
        node: row.get("node")?,
        ordinal: row.get("ordinal")?,
        purpose: known("fl_leases.purpose", &purpose, Purpose::named(&purpose))?,
        state: known("fl_leases.state", &state, LeaseState::from_parts(&state, row.get("reason")?))?,
        message: row.get("message")?,
        deliveries: row.get("deliveries")?,
        announced: row.get("announced")?,
        report: report.map(|text| decode("fl_leases.report", &text)).transpose()?,
        issued_at: row.get("issued_at")?,
        expires_at: row.get("expires_at")?,
        claimed_at: row.get("claimed_at")?,
        ended_at: row.get("ended_at")?,
    })
}

pub(crate) async fn insert(write: &mut Write, lease: &Lease) -> Result<()> {
    let args = args![
        lease.id,
        lease.tenant,
        lease.federation,
        lease.round,
        lease.node,
        lease.ordinal,
        lease.purpose.name(),
        lease.issued_at,
        lease.expires_at
    ];
    write.exec(&INSERT, args).await?;
    Ok(())
}

pub(crate) async fn by_id(query: &mut impl Query, id: LeaseId, tenant: TenantId) -> Result<Option<Lease>> {
    query.one(&BY_ID, args![id, tenant]).await?.as_ref().map(from_row).transpose()
}

/// True where the node was ever given a task of the federation.
pub(crate) async fn any_of_node(
    query: &mut impl Query,
    node: NodeId,
    federation: FederationId,
    tenant: TenantId,
) -> Result<bool> {
    Ok(query.one(&ANY_OF_NODE, args![node, federation, tenant]).await?.is_some())
}

pub(crate) async fn by_message(
    query: &mut impl Query,
    message: &str,
    node: NodeId,
    tenant: TenantId,
) -> Result<Option<Lease>> {
    query.one(&BY_MESSAGE, args![message, node, tenant]).await?.as_ref().map(from_row).transpose()
}

/// Training leases first, each purpose in fold order.
pub(crate) async fn of_round(query: &mut impl Query, round: RoundId, tenant: TenantId) -> Result<Vec<Lease>> {
    query.all(&OF_ROUND, args![round, tenant]).await?.iter().map(from_row).collect()
}

pub(crate) async fn open_of_node(
    query: &mut impl Query,
    node: NodeId,
    tenant: TenantId,
) -> Result<Option<Lease>> {
    query.one(&OPEN_OF_NODE, args![node, tenant]).await?.as_ref().map(from_row).transpose()
}

pub(crate) async fn claim(write: &mut Write, id: LeaseId, message: &str, now: Timestamp) -> Result<()> {
    changed(write.exec(&CLAIM, args![id, message, now]).await?, "the lease")
}

pub(crate) async fn announce(write: &mut Write, id: LeaseId, announced: &str) -> Result<()> {
    changed(write.exec(&ANNOUNCE, args![id, announced]).await?, "the lease")
}

/// Ends an open lease; a conflict where it has ended already.
pub(crate) async fn end(
    write: &mut Write,
    id: LeaseId,
    state: &LeaseState,
    report: Option<&Report>,
    now: Timestamp,
) -> Result<()> {
    let report = report.map(|report| serde_json::to_string(report).expect("a report is plain data"));
    if planted(Bug::ReleaseTwice) {
        write.exec(&END, args![id, state.name(), state.reason(), report, now]).await?;
        return Ok(());
    }
    changed(write.exec(&END, args![id, state.name(), state.reason(), report, now]).await?, "the lease")
}

/// Ends every open lease of a round and gives those that were.
pub(crate) async fn end_open(
    write: &mut Write,
    round: RoundId,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<Lease>> {
    write.all(&END_OPEN, args![round, reason, now]).await?.iter().map(from_row).collect()
}

/// Ends every open lease of a federation and gives those that were.
pub(crate) async fn end_open_of_federation(
    write: &mut Write,
    federation: FederationId,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<Lease>> {
    write.all(&END_OPEN_OF_FEDERATION, args![federation, reason, now]).await?.iter().map(from_row).collect()
}

/// The nodes of every tenant that have a lease which is not over.
pub(crate) async fn nodes_with_open(query: &mut impl Query) -> Result<HashSet<NodeId>> {
    let rows = query.all(&NODES_WITH_OPEN, args![]).await?;
    rows.iter().map(|row| row.get("node")).collect()
}
