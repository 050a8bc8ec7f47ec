//! Tables `fl_known_groups` and `fl_known_members`: a projection of Thunderlink's events.

use thunderline_core::{GroupId, NodeId, Result, TenantId};
use thunderline_store::{Query, Stmt, Write, args};

use crate::select::Groups;

pub(crate) const STATEMENTS: &[&Stmt] =
    &[&CREATED, &MOVED, &DELETED, &DISBANDED, &JOINED, &PARTED, &OF_TENANT, &MEMBERS];

const CREATED: Stmt = Stmt::new(
    "fl.known_groups.created",
    "insert into fl_known_groups (id, tenant, name, parent) values ($1, $2, $3, $4)
     on conflict (id) do update set name = excluded.name, parent = excluded.parent",
);
const MOVED: Stmt =
    Stmt::new("fl.known_groups.moved", "update fl_known_groups set parent = $2 where id = $1");
const DELETED: Stmt = Stmt::new("fl.known_groups.deleted", "delete from fl_known_groups where id = $1");
const DISBANDED: Stmt =
    Stmt::new("fl.known_members.disbanded", "delete from fl_known_members where group_id = $1");
const JOINED: Stmt = Stmt::new(
    "fl.known_members.joined",
    "insert into fl_known_members (group_id, node) values ($1, $2) on conflict do nothing",
);
const PARTED: Stmt =
    Stmt::new("fl.known_members.parted", "delete from fl_known_members where group_id = $1 and node = $2");
const OF_TENANT: Stmt =
    Stmt::new("fl.known_groups.of_tenant", "select id, name, parent from fl_known_groups where tenant = $1");
const MEMBERS: Stmt = Stmt::new(
    "fl.known_members.of_tenant",
    "select m.group_id, m.node from fl_known_members m join fl_known_groups g on g.id = m.group_id
     where g.tenant = $1",
);

pub(crate) async fn created(
    write: &mut Write,
    id: GroupId,
    tenant: TenantId,
    name: &str,
    parent: Option<GroupId>,
) -> Result<()> {
    write.exec(&CREATED, args![id, tenant, name, parent]).await.map(drop)
}

pub(crate) async fn moved(write: &mut Write, id: GroupId, parent: Option<GroupId>) -> Result<()> {
    write.exec(&MOVED, args![id, parent]).await.map(drop)
}

pub(crate) async fn deleted(write: &mut Write, id: GroupId) -> Result<()> {
    write.exec(&DISBANDED, args![id]).await?;
    write.exec(&DELETED, args![id]).await.map(drop)
}

pub(crate) async fn members_changed(
    write: &mut Write,
    id: GroupId,
    added: &[NodeId],
    removed: &[NodeId],
) -> Result<()> {
    for node in removed {
        write.exec(&PARTED, args![id, *node]).await?;
    }
    for node in added {
        write.exec(&JOINED, args![id, *node]).await?;
    }
    Ok(())
}

pub(crate) async fn of_tenant(query: &mut impl Query, tenant: TenantId) -> Result<Groups> {
    let mut groups = Groups::default();
    for row in query.all(&OF_TENANT, args![tenant]).await? {
        groups.add(row.get("id")?, row.get::<String>("name")?, row.get("parent")?);
    }
    for row in query.all(&MEMBERS, args![tenant]).await? {
        groups.put(row.get("group_id")?, row.get("node")?);
    }
    Ok(groups)
}
