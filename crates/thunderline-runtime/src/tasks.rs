//! Supervised tasks: each has a name, and a kind that says what its failure and a shutdown mean.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use thunderline_core::{Error, Result};
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::guard::guarded;

/// Pauses before a restart double from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a task's end means, and what a shutdown does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The process is useless without it (a listener): when it ends or fails, everything is told to stop. A shutdown
    /// asks it to end and waits.
    Vital,
    /// A loop: when it fails it is started again after a pause that grows. A shutdown asks it to end and waits.
    Restarting,
    /// May end at any time; a failure is logged. A shutdown stops it at once, wherever it is.
    Disposable,
}

/// How a shutdown went.
#[derive(Debug)]
pub struct Drained {
    /// Tasks that had not ended at the deadline and were stopped wherever they were.
    pub unfinished: Vec<&'static str>,
    /// The vital task that brought the process down, and why.
    pub failure: Option<(&'static str, Error)>,
}

/// The tasks of a process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tasks(Arc<Inner>);

#[derive(Default)]
struct Inner {
    cancel: CancellationToken,
    tracker: TaskTracker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    running: BTreeMap<u64, (&'static str, Kind, Option<AbortHandle>)>,
    failure: Option<(&'static str, Error)>,
}

impl Tasks {
    /// No tasks yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task. It gets a token that is cancelled when the process shuts down, and is called again for each
    /// restart.
    pub fn spawn<F, Fut>(&self, name: &'static str, kind: Kind, task: F)
    where
        F: Fn(CancellationToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let id = {
            let mut state = self.state();
            state.next += 1;
            let id = state.next;
            state.running.insert(id, (name, kind, None));
            id
        };
        let tasks = self.clone();
        let handle = self.0.tracker.spawn(async move {
            tasks.supervise(name, kind, task).await;
            tasks.state().running.remove(&id);
        });
        if let Some(entry) = self.state().running.get_mut(&id) {
            entry.2 = Some(handle.abort_handle());
        }
    }

    /// Resolves when the process is to shut down: it was told to, or a vital task ended.
    pub async fn stopping(&self) {
        self.0.cancel.cancelled().await;
    }

    /// Tells all tasks to end.
    pub fn stop(&self) {
        self.0.cancel.cancel();
    }

    /// The names of the tasks that run, in the order in which they were started.
    #[must_use]
    pub fn running(&self) -> Vec<&'static str> {
        self.state().running.values().map(|(name, ..)| *name).collect()
    }

    /// Tells all tasks to end, waits for them until the deadline, and stops those that are left.
    pub async fn drain(&self, deadline: Duration) -> Drained {
        self.stop();
        self.abort(|kind| kind == Kind::Disposable);
        self.0.tracker.close();
        let unfinished = match timeout(deadline, self.0.tracker.wait()).await {
            Ok(()) => Vec::new(),
            Err(_) => self.abort(|_| true),
        };
        self.0.tracker.wait().await;
        Drained { unfinished, failure: self.state().failure.take() }
    }

    /// Stops tasks wherever they are; returns their names.
    fn abort(&self, which: impl Fn(Kind) -> bool) -> Vec<&'static str> {
        let mut names = Vec::new();
        self.state().running.retain(|_, (name, kind, handle)| {
            let chosen = which(*kind);
            if chosen {
                names.push(*name);
                if let Some(handle) = handle {
                    handle.abort();
                }
            }
            !chosen
        });
        names
    }

    async fn supervise<F, Fut>(&self, name: &'static str, kind: Kind, task: F)
    where
        F: Fn(CancellationToken) -> Fut,
        Fut: Future<Output = Result<()>>,
    {
        let cancel = &self.0.cancel;
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            let outcome = guarded(name, task(cancel.clone())).await;
            if let Err(error) = &outcome {
                tracing::error!(task = name, error = error.chain(), "a task failed");
            }
            match (kind, outcome) {
                (Kind::Vital, outcome) if !cancel.is_cancelled() => {
                    let error =
                        outcome.err().unwrap_or_else(|| Error::internal("it ended without being asked"));
                    self.state().failure.get_or_insert((name, error));
                    self.stop();
                    return;
                }
                (Kind::Restarting, Err(_)) if !cancel.is_cancelled() => {
                    // One that ran for long was healthy: its next failure is a first one.
                    if began.elapsed() > LONGEST_PAUSE {
                        pause = FIRST_PAUSE;
                    }
                    tokio::select! {
                        () = cancel.cancelled() => return,
                        () = sleep(pause) => {}
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                _ => return,
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    /// Longer than any of these tasks takes to end.
    const SOON: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_vital_task_that_fails_stops_the_process_and_is_named() {
        let tasks = Tasks::new();
        tasks.spawn("patient", Kind::Restarting, |cancel| async move {
            cancel.cancelled().await;
            Ok(())
        });
        tasks.spawn("web", Kind::Vital, |_| async { Err(Error::unavailable("the port is taken")) });
        tasks.stopping().await;
        let drained = tasks.drain(SOON).await;
        let (name, error) = drained.failure.unwrap();
        assert_eq!((name, error.to_string().as_str()), ("web", "the port is taken"));
        assert!(drained.unfinished.is_empty());
        assert!(tasks.running().is_empty());
    }

    #[tokio::test]
    async fn a_vital_task_that_ends_unasked_is_a_failure_and_one_that_is_asked_is_not() {
        let ended = Tasks::new();
        ended.spawn("web", Kind::Vital, |_| async { Ok(()) });
        ended.stopping().await;
        assert_eq!(ended.drain(SOON).await.failure.unwrap().0, "web");

        let asked = Tasks::new();
        asked.spawn("web", Kind::Vital, |cancel| async move {
            cancel.cancelled().await;
            Ok(())
        });
        assert!(asked.drain(SOON).await.failure.is_none());
    }

    #[tokio::test]
    async fn a_loop_that_fails_or_panics_is_started_again() {
        let (starts, third) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let tasks = Tasks::new();
        let (count, reached) = (starts.clone(), third.clone());
        tasks.spawn("relay", Kind::Restarting, move |cancel| {
            let (start, reached) = (count.fetch_add(1, Ordering::SeqCst) + 1, reached.clone());
            async move {
                match start {
                    1 => Err(Error::unavailable("away")),
                    2 => panic!("broken"),
                    _ => {
                        reached.notify_one();
                        cancel.cancelled().await;
                        Ok(())
                    }
                }
            }
        });
        third.notified().await;
        let drained = tasks.drain(SOON).await;
        assert!(drained.failure.is_none() && drained.unfinished.is_empty());
        assert_eq!(starts.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_drain_reports_who_did_not_end_and_stops_the_disposable_at_once() {
        let tasks = Tasks::new();
        tasks.spawn("stubborn", Kind::Restarting, |_| std::future::pending());
        tasks.spawn("probe", Kind::Disposable, |_| std::future::pending());
        assert_eq!(tasks.running(), ["stubborn", "probe"]);
        let drained = tasks.drain(Duration::from_millis(10)).await;
        assert_eq!(drained.unfinished, ["stubborn"]);
        assert!(tasks.running().is_empty());
    }

    #[tokio::test]
    async fn a_disposable_task_that_fails_stops_nothing() {
        let tasks = Tasks::new();
        tasks.spawn("probe", Kind::Disposable, |_| async { Err(Error::unavailable("away")) });
        tokio::task::yield_now().await;
        assert!(!tasks.0.cancel.is_cancelled());
        assert!(tasks.drain(SOON).await.failure.is_none());
    }
}
