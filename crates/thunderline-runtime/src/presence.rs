//! Being seen to be alive, and seeing who is not.

use std::time::Duration;

use thunderline_core::Cx;
use thunderline_store::{Db, Engine, Presence};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

/// The time between two looks: how long the jobs of a worker that was killed lie idle.
const LOOK: Duration = Duration::from_millis(500);

/// The presence of a running worker; ends when it is dropped.
pub(crate) struct Kept {
    task: JoinSet<()>,
    leaving: CancellationToken,
}

/// Lets others see this worker and looks for dead ones, until [`Kept::end`]. Only PostgreSQL has several.
pub(crate) async fn keep(db: &Db, cx: &Cx, name: &str) -> Kept {
    let (mut task, leaving) = (JoinSet::new(), CancellationToken::new());
    if db.engine() == Engine::Postgres {
        let mut present = appear(db, cx, name).await;
        let (db, cx, name, leaving) = (db.clone(), cx.clone(), name.to_owned(), leaving.clone());
        task.spawn(async move {
            while timeout(LOOK, leaving.cancelled()).await.is_err() {
                present = match present {
                    Some(present) => look(present, &cx).await,
                    None => appear(&db, &cx, &name).await,
                };
            }
            if let Some(present) = present
                && let Err(error) = present.leave().await
            {
                tracing::debug!(error = error.chain(), "a worker left without a word");
            }
        });
    }
    Kept { task, leaving }
}

impl Kept {
    /// Says goodbye.
    pub(crate) async fn end(mut self) {
        self.leaving.cancel();
        while self.task.join_next().await.is_some() {}
    }
}

async fn appear(db: &Db, cx: &Cx, name: &str) -> Option<Presence> {
    match db.jobs().appear(cx, name).await {
        Ok(present) => Some(present),
        Err(error) => {
            tracing::warn!(error = error.chain(), "other workers cannot see that this one is alive");
            None
        }
    }
}

/// `None` where the connection is lost: the worker must appear again.
async fn look(mut present: Presence, cx: &Cx) -> Option<Presence> {
    match present.look(cx).await {
        Ok(0) => Some(present),
        Ok(jobs) => {
            tracing::info!(jobs, "took over from a worker that is dead");
            Some(present)
        }
        Err(error) => {
            tracing::warn!(error = error.chain(), "a worker lost its presence");
            None
        }
    }
}
