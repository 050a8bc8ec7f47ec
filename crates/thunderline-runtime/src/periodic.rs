//! Reconcilers: steps that look at the state of things and mend it, again and again.
//!
//! A reconciler has no input, so that running it once more is always right: after a crash, on demand, or early. They are
//! what makes a lost wake-up cost seconds and never truth.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::{BoxFuture, join_all};
use thunderline_core::{Cx, Error, Result, SignedDuration, Timestamp};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::guard::guarded;

/// A step that runs for longer is stuck. What takes longer than that belongs into a job.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);
/// Failures in a row that are worth telling.
const FAILING: u32 = 3;
/// The longest time between two looks at the clock.
const LOOK: Duration = Duration::from_secs(1);

/// One reconciler.
pub struct Reconciler {
    name: &'static str,
    every: SignedDuration,
    step: Box<dyn Fn(Cx) -> BoxFuture<'static, Result<()>> + Send + Sync>,
    turn: Mutex<Turn>,
}

/// How a reconciler is doing.
#[derive(Default)]
struct Turn {
    last: Option<Timestamp>,
    running_since: Option<Timestamp>,
    failures: u32,
    error: String,
}

impl Reconciler {
    /// A step that runs at once and then every so often, as the system.
    pub fn new<F, Fut>(name: &'static str, every: SignedDuration, step: F) -> Self
    where
        F: Fn(Cx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        Self { name, every, step: Box::new(move |cx| Box::pin(step(cx))), turn: Mutex::default() }
    }

    /// The reconciler's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.turn().last.is_none_or(|last| now.duration_since(last) >= self.every)
    }

    async fn run(&self, cx: &Cx) -> Result<()> {
        // A failed run waits for its next turn as well: a broken step must not spin.
        {
            let mut turn = self.turn();
            turn.last = Some(cx.now());
            turn.running_since = turn.last;
        }
        let cx = cx.as_system(self.name);
        let outcome = guarded(self.name, async { (self.step)(cx).await }).await;
        let mut turn = self.turn();
        turn.running_since = None;
        match &outcome {
            Ok(()) => turn.failures = 0,
            Err(error) => {
                turn.failures += 1;
                turn.error = error.chain();
            }
        }
        outcome
    }

    fn turn(&self) -> std::sync::MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn repeat(&self, cx: &Cx, cancel: &CancellationToken) {
        let look = Duration::try_from(self.every).unwrap_or(LOOK).clamp(Duration::from_millis(10), LOOK);
        while !cancel.is_cancelled() {
            if self.is_due(cx.now())
                && let Err(error) = self.run(cx).await
            {
                tracing::error!(reconciler = self.name, error = error.chain(), "a reconciler failed");
            }
            tokio::select! {
                () = cancel.cancelled() => {}
                () = sleep(look) => {}
            }
        }
    }
}

/// All reconcilers of a process. Cheap to clone.
#[derive(Clone)]
pub struct Periodic(Arc<[Reconciler]>);

impl Periodic {
    /// These reconcilers.
    #[must_use]
    pub fn new(reconcilers: Vec<Reconciler>) -> Self {
        Self(reconcilers.into())
    }

    /// Runs those whose time has come, one after another; returns how many.
    ///
    /// # Errors
    /// The first failure, after all have run.
    pub async fn run_due(&self, cx: &Cx) -> Result<usize> {
        let (mut ran, mut outcome) = (0, Ok(()));
        for reconciler in self.0.iter().filter(|reconciler| reconciler.is_due(cx.now())) {
            ran += 1;
            outcome = outcome.and(reconciler.run(cx).await);
        }
        outcome.map(|()| ran)
    }

    /// Runs one now, whatever its time.
    ///
    /// # Errors
    /// `not_found`, or what the reconciler reports.
    pub async fn run_now(&self, cx: &Cx, name: &str) -> Result<()> {
        let found = self.0.iter().find(|reconciler| reconciler.name == name);
        found.ok_or_else(|| Error::not_found(format!("reconciler {name}")))?.run(cx).await
    }

    /// How many steps are running now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.iter().filter(|reconciler| reconciler.turn().running_since.is_some()).count()
    }

    /// A step that has been running for too long, in words.
    #[must_use]
    pub fn stuck(&self, now: Timestamp) -> Option<String> {
        self.0.iter().find_map(|reconciler| {
            let running = now.duration_since(reconciler.turn().running_since?);
            (running > PATIENCE)
                .then(|| format!("{} has been running for {} s", reconciler.name, running.as_secs()))
        })
    }

    /// A step that fails again and again, in words.
    #[must_use]
    pub fn failing(&self) -> Option<String> {
        self.0.iter().find_map(|reconciler| {
            let turn = reconciler.turn();
            (turn.failures >= FAILING).then(|| {
                format!("{} failed {} times in a row: {}", reconciler.name, turn.failures, turn.error)
            })
        })
    }

    /// Runs each in its time until cancelled; a slow one does not delay the others.
    ///
    /// # Errors
    /// Never by itself: failures are logged.
    pub async fn run(&self, cx: Cx, cancel: CancellationToken) -> Result<()> {
        join_all(self.0.iter().map(|reconciler| reconciler.repeat(&cx, &cancel))).await;
        // Where there are none: an end would look like a shutdown.
        cancel.cancelled().await;
        Ok(())
    }
}
