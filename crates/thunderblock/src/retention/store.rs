//! What this domain itself keeps, and what the store does.

use thunderline_core::{Cx, Error, Expired, Expiry, Result, SignedDuration, Subject};
use thunderline_store::{Expiring, Row, Stmt, args};
use uuid::Uuid;

use super::{Keep, Resource, sweep::ACTION};
use crate::Block;

/// The newest checkpoint of each process is what its next start compares with.
pub(super) const CHECKPOINTS: Stmt = Stmt::new(
    "block.retention.checkpoints",
    "select id, at, reason as label, content as text from
        (select c.id, c.at, c.reason, c.content,
            row_number() over (partition by c.node order by c.at desc, c.id desc) as place
         from block_checkpoints c) ranked
     where at < $1 and place > $2 and place > 1 order by at, id limit $3",
);
pub(super) const FORGET_CHECKPOINT: Stmt =
    Stmt::new("block.retention.forget_checkpoint", "delete from block_checkpoints where id = $1");
/// The newest change of each part says how it is.
pub(super) const HEALTH: Stmt = Stmt::new(
    "block.retention.health",
    "select id, at, component as label, detail as text from
        (select h.id, h.at, h.component, h.detail, row_number() over (order by h.at desc, h.id desc) as place
         from block_health h) ranked
     where at < $1 and place > $2 order by at, id limit $3",
);
pub(super) const FORGET_HEALTH: Stmt =
    Stmt::new("block.retention.forget_health", "delete from block_health where id = $1");
/// Rows only: files of backups are their owner's.
pub(super) const BACKUPS: Stmt = Stmt::new(
    "block.retention.backups",
    "select id, requested_at as at, path as label, state as text from
        (select b.id, b.requested_at, b.path, b.state,
            row_number() over (order by b.requested_at desc, b.id desc) as place
         from block_backups b where b.state in ('completed', 'failed')) ranked
     where requested_at < $1 and place > $2 order by requested_at, id limit $3",
);
pub(super) const FORGET_BACKUP: Stmt = Stmt::new(
    "block.retention.forget_backup",
    "delete from block_backups where id = $1 and state in ('completed', 'failed')",
);

/// The newest transitions say how each domain came to where it is.
pub(super) const TRANSITIONS: Stmt = Stmt::new(
    "block.retention.transitions",
    "select id, at, domain as label, reason as text from
        (select t.id, t.at, t.domain, t.reason, row_number() over (order by t.at desc, t.id desc) as place
         from block_domain_transitions t) ranked
     where at < $1 and place > $2 order by at, id limit $3",
);
pub(super) const FORGET_TRANSITION: Stmt =
    Stmt::new("block.retention.forget_transition", "delete from block_domain_transitions where id = $1");

/// What every installation keeps, whatever its domains are.
#[must_use]
pub fn resources(block: &Block) -> Vec<Resource> {
    let newest = |days, newest| Keep { keep_newest: Some(newest), ..Keep::days(days) };
    vec![
        of_store(block, "audit", "who did what", Keep::days(730), Expiring::Audit)
            .kept_at_least(SignedDuration::from_hours(24)),
        of_store(block, "jobs.completed", "jobs that were done", Keep::days(7), Expiring::CompletedJobs),
        of_store(
            block,
            "jobs.given_up",
            "jobs that were given up or cancelled",
            Keep::days(30),
            Expiring::GivenUpJobs,
        ),
        of_store(
            block,
            "idempotency_keys",
            "outcomes of requests that carried an idempotency key",
            Keep::days(7),
            Expiring::IdempotencyKeys,
        ),
        own(block, "checkpoints", "system checkpoints", newest(30, 100), CHECKPOINTS, FORGET_CHECKPOINT),
        own(block, "health", "changes of health", newest(90, 100), HEALTH, FORGET_HEALTH),
        own(
            block,
            "domain_transitions",
            "how domains came and went",
            newest(90, 1_000),
            TRANSITIONS,
            FORGET_TRANSITION,
        ),
        own(
            block,
            "backups",
            "the list of backups (not their files)",
            newest(365, 100),
            BACKUPS,
            FORGET_BACKUP,
        ),
    ]
}

fn of_store(
    block: &Block,
    name: &'static str,
    what: &'static str,
    default: Keep,
    expiring: Expiring,
) -> Resource {
    let (finds, removes) = (block.db.clone(), block.db.clone());
    let find = move |_cx: Cx, expiry: Expiry| {
        let db = finds.clone();
        async move { db.expired(expiring, &expiry).await }
    };
    let remove = move |cx: Cx, expired: Vec<Expired>| {
        let db = removes.clone();
        async move {
            let mut write = db.write(&cx, &ACTION).await?;
            let gone = write.expire(expiring, &expired).await?;
            let about = Subject::new("retention", format!("{name}: {gone} rows"));
            write.commit(&about).await?;
            Ok(gone)
        }
    };
    Resource::new(name, what, default, find, remove)
}

fn own(
    block: &Block,
    name: &'static str,
    what: &'static str,
    default: Keep,
    list: Stmt,
    forget: Stmt,
) -> Resource {
    let (finds, removes) = (block.db.clone(), block.db.clone());
    let find = move |cx: Cx, expiry: Expiry| {
        let db = finds.clone();
        async move {
            let mut read = db.read(&cx, &ACTION).await?;
            let rows = read.all(&list, args![expiry.before, expiry.keep_newest, expiry.limit]).await?;
            rows.iter().map(expired).collect()
        }
    };
    let remove = move |cx: Cx, expired: Vec<Expired>| {
        let db = removes.clone();
        async move {
            let mut write = db.write(&cx, &ACTION).await?;
            let mut gone = 0;
            for thing in &expired {
                let id: Uuid = thing.key.parse().map_err(|_| Error::internal("a key is no id"))?;
                gone += write.exec(&forget, args![id]).await?;
            }
            let about = Subject::new("retention", format!("{name}: {gone} rows"));
            write.commit(&about).await?;
            Ok(gone)
        }
    };
    Resource::new(name, what, default, find, remove)
}

fn expired(row: &Row) -> Result<Expired> {
    let (id, text): (Uuid, String) = (row.get("id")?, row.get("text")?);
    let (label, at): (String, _) = (row.get("label")?, row.get("at")?);
    let whole = serde_json::json!({ "id": id, "at": at, "what": label, "content": text });
    Ok(Expired { key: id.to_string(), label, at, bytes: text.len() as u64, row: whole })
}
