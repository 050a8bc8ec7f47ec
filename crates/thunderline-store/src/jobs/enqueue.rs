//! Putting jobs into the queue, in the transaction that is their reason.

use sqlx::AssertSqlSafe;
use thunderline_core::{Cx, Job, Result, Timestamp};

use crate::{
    Value,
    engine::Tx,
    placeholders::{TOGETHER, placeholders},
};

/// Locking the waiting row, even where it need not change, makes a claim that happens at this moment wait for (or skip)
/// this transaction: otherwise the job could run before what it was enqueued for is visible, and the wish be lost.
const INSERT: &str =
    "insert into tl_jobs (id, name, key, payload, tenant, correlation, causation, state, priority,
        run_at, attempts, max_attempts, lease_token, created_at) values ";
const COLUMNS: usize = 14;
const OR_KEEP: &str = " on conflict (name, key) where state = 'available' do update
    set run_at = case when excluded.run_at < tl_jobs.run_at then excluded.run_at else tl_jobs.run_at end";

/// A job whose kind is known by name only, as schedules have it.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedJob {
    /// [`Job::NAME`].
    pub name: String,
    /// [`Job::key`].
    pub key: String,
    /// The job as JSON; a handler that does not understand it gives it up.
    pub payload: String,
    /// Not before this time.
    pub run_at: Timestamp,
}

/// What kinds have that are known by name only: as [`Job`] has them unless told otherwise.
const NAMED_PRIORITY: i64 = 0;
const NAMED_ATTEMPTS: u32 = 20;

/// A job on its way into the queue.
pub(crate) struct Pending {
    cx: Cx,
    name: String,
    key: String,
    payload: String,
    priority: i64,
    max_attempts: u32,
    run_at: Timestamp,
}

impl Pending {
    pub(crate) fn new<J: Job>(cx: &Cx, job: &J, run_at: Timestamp) -> Result<Self, serde_json::Error> {
        let (key, payload) = (job.key(), serde_json::to_string(job)?);
        let (priority, max_attempts) = (J::PRIORITY, J::MAX_ATTEMPTS.max(1));
        let (cx, name) = (cx.clone(), J::NAME.to_owned());
        Ok(Self { cx, name, key, payload, priority, max_attempts, run_at })
    }

    pub(crate) fn named(cx: &Cx, job: NamedJob) -> Self {
        let NamedJob { name, key, payload, run_at } = job;
        let (cx, priority, max_attempts) = (cx.clone(), NAMED_PRIORITY, NAMED_ATTEMPTS);
        Self { cx, name, key, payload, priority, max_attempts, run_at }
    }

    fn columns(self) -> [Value; COLUMNS] {
        let Self { cx, name, key, payload, priority, max_attempts, run_at } = self;
        [
            cx.uuid().into(),
            name.into(),
            key.into(),
            payload.into(),
            cx.tenant().into(),
            cx.correlation().into(),
            cx.causation().into(),
            "available".into(),
            priority.into(),
            run_at.into(),
            0_u32.into(),
            max_attempts.into(),
            0_i64.into(),
            cx.now().into(),
        ]
    }
}

pub(crate) async fn insert(tx: &mut Tx, mut jobs: Vec<Pending>) -> Result<()> {
    // Transactions that enqueue the same jobs lock them in the same order, so that they do not wait for each other.
    jobs.sort_by(|a, b| (&a.name, &a.key).cmp(&(&b.name, &b.key)));
    // One statement cannot meet the same job twice.
    jobs.dedup_by(|later, kept| {
        let same = (&later.name, &later.key) == (&kept.name, &kept.key);
        if same {
            kept.run_at = kept.run_at.min(later.run_at);
        }
        same
    });
    while !jobs.is_empty() {
        let rest = jobs.split_off(jobs.len().min(TOGETHER));
        let sql = format!("{INSERT}{}{OR_KEEP}", placeholders(jobs.len(), COLUMNS));
        let row = jobs.into_iter().flat_map(Pending::columns).collect();
        tx.exec("job.insert", AssertSqlSafe(sql), row).await?;
        jobs = rest;
    }
    Ok(())
}
