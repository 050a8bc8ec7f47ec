//! Table `link_nodes`. Private: nothing outside the crate can read or write it.

use serde::Serialize;
use serde_json::Value;
use thunderline_contracts::link::NodeKind;
use thunderline_core::{Error, NodeId, Result, TenantId, Timestamp};
use thunderline_store::{Migration, Query, Row, Stmt, Write, args};

/// The table.
pub const MIGRATIONS: &[Migration] =
    &[Migration::portable(1001, "link_base", include_str!("../migrations/1001_link_base.sql"))];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    vec![&UPSERT, &BY_ID, &LIST, &ONLINE, &LEAVE]
}

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
const LIST: Stmt = Stmt::new(
    "link.nodes.list",
    "select * from link_nodes where tenant = $1 and (registered_at < $2 or $2 is null)
     order by registered_at desc, node desc limit $3",
);
const ONLINE: Stmt = Stmt::new("link.nodes.online", "select * from link_nodes where state = 'online'");
const LEAVE: Stmt = Stmt::new(
    "link.nodes.leave",
    "update link_nodes set state = $3, reason = $4, changed_at = $5 where node = $1 and tenant = $2 and state <> $3",
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

    fn named(name: &str) -> Option<Self> {
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
    /// When it last came or went.
    pub changed_at: Timestamp,
}

fn from_row(row: &Row) -> Result<Node> {
    let text = |column: &str| row.get::<String>(column);
    let unknown = |column: &str| Error::internal(format!("link_nodes.{column} holds an unknown value"));
    let kind = text("kind")?;
    Ok(Node {
        id: row.get("node")?,
        tenant: row.get("tenant")?,
        name: text("name")?,
        kind: [NodeKind::Flower, NodeKind::Runner]
            .into_iter()
            .find(|known| known.name() == kind)
            .ok_or_else(|| unknown("kind"))?,
        public_key: text("public_key")?,
        tags: serde_json::from_str(&text("tags")?).map_err(|_| unknown("tags"))?,
        capacity: serde_json::from_str(&text("capacity")?).map_err(|_| unknown("capacity"))?,
        version: text("version")?,
        state: NodeState::named(&text("state")?).ok_or_else(|| unknown("state"))?,
        reason: row.get("reason")?,
        heartbeat_seconds: row.get("heartbeat_seconds")?,
        registered_at: row.get("registered_at")?,
        changed_at: row.get("changed_at")?,
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

/// The newest first; `before` continues a listing.
pub(crate) async fn list(
    query: &mut impl Query,
    tenant: TenantId,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<Node>> {
    query.all(&LIST, args![tenant, before, limit]).await?.iter().map(from_row).collect()
}

/// Every online node of every tenant.
pub(crate) async fn online(query: &mut impl Query) -> Result<Vec<Node>> {
    query.all(&ONLINE, args![]).await?.iter().map(from_row).collect()
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
