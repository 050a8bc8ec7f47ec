//! Forgetting rows of the store's own tables that need not be kept any more.

use serde_json::json;
use thunderline_core::{Error, Expired, Expiry, Result, Timestamp};
use uuid::Uuid;

use crate::{Db, Row, Value, Write, args};

/// Rows of the store that are not kept for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiring {
    /// Who did what.
    Audit,
    /// Jobs that were done, with their attempts.
    CompletedJobs,
    /// Jobs that were given up or cancelled, with their attempts.
    GivenUpJobs,
    /// Outcomes of requests that carried an idempotency key.
    IdempotencyKeys,
}

const AUDIT: &str =
    "select id, at, tenant, action, rule, actor, subject_kind, subject_id, correlation, outcome
    from tl_audit where at < $1 order by at, id limit $2";
const JOBS: &str =
    "select id, name, key, state, attempts, last_error, created_at, finished_at as at from tl_jobs
    where finished_at < $1 and (state = 'completed') = ($3 = 1) order by finished_at, id limit $2";
const KEYS: &str =
    "select tenant, actor, action, key, at from tl_idempotency where at < $1 order by at limit $2";

const FORGET_AUDIT: &str = "delete from tl_audit where id = $1";
const FORGET_ATTEMPTS: &str = "delete from tl_job_attempts where job in
    (select id from tl_jobs where id = $1 and finished_at is not null)";
const FORGET_JOB: &str = "delete from tl_jobs where id = $1 and finished_at is not null";
const FORGET_KEY: &str =
    "delete from tl_idempotency where tenant = $1 and actor = $2 and action = $3 and key = $4 and at = $5";

impl Db {
    /// The oldest rows that need not be kept. The caller's own action decides who may ask.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn expired(&self, what: Expiring, expiry: &Expiry) -> Result<Vec<Expired>> {
        let mut tx = self.pools().begin_read(None).await?;
        let mut args = args![expiry.before, expiry.limit];
        let (sql, read): (_, fn(&Row) -> Result<Expired>) = match what {
            Expiring::Audit => (AUDIT, audit),
            Expiring::CompletedJobs | Expiring::GivenUpJobs => {
                args.push(Value::from(what == Expiring::CompletedJobs));
                (JOBS, job)
            }
            Expiring::IdempotencyKeys => (KEYS, key),
        };
        tx.all("expire.find", sql, args).await?.iter().map(read).collect()
    }
}

impl Write {
    /// Forgets rows that [`Db::expired`] gave; gives how many were still there.
    ///
    /// # Errors
    /// As [`Write::exec`].
    pub async fn expire(&mut self, what: Expiring, rows: &[Expired]) -> Result<u64> {
        let mut gone = 0;
        for row in rows {
            gone += match what {
                Expiring::Audit => self.store("expire.audit", FORGET_AUDIT, args![id(row)?]).await?,
                Expiring::CompletedJobs | Expiring::GivenUpJobs => {
                    self.store("expire.attempts", FORGET_ATTEMPTS, args![id(row)?]).await?;
                    self.store("expire.job", FORGET_JOB, args![id(row)?]).await?
                }
                Expiring::IdempotencyKeys => {
                    let (tenant, actor, action, key): (Uuid, String, String, String) =
                        serde_json::from_str(&row.key).map_err(|_| not_ours(row))?;
                    self.store("expire.key", FORGET_KEY, args![tenant, actor, action, key, row.at]).await?
                }
            };
        }
        Ok(gone)
    }
}

fn audit(row: &Row) -> Result<Expired> {
    let (id, at): (Uuid, Timestamp) = (row.get("id")?, row.get("at")?);
    let (action, actor): (String, String) = (row.get("action")?, row.get("actor")?);
    let whole = json!({
        "id": id,
        "at": at,
        "tenant": row.get::<Uuid>("tenant")?,
        "action": action,
        "rule": row.get::<String>("rule")?,
        "actor": actor,
        "subject_kind": row.get::<String>("subject_kind")?,
        "subject_id": row.get::<String>("subject_id")?,
        "correlation": row.get::<Uuid>("correlation")?,
        "outcome": row.get::<String>("outcome")?,
    });
    Ok(Expired { key: id.to_string(), label: format!("{action} by {actor}"), at, bytes: 0, row: whole })
}

fn job(row: &Row) -> Result<Expired> {
    let (id, at): (Uuid, Timestamp) = (row.get("id")?, row.get("at")?);
    let (name, key): (String, String) = (row.get("name")?, row.get("key")?);
    let whole = json!({
        "id": id,
        "name": name,
        "key": key,
        "state": row.get::<String>("state")?,
        "attempts": row.get::<u32>("attempts")?,
        "last_error": row.get::<Option<String>>("last_error")?,
        "created_at": row.get::<Timestamp>("created_at")?,
        "finished_at": at,
    });
    Ok(Expired { key: id.to_string(), label: format!("{name} {key}"), at, bytes: 0, row: whole })
}

fn key(row: &Row) -> Result<Expired> {
    let tenant: Uuid = row.get("tenant")?;
    let (actor, action, key): (String, String, String) =
        (row.get("actor")?, row.get("action")?, row.get("key")?);
    let whole = json!([tenant, actor, action, key]);
    let label = format!("{action} by {actor}");
    Ok(Expired { key: whole.to_string(), label, at: row.get("at")?, bytes: 0, row: whole })
}

fn id(row: &Expired) -> Result<Uuid> {
    row.key.parse().map_err(|_| not_ours(row))
}

fn not_ours(row: &Expired) -> Error {
    Error::internal(format!("'{}' is no key of the store's", row.key))
}
