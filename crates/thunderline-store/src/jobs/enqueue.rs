//! Putting jobs into the queue, in the transaction that is their reason.

use thunderline_core::{Cx, Job, Result, Timestamp};

use crate::{args, engine::Tx};

/// Locking the waiting row, even where it need not change, makes a claim that happens at this moment wait for (or skip)
/// this transaction: otherwise the job could run before what it was enqueued for is visible, and the wish be lost.
const INSERT: &str =
    "insert into tl_jobs (id, name, key, payload, tenant, correlation, causation, state, priority,
        run_at, attempts, max_attempts, lease_token, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, 'available', $8, $9, 0, $10, 0, $11)
    on conflict (name, key) where state = 'available' do update
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
        let (priority, max_attempts) = (NAMED_PRIORITY, NAMED_ATTEMPTS);
        Self { cx: cx.clone(), name, key, payload, priority, max_attempts, run_at }
    }
}

pub(crate) async fn insert(tx: &mut Tx, mut jobs: Vec<Pending>) -> Result<()> {
    // Transactions that enqueue the same jobs lock them in the same order, so that they do not wait for each other.
    jobs.sort_by(|a, b| (&a.name, &a.key).cmp(&(&b.name, &b.key)));
    for job in jobs {
        let cx = &job.cx;
        let row = args![
            cx.uuid(),
            job.name,
            job.key,
            job.payload,
            cx.tenant(),
            cx.correlation(),
            cx.causation(),
            job.priority,
            job.run_at,
            job.max_attempts,
            cx.now()
        ];
        tx.exec("job.insert", INSERT, row).await?;
    }
    Ok(())
}
