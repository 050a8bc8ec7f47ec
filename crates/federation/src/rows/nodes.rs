//! Table `fl_known_nodes`: a projection of Thunderlink's events.

use thunderline_contracts::link::{Capabilities, NodeJoined, NodeKind};
use thunderline_core::{FederationId, NodeId, Result, RoundId, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::{decode, known};
use crate::select::Candidate;

pub(crate) const STATEMENTS: &[&Stmt] = &[&JOINED, &CHANGED, &LEFT, &OF_TENANT, &OF_ROUND, &WITH_OPEN];

const JOINED: Stmt = Stmt::new(
    "fl.known_nodes.joined",
    "insert into fl_known_nodes (node, tenant, name, kind, tags, capabilities, online, since)
     values ($1, $2, $3, $4, $5, $6, 1, $7)
     on conflict (node) do update set name = excluded.name, kind = excluded.kind, tags = excluded.tags,
        capabilities = excluded.capabilities, online = 1, since = excluded.since",
);
const CHANGED: Stmt = Stmt::new(
    "fl.known_nodes.changed",
    "update fl_known_nodes set capabilities = $3 where node = $1 and tenant = $2",
);
const LEFT: Stmt = Stmt::new(
    "fl.known_nodes.left",
    "update fl_known_nodes set online = 0, since = $3 where node = $1 and tenant = $2",
);
const OF_TENANT: Stmt = Stmt::new(
    "fl.known_nodes.of_tenant",
    "select * from fl_known_nodes where tenant = $1 order by name, node",
);
const OF_ROUND: Stmt = Stmt::new(
    "fl.known_nodes.of_round",
    "select * from fl_known_nodes where tenant = $2
        and node in (select node from fl_leases where round = $1)",
);
const WITH_OPEN: Stmt = Stmt::new(
    "fl.known_nodes.with_open",
    "select * from fl_known_nodes where tenant = $2
        and node in (select node from fl_leases where federation = $1 and state in ('issued', 'claimed'))",
);

fn from_row(row: &Row) -> Result<Candidate> {
    let (kind, tags): (String, String) = (row.get("kind")?, row.get("tags")?);
    let capabilities: String = row.get("capabilities")?;
    let parsed = [NodeKind::Flower, NodeKind::Runner].into_iter().find(|known| known.name() == kind);
    Ok(Candidate {
        node: row.get("node")?,
        name: row.get("name")?,
        kind: known("fl_known_nodes.kind", &kind, parsed)?,
        tags: decode("fl_known_nodes.tags", &tags)?,
        capabilities: decode("fl_known_nodes.capabilities", &capabilities)?,
        online: row.get::<i64>("online")? == 1,
    })
}

pub(crate) async fn joined(
    write: &mut Write,
    tenant: TenantId,
    joined: &NodeJoined,
    now: Timestamp,
) -> Result<()> {
    let tags = serde_json::to_string(&joined.tags).expect("tags are plain data");
    let capabilities = plain(&joined.capabilities);
    let args = args![joined.node, tenant, joined.name.as_str(), joined.kind.name(), tags, capabilities, now];
    write.exec(&JOINED, args).await.map(drop)
}

pub(crate) async fn changed(
    write: &mut Write,
    node: NodeId,
    tenant: TenantId,
    capabilities: &Capabilities,
) -> Result<()> {
    write.exec(&CHANGED, args![node, tenant, plain(capabilities)]).await.map(drop)
}

fn plain(capabilities: &Capabilities) -> String {
    serde_json::to_string(capabilities).expect("capabilities are plain data")
}

pub(crate) async fn left(write: &mut Write, node: NodeId, tenant: TenantId, now: Timestamp) -> Result<()> {
    write.exec(&LEFT, args![node, tenant, now]).await?;
    Ok(())
}

pub(crate) async fn of_tenant(query: &mut impl Query, tenant: TenantId) -> Result<Vec<Candidate>> {
    query.all(&OF_TENANT, args![tenant]).await?.iter().map(from_row).collect()
}

/// Those who have a lease of the round.
pub(crate) async fn of_round(
    query: &mut impl Query,
    round: RoundId,
    tenant: TenantId,
) -> Result<Vec<Candidate>> {
    query.all(&OF_ROUND, args![round, tenant]).await?.iter().map(from_row).collect()
}

/// Those who have an open lease of the federation.
pub(crate) async fn with_open(
    query: &mut impl Query,
    federation: FederationId,
    tenant: TenantId,
) -> Result<Vec<Candidate>> {
    query.all(&WITH_OPEN, args![federation, tenant]).await?.iter().map(from_row).collect()
}
