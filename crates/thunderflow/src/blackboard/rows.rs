//! Table `flow_blackboard`: the global scope.

use thunderline_core::{Result, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::{Entry, Scope};

pub(crate) const STATEMENTS: &[&Stmt] = &[&PUT, &GET, &LIST, &DELETE, &EXPIRE];

const PUT: Stmt = Stmt::new(
    "flow.blackboard.put",
    "insert into flow_blackboard (tenant, key, kind, value, expires_at, changed_at, changed_by)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (tenant, key) do update set kind = excluded.kind, value = excluded.value,
        expires_at = excluded.expires_at, changed_at = excluded.changed_at, changed_by = excluded.changed_by
     where flow_blackboard.kind = excluded.kind or flow_blackboard.expires_at <= excluded.changed_at",
);
const GET: Stmt = Stmt::new(
    "flow.blackboard.get",
    "select * from flow_blackboard where tenant = $1 and key = $2 and (expires_at > $3 or expires_at is null)",
);
/// The prefix is compared as text: no character of it means anything else.
const LIST: Stmt = Stmt::new(
    "flow.blackboard.list",
    "select * from flow_blackboard
     where tenant = $1 and substr(key, 1, length($2)) = $2 and (expires_at > $3 or expires_at is null)
     order by key limit $4",
);
const DELETE: Stmt =
    Stmt::new("flow.blackboard.delete", "delete from flow_blackboard where tenant = $1 and key = $2");
const EXPIRE: Stmt =
    Stmt::new("flow.blackboard.expire", "delete from flow_blackboard where expires_at <= $1");

fn from_row(row: &Row) -> Result<Entry> {
    Ok(Entry {
        scope: Scope::Global,
        key: row.get("key")?,
        kind: row.get("kind")?,
        value: row.get("value")?,
        expires_at: row.get("expires_at")?,
        changed_at: row.get("changed_at")?,
        changed_by: row.get("changed_by")?,
    })
}

/// False where a value of another type is there.
pub(crate) async fn put(write: &mut Write, tenant: TenantId, it: &Entry) -> Result<bool> {
    let row = args![tenant, &it.key, &it.kind, &it.value, it.expires_at, it.changed_at, &it.changed_by];
    Ok(write.exec(&PUT, row).await? == 1)
}

pub(crate) async fn get(
    query: &mut impl Query,
    tenant: TenantId,
    key: &str,
    now: Timestamp,
) -> Result<Option<Entry>> {
    query.one(&GET, args![tenant, key, now]).await?.as_ref().map(from_row).transpose()
}

pub(crate) async fn list(
    query: &mut impl Query,
    tenant: TenantId,
    prefix: &str,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Entry>> {
    query.all(&LIST, args![tenant, prefix, now, limit]).await?.iter().map(from_row).collect()
}

pub(crate) async fn delete(write: &mut Write, tenant: TenantId, key: &str) -> Result<bool> {
    Ok(write.exec(&DELETE, args![tenant, key]).await? == 1)
}

pub(crate) async fn expire(write: &mut Write, now: Timestamp) -> Result<u64> {
    write.exec(&EXPIRE, args![now]).await
}
