//! Putting jobs into the queue, in the transaction that is their reason.

use thunderline_core::{Cx, Job, Result, Timestamp};

use crate::{args, engine::Tx};

/// Attempts before a job is given up.
const MAX_ATTEMPTS: u32 = 20;

/// Locking the waiting row, even where it need not change, makes a claim that happens at this moment wait for (or skip)
/// this transaction: otherwise the job could run before what it was enqueued for is visible, and the wish be lost.
const INSERT: &str =
    "insert into tl_jobs (id, name, key, payload, tenant, correlation, causation, state, priority,
        run_at, attempts, max_attempts, lease_token, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, 'available', 0, $8, 0, $9, 0, $10)
    on conflict (name, key) where state = 'available' do update
    set run_at = case when excluded.run_at < tl_jobs.run_at then excluded.run_at else tl_jobs.run_at end";

/// A job on its way into the queue.
pub(crate) struct Pending {
    name: &'static str,
    key: String,
    payload: String,
    run_at: Timestamp,
}

impl Pending {
    pub(crate) fn new<J: Job>(job: &J, run_at: Timestamp) -> Result<Self, serde_json::Error> {
        Ok(Self { name: J::NAME, key: job.key(), payload: serde_json::to_string(job)?, run_at })
    }
}

pub(crate) async fn insert(tx: &mut Tx, cx: &Cx, mut jobs: Vec<Pending>) -> Result<()> {
    // Transactions that enqueue the same jobs lock them in the same order, so that they do not wait for each other.
    jobs.sort_by(|a, b| (a.name, &a.key).cmp(&(b.name, &b.key)));
    for job in jobs {
        let row = args![
            cx.uuid(),
            job.name,
            job.key,
            job.payload,
            cx.tenant(),
            cx.correlation(),
            cx.causation(),
            job.run_at,
            MAX_ATTEMPTS,
            cx.now()
        ];
        tx.exec("job.insert", INSERT, row).await?;
    }
    Ok(())
}
