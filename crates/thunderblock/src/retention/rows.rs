//! Table `block_retention`.

use thunderline_core::{Result, SignedDuration};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::{Keep, Rule, Scope, store};

pub(crate) const STATEMENTS: &[&Stmt] = &[
    &SET,
    &UNSET,
    &LIST,
    &store::CHECKPOINTS,
    &store::FORGET_CHECKPOINT,
    &store::HEALTH,
    &store::FORGET_HEALTH,
    &store::TRANSITIONS,
    &store::FORGET_TRANSITION,
    &store::BACKUPS,
    &store::FORGET_BACKUP,
];

const SET: Stmt = Stmt::new(
    "block.retention.set",
    "insert into block_retention
        (resource, scope, keep_seconds, keep_newest, archive, grace_seconds, set_by, set_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (resource, scope) do update set keep_seconds = excluded.keep_seconds,
        keep_newest = excluded.keep_newest, archive = excluded.archive, grace_seconds = excluded.grace_seconds,
        set_by = excluded.set_by, set_at = excluded.set_at",
);
const UNSET: Stmt =
    Stmt::new("block.retention.unset", "delete from block_retention where resource = $1 and scope = $2");
const LIST: Stmt =
    Stmt::new("block.retention.list", "select * from block_retention order by resource, scope limit 10000");

pub(super) async fn set(write: &mut Write, rule: &Rule) -> Result<()> {
    let args = args![
        rule.resource.as_str(),
        rule.scope.to_string(),
        rule.keep.keep_for.map(|keep| keep.as_secs()),
        rule.keep.keep_newest,
        rule.archive,
        rule.grace.as_secs(),
        rule.set_by.as_str(),
        rule.set_at
    ];
    write.exec(&SET, args).await.map(drop)
}

pub(super) async fn unset(write: &mut Write, resource: &str, scope: Scope) -> Result<bool> {
    Ok(write.exec(&UNSET, args![resource, scope.to_string()]).await? == 1)
}

pub(super) async fn list(query: &mut impl Query) -> Result<Vec<Rule>> {
    query.all(&LIST, args![]).await?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Rule> {
    Ok(Rule {
        resource: row.get("resource")?,
        scope: row.get::<String>("scope")?.parse()?,
        keep: Keep {
            keep_for: row.get::<Option<i64>>("keep_seconds")?.map(SignedDuration::from_secs),
            keep_newest: row.get("keep_newest")?,
        },
        archive: row.get("archive")?,
        grace: SignedDuration::from_secs(row.get("grace_seconds")?),
        set_by: row.get("set_by")?,
        set_at: row.get("set_at")?,
    })
}
