//! Tables `link_groups` and `link_memberships`.

use thunderline_core::{GroupId, NodeId, Result, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::known;
use crate::group::{Group, GroupKind};

pub(crate) const STATEMENTS: &[&Stmt] =
    &[&INSERT, &MOVE, &DELETE, &ALL, &OF_TENANT, &JOIN, &PART, &DISBAND, &MEMBERS];

const INSERT: Stmt = Stmt::new(
    "link.groups.insert",
    "insert into link_groups (id, tenant, name, kind, parent, description, created_at)
     values ($1, $2, $3, $4, $5, $6, $7)",
);
const MOVE: Stmt =
    Stmt::new("link.groups.move", "update link_groups set parent = $3 where id = $1 and tenant = $2");
const DELETE: Stmt = Stmt::new("link.groups.delete", "delete from link_groups where id = $1 and tenant = $2");
const ALL: Stmt = Stmt::new("link.groups.all", "select * from link_groups order by name");
const OF_TENANT: Stmt =
    Stmt::new("link.groups.of_tenant", "select * from link_groups where tenant = $1 order by name");
const JOIN: Stmt = Stmt::new(
    "link.memberships.join",
    "insert into link_memberships (group_id, node, tenant, since) values ($1, $2, $3, $4) on conflict do nothing",
);
const PART: Stmt =
    Stmt::new("link.memberships.part", "delete from link_memberships where group_id = $1 and node = $2");
const DISBAND: Stmt =
    Stmt::new("link.memberships.disband", "delete from link_memberships where group_id = $1");
const MEMBERS: Stmt = Stmt::new("link.memberships.all", "select group_id, node from link_memberships");

fn from_row(row: &Row) -> Result<Group> {
    let kind: String = row.get("kind")?;
    Ok(Group {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        name: row.get("name")?,
        kind: known("link_groups.kind", GroupKind::named(&kind))?,
        parent: row.get("parent")?,
        description: row.get("description")?,
        created_at: row.get("created_at")?,
    })
}

pub(crate) async fn insert(write: &mut Write, group: &Group) -> Result<()> {
    let args = args![
        group.id,
        group.tenant,
        group.name.as_str(),
        group.kind.name(),
        group.parent,
        group.description.as_str(),
        group.created_at
    ];
    write.exec(&INSERT, args).await.map(drop)
}

pub(crate) async fn set_parent(
    write: &mut Write,
    id: GroupId,
    tenant: TenantId,
    parent: Option<GroupId>,
) -> Result<()> {
    write.exec(&MOVE, args![id, tenant, parent]).await.map(drop)
}

/// Removes the group and its memberships.
pub(crate) async fn delete(write: &mut Write, id: GroupId, tenant: TenantId) -> Result<()> {
    write.exec(&DISBAND, args![id]).await?;
    write.exec(&DELETE, args![id, tenant]).await.map(drop)
}

/// Every group of every tenant.
pub(crate) async fn all(query: &mut impl Query) -> Result<Vec<Group>> {
    query.all(&ALL, args![]).await?.iter().map(from_row).collect()
}

pub(crate) async fn of_tenant(query: &mut impl Query, tenant: TenantId) -> Result<Vec<Group>> {
    query.all(&OF_TENANT, args![tenant]).await?.iter().map(from_row).collect()
}

/// False where the node is in the group already.
pub(crate) async fn join(
    write: &mut Write,
    group: GroupId,
    node: NodeId,
    tenant: TenantId,
    now: Timestamp,
) -> Result<bool> {
    Ok(write.exec(&JOIN, args![group, node, tenant, now]).await? == 1)
}

/// False where the node is not in the group.
pub(crate) async fn part(write: &mut Write, group: GroupId, node: NodeId) -> Result<bool> {
    Ok(write.exec(&PART, args![group, node]).await? == 1)
}

/// Every membership of every tenant.
pub(crate) async fn members(query: &mut impl Query) -> Result<Vec<(GroupId, NodeId)>> {
    let rows = query.all(&MEMBERS, args![]).await?;
    rows.iter().map(|row| Ok((row.get("group_id")?, row.get("node")?))).collect()
}
