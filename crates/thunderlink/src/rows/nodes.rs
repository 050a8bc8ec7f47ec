//! Table `link_nodes`.

use serde::Serialize;
use serde_json::Value;
use thunderline_contracts::link::NodeKind;
use thunderline_core::{NodeId, Result, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::known;

pub(crate) const STATEMENTS: &[&Stmt] = &[&UPSERT, &BY_ID, &ALL, &LEAVE, &EVICT, &READMIT];

const UPSERT: Stmt = Stmt::new(
    "link.nodes.upsert",
    "insert into link_nodes (node, tenant, name, kind, public_key, tags, capacity, version, state, heartbeat_seconds,
        registered_at, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
     on conflict (node) do update set name = excluded.name, kind = excluded.kind, tags = excluded.tags,
        capacity = excluded.capacity, version = excluded.version, state = excluded.state, reason = null,
        heartbeat_seconds = excluded.heartbeat_seconds, changed_at = excluded.changed_at",
);
const BY_ID: Stmt = Stmt::new("link.nodes.by_id", "select * from link_nodes where node = $1 and tenant = $2");
const ALL: Stmt = Stmt::new("link.nodes.all", "select * from link_nodes");
const LEAVE: Stmt = Stmt::new(
    "link.nodes.leave",
    "update link_nodes set state = $3, reason = $4, changed_at = $5 where node = $1 and tenant = $2 and state <> $3",
);
const EVICT: Stmt = Stmt::new(
    "link.nodes.evict",
    "update link_nodes set evicted_at = $3, evicted_reason = $4, evicted_by = $5, changed_at = $3
     where node = $1 and tenant = $2 and evicted_at is null",
);
const READMIT: Stmt = Stmt::new(
    "link.nodes.readmit",
    "update link_nodes set evicted_at = null, evicted_reason = null, evicted_by = null, changed_at = $3
     where node = $1 and tenant = $2 and evicted_at is not null",
);

/// Whether a node can be given work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Known, and not there.
    Offline,
    /// There.
    Online,
    /// Gone for good; it may introduce itself again.
    Unregistered,
}

impl NodeState {
    /// The name in tables and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Online => "online",
            Self::Unregistered => "unregistered",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Offline, Self::Online, Self::Unregistered].into_iter().find(|state| state.name() == name)
    }
}

/// A node as it is stored.
#[derive(Clone, Debug, Serialize)]
pub struct Node {
    /// Its id, derived from its public key.
    pub id: NodeId,
    /// Whose it is.
    #[serde(skip)]
    pub tenant: TenantId,
    /// What people call it; its id where it has no name.
    pub name: String,
    /// What it runs.
    pub kind: NodeKind,
    /// Its public key as PEM.
    #[serde(skip)]
    pub public_key: String,
    /// Labels that selectors match.
    pub tags: Vec<String>,
    /// What it says of its machine.
    pub capacity: Value,
    /// The version of its program.
    pub version: String,
    /// Whether it is there.
    pub state: NodeState,
    /// Why it is not.
    pub reason: Option<String>,
    /// How often it promises a sign of life, in seconds.
    pub heartbeat_seconds: u32,
    /// When it first introduced itself.
    pub registered_at: Timestamp,
    /// When it last came, went or was changed.
    pub changed_at: Timestamp,
    /// That it is shut out, where it is.
    pub evicted: Option<Eviction>,
}

/// That a node is shut out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Eviction {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
}

fn from_row(row: &Row) -> Result<Node> {
    let text = |column: &str| row.get::<String>(column);
    let (kind, state) = (text("kind")?, text("state")?);
    let evicted = match row.get::<Option<Timestamp>>("evicted_at")? {
        None => None,
        Some(at) => Some(Eviction { at, reason: text("evicted_reason")?, by: text("evicted_by")? }),
    };
    Ok(Node {
        id: row.get("node")?,
        tenant: row.get("tenant")?,
        name: text("name")?,
        kind: known(
            "link_nodes.kind",
            [NodeKind::Flower, NodeKind::Runner].into_iter().find(|known| known.name() == kind),
        )?,
        public_key: text("public_key")?,
        tags: known("link_nodes.tags", serde_json::from_str(&text("tags")?).ok())?,
        capacity: row.get("capacity")?,
        version: text("version")?,
        state: known("link_nodes.state", NodeState::named(&state))?,
        reason: row.get("reason")?,
        heartbeat_seconds: row.get("heartbeat_seconds")?,
        registered_at: row.get("registered_at")?,
        changed_at: row.get("changed_at")?,
        evicted,
    })
}

pub(crate) async fn upsert(write: &mut Write, node: &Node) -> Result<()> {
    let tags = serde_json::to_string(&node.tags).expect("tags are plain data");
    let args = args![
        node.id,
        node.tenant,
        node.name.as_str(),
        node.kind.name(),
        node.public_key.as_str(),
        tags,
        node.capacity.to_string(),
        node.version.as_str(),
        node.state.name(),
        node.heartbeat_seconds,
        node.changed_at
    ];
    write.exec(&UPSERT, args).await?;
    Ok(())
}

pub(crate) async fn by_id(query: &mut impl Query, id: NodeId, tenant: TenantId) -> Result<Option<Node>> {
    query.one(&BY_ID, args![id, tenant]).await?.as_ref().map(from_row).transpose()
}

/// Every node of every tenant.
pub(crate) async fn all(query: &mut impl Query) -> Result<Vec<Node>> {
    query.all(&ALL, args![]).await?.iter().map(from_row).collect()
}

/// True where the node's state changed.
pub(crate) async fn leave(
    write: &mut Write,
    id: NodeId,
    tenant: TenantId,
    state: NodeState,
    reason: &str,
    now: Timestamp,
) -> Result<bool> {
    Ok(write.exec(&LEAVE, args![id, tenant, state.name(), reason, now]).await? == 1)
}

/// False where it is shut out already.
pub(crate) async fn evict(write: &mut Write, id: NodeId, tenant: TenantId, by: &Eviction) -> Result<bool> {
    let args = args![id, tenant, by.at, by.reason.as_str(), by.by.as_str()];
    Ok(write.exec(&EVICT, args).await? == 1)
}

/// False where it is not shut out.
pub(crate) async fn readmit(write: &mut Write, id: NodeId, tenant: TenantId, now: Timestamp) -> Result<bool> {
    Ok(write.exec(&READMIT, args![id, tenant, now]).await? == 1)
}
