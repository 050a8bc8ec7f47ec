//! Table `grid_nodes`: a projection of Thunderlink's events, and where each node is.

use serde::Serialize;
use thunderline_core::{Error, NodeId, Result, TenantId, ZoneId};
use thunderline_store::{Query, Row, Stmt, Write, args};

use crate::place::Labels;

pub(crate) const STATEMENTS: &[&Stmt] = &[&PUT, &LEFT, &PLACE, &BY_ID, &OF_TENANT, &OF_ZONE, &COUNTS];

const PUT: Stmt = Stmt::new(
    "grid.nodes.put",
    "insert into grid_nodes (node, tenant, name, labels, zone, by_hand, online) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (node) do update set name = excluded.name, labels = excluded.labels, zone = excluded.zone,
        by_hand = excluded.by_hand, online = excluded.online",
);
const LEFT: Stmt =
    Stmt::new("grid.nodes.left", "update grid_nodes set online = 0 where node = $1 and tenant = $2");
const PLACE: Stmt =
    Stmt::new("grid.nodes.place", "update grid_nodes set zone = $2, by_hand = $3 where node = $1");
const BY_ID: Stmt = Stmt::new("grid.nodes.by_id", "select * from grid_nodes where node = $1 and tenant = $2");
const OF_TENANT: Stmt =
    Stmt::new("grid.nodes.of_tenant", "select * from grid_nodes where tenant = $1 order by node");
const OF_ZONE: Stmt = Stmt::new(
    "grid.nodes.of_zone",
    "select * from grid_nodes where zone = $1 and node > $2 order by node limit $3",
);
const COUNTS: Stmt = Stmt::new(
    "grid.nodes.counts",
    "select zone, count(*) as nodes from grid_nodes where tenant = $1 and zone is not null group by zone",
);

/// A node as this domain knows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Placed {
    /// Which node.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// What it says of itself.
    pub labels: Labels,
    /// Where it is.
    pub zone: Option<ZoneId>,
    /// Whether somebody put it there, rather than its labels.
    pub by_hand: bool,
    /// Whether it can be given work.
    pub online: bool,
}

fn from_row(row: &Row) -> Result<Placed> {
    let labels: String = row.get("labels")?;
    Ok(Placed {
        node: row.get("node")?,
        name: row.get("name")?,
        labels: serde_json::from_str(&labels)
            .map_err(|error| Error::internal("grid_nodes.labels holds no labels").caused_by(error))?,
        zone: row.get("zone")?,
        by_hand: row.get("by_hand")?,
        online: row.get("online")?,
    })
}

pub(crate) async fn put(write: &mut Write, placed: &Placed, tenant: TenantId) -> Result<()> {
    let labels = serde_json::to_string(&placed.labels).expect("labels are plain data");
    let args =
        args![placed.node, tenant, placed.name.as_str(), labels, placed.zone, placed.by_hand, placed.online];
    write.exec(&PUT, args).await.map(drop)
}

pub(crate) async fn left(write: &mut Write, node: NodeId, tenant: TenantId) -> Result<()> {
    write.exec(&LEFT, args![node, tenant]).await.map(drop)
}

pub(crate) async fn place(
    write: &mut Write,
    node: NodeId,
    zone: Option<ZoneId>,
    by_hand: bool,
) -> Result<()> {
    write.exec(&PLACE, args![node, zone, by_hand]).await.map(drop)
}

pub(crate) async fn by_id(query: &mut impl Query, node: NodeId, tenant: TenantId) -> Result<Option<Placed>> {
    query.one(&BY_ID, args![node, tenant]).await?.as_ref().map(from_row).transpose()
}

pub(crate) async fn of_tenant(query: &mut impl Query, tenant: TenantId) -> Result<Vec<Placed>> {
    query.all(&OF_TENANT, args![tenant]).await?.iter().map(from_row).collect()
}

/// In the order of ids, beginning after one.
pub(crate) async fn of_zone(
    query: &mut impl Query,
    zone: ZoneId,
    after: i64,
    limit: u32,
) -> Result<Vec<Placed>> {
    query.all(&OF_ZONE, args![zone, after, limit]).await?.iter().map(from_row).collect()
}

/// How many nodes are in each zone that has any.
pub(crate) async fn counts(query: &mut impl Query, tenant: TenantId) -> Result<Vec<(ZoneId, i64)>> {
    let rows = query.all(&COUNTS, args![tenant]).await?;
    rows.iter().map(|row| Ok((row.get("zone")?, row.get("nodes")?))).collect()
}
