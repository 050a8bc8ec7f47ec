//! Table `fl_known_nodes`: a projection of Thunderlink's events.

use thunderline_contracts::link::NodeKind;
use thunderline_core::{NodeId, Result, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::{decode, known};
use crate::select::Candidate;

pub(crate) const STATEMENTS: &[&Stmt] = &[&JOINED, &LEFT, &OF_TENANT];

const JOINED: Stmt = Stmt::new(
    "fl.known_nodes.joined",
    "insert into fl_known_nodes (node, tenant, name, kind, tags, online, since) values ($1, $2, $3, $4, $5, 1, $6)
     on conflict (node) do update set name = excluded.name, kind = excluded.kind, tags = excluded.tags,
        online = 1, since = excluded.since",
);
const LEFT: Stmt = Stmt::new(
    "fl.known_nodes.left",
    "update fl_known_nodes set online = 0, since = $3 where node = $1 and tenant = $2",
);
const OF_TENANT: Stmt = Stmt::new(
    "fl.known_nodes.of_tenant",
    "select * from fl_known_nodes where tenant = $1 order by name, node",
);

fn from_row(row: &Row) -> Result<Candidate> {
    let (kind, tags): (String, String) = (row.get("kind")?, row.get("tags")?);
    let parsed = [NodeKind::Flower, NodeKind::Runner].into_iter().find(|known| known.name() == kind);
    Ok(Candidate {
        node: row.get("node")?,
        name: row.get("name")?,
        kind: known("fl_known_nodes.kind", &kind, parsed)?,
        tags: decode("fl_known_nodes.tags", &tags)?,
        online: row.get::<i64>("online")? == 1,
    })
}

pub(crate) async fn joined(
    write: &mut Write,
    node: NodeId,
    tenant: TenantId,
    name: &str,
    kind: NodeKind,
    tags: &[String],
    now: Timestamp,
) -> Result<()> {
    let tags = serde_json::to_string(tags).expect("tags are plain data");
    write.exec(&JOINED, args![node, tenant, name, kind.name(), tags, now]).await?;
    Ok(())
}

pub(crate) async fn left(write: &mut Write, node: NodeId, tenant: TenantId, now: Timestamp) -> Result<()> {
    write.exec(&LEFT, args![node, tenant, now]).await?;
    Ok(())
}

pub(crate) async fn of_tenant(query: &mut impl Query, tenant: TenantId) -> Result<Vec<Candidate>> {
    query.all(&OF_TENANT, args![tenant]).await?.iter().map(from_row).collect()
}
