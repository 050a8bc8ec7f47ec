//! Table `link_capabilities`.

use serde_json::Value;
use thunderline_core::{NodeId, Result, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::known;
use crate::capability::{Capability, Source};

pub(crate) const STATEMENTS: &[&Stmt] = &[&PUT, &REMOVE, &OF_NODE, &ALL];

const PUT: Stmt = Stmt::new(
    "link.capabilities.put",
    "insert into link_capabilities (node, key, source, tenant, value, enabled, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (node, key, source) do update set value = excluded.value, enabled = excluded.enabled,
        changed_at = excluded.changed_at",
);
const REMOVE: Stmt = Stmt::new(
    "link.capabilities.remove",
    "delete from link_capabilities where node = $1 and key = $2 and source = $3",
);
const OF_NODE: Stmt =
    Stmt::new("link.capabilities.of_node", "select * from link_capabilities where node = $1 order by key");
const ALL: Stmt = Stmt::new("link.capabilities.all", "select * from link_capabilities order by node, key");

/// A capability as one of the two who may speak of it has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stated {
    pub(crate) node: NodeId,
    pub(crate) key: String,
    pub(crate) capability: Capability,
}

fn from_row(row: &Row) -> Result<Stated> {
    let (source, value): (String, Value) = (row.get("source")?, row.get("value")?);
    let source = known("link_capabilities.source", Source::named(&source))?;
    let capability = Capability { value, enabled: row.get("enabled")?, source };
    Ok(Stated { node: row.get("node")?, key: row.get("key")?, capability })
}

pub(crate) async fn put(write: &mut Write, stated: &Stated, tenant: TenantId, now: Timestamp) -> Result<()> {
    let Capability { value, enabled, source } = &stated.capability;
    let args = args![stated.node, stated.key.as_str(), source.name(), tenant, value, *enabled, now];
    write.exec(&PUT, args).await.map(drop)
}

/// True where there was one.
pub(crate) async fn remove(write: &mut Write, node: NodeId, key: &str, source: Source) -> Result<bool> {
    Ok(write.exec(&REMOVE, args![node, key, source.name()]).await? == 1)
}

pub(crate) async fn of_node(query: &mut impl Query, node: NodeId) -> Result<Vec<Stated>> {
    query.all(&OF_NODE, args![node]).await?.iter().map(from_row).collect()
}

/// Those of every node, in the nodes' order.
pub(crate) async fn all(query: &mut impl Query) -> Result<Vec<Stated>> {
    query.all(&ALL, args![]).await?.iter().map(from_row).collect()
}
