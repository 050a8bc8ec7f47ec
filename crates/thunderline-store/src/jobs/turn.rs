//! A busy worker's turn: what is done goes out and what is next comes in, in one transaction.

use std::collections::BTreeSet;

use thunderline_core::{Cx, JobId, Result};

use super::{Claimed, Jobs, claim::claim_in, end::finish_in};
use crate::signals;

/// Some kinds of jobs, and how many of them a worker may begin.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The names of the kinds.
    pub names: Vec<&'a str>,
    /// Jobs of all of them together; `None`: as many as there is room for.
    pub limit: Option<u32>,
}

/// What came of a turn.
#[derive(Debug, Default)]
pub struct Turn {
    /// The jobs that were marked as done; the others' leases were lost.
    pub finished: BTreeSet<JobId>,
    /// What to do next.
    pub claimed: Vec<Claimed>,
}

impl Jobs {
    /// Marks jobs as done and takes others, at most as many as there is `room` for, as [`Jobs::finish_all`] and
    /// [`Jobs::claim`], but without looking for leases that ended.
    ///
    /// # Errors
    /// `unavailable`, `internal`; then nothing was marked and nothing was taken.
    pub async fn turn(
        &self,
        cx: &Cx,
        worker: &str,
        done: &[Claimed],
        wanted: &[Wanted<'_>],
        mut room: u32,
    ) -> Result<Turn> {
        let mut turn = Turn::default();
        let mut tx = self.0.pools().begin_queue().await?;
        if !done.is_empty() {
            turn.finished = finish_in(&mut tx, cx, done).await?;
        }
        for Wanted { names, limit } in wanted {
            let limit = limit.unwrap_or(room).min(room);
            if limit > 0 {
                let claimed = claim_in(&mut tx, cx, worker, names, limit).await?;
                room -= u32::try_from(claimed.len()).unwrap_or(room).min(room);
                turn.claimed.extend(claimed);
            }
        }
        tx.commit().await?;
        if !done.is_empty() {
            // Other workers may have waited for jobs of the same names and keys.
            self.0.signals().notify(signals::JOBS);
        }
        Ok(turn)
    }
}
