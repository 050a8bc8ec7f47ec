//! The tasks of one active domain: all of them live and end together.

use std::{
    panic::resume_unwind,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use thunderline_core::{Cx, Tick};
use thunderline_store::Db;
use tokio::sync::{Notify, watch};

use super::lifecycle::Running;
use crate::{Background, Domain, Kind, Tasks, guard::guarded};

/// How long the tasks of a domain that stops may take to finish what they are at.
const GRACE: Duration = Duration::from_secs(10);

/// A domain's tasks. They are stopped, not dropped.
pub(super) struct Scope {
    shared: Arc<Shared>,
    tasks: Tasks,
    begun: u64,
}

struct Shared {
    phase: Mutex<Phase>,
    acknowledged: AtomicU64,
    killer: Mutex<Option<String>>,
    poisoned: Notify,
}

enum Phase {
    Starting,
    Working(Background),
    Failed(String),
}

impl Scope {
    fn new(sequence: u64) -> Self {
        let shared = Shared {
            phase: Mutex::new(Phase::Starting),
            acknowledged: AtomicU64::new(sequence),
            killer: Mutex::default(),
            poisoned: Notify::new(),
        };
        Self { shared: Arc::new(shared), tasks: Tasks::new(), begun: sequence }
    }

    /// Begins to make the domain active. `changed` is notified when that has succeeded or anything has failed.
    pub fn start(
        domain: &Domain,
        db: &Db,
        cx: &Cx,
        ticks: &watch::Receiver<Option<Tick>>,
        changed: &Arc<Notify>,
        host: &Tasks,
    ) -> Self {
        let sequence = ticks.borrow().as_ref().map_or(0, |tick| tick.sequence);
        let scope = Self::new(sequence);
        let (shared, tasks, domain) = (scope.shared.clone(), scope.tasks.clone(), domain.clone());
        let (db, cx, ticks, notify) = (db.clone(), cx.clone(), ticks.clone(), changed.clone());
        scope.tasks.spawn(domain.name(), Kind::Vital, move |cancel| {
            let (shared, tasks, domain) = (shared.clone(), tasks.clone(), domain.clone());
            let (db, cx, mut ticks, notify) = (db.clone(), cx.clone(), ticks.clone(), notify.clone());
            async move {
                let background = Background::of(domain.name(), &db, domain.activate(&cx).await?);
                background.start(&tasks, &cx);
                shared.acknowledge(ticks.borrow_and_update().as_ref().map_or(0, |tick| tick.sequence));
                shared.enter(Phase::Working(background.clone()));
                notify.notify_one();
                loop {
                    tokio::select! {
                        () = cancel.cancelled() => return Ok(()),
                        () = shared.poisoned.notified() => resume_unwind(Box::new(shared.killer())),
                        ticked = ticks.changed() => if ticked.is_err() { return Ok(()) },
                    }
                    // A reconciler that hangs hangs the domain: it must not look alive.
                    if background.periodic.stuck(cx.now()).is_none() {
                        shared.acknowledge(ticks.borrow().as_ref().map_or(0, |tick| tick.sequence));
                    }
                }
            }
        });
        let (shared, tasks, notify) = (scope.shared.clone(), scope.tasks.clone(), changed.clone());
        host.spawn("domain", Kind::Disposable, move |_| {
            let (shared, tasks, notify) = (shared.clone(), tasks.clone(), notify.clone());
            async move {
                tasks.stopping().await;
                let drained = tasks.drain(GRACE).await;
                let reason = drained.failure.map_or_else(
                    || "its tasks were stopped".to_owned(),
                    |(task, error)| format!("{task}: {}", error.chain()),
                );
                shared.enter(Phase::Failed(reason));
                notify.notify_one();
                Ok(())
            }
        });
        scope
    }

    /// Makes the domain active without starting tasks: whoever asks runs its work by hand.
    pub async fn by_hand(domain: &Domain, db: &Db, cx: &Cx, sequence: u64) -> Self {
        let scope = Self::new(sequence);
        let phase = match guarded(domain.name(), domain.activate(cx)).await {
            Ok(work) => Phase::Working(Background::of(domain.name(), db, work)),
            Err(error) => Phase::Failed(error.chain()),
        };
        scope.shared.enter(phase);
        scope
    }

    /// What the tasks are doing, where the last published tick had this number.
    pub fn running(&self, published: u64, cx: &Cx) -> Running {
        match &*self.shared.phase() {
            Phase::Starting => Running::Starting(published.saturating_sub(self.begun)),
            Phase::Failed(reason) => Running::Failed(reason.clone()),
            Phase::Working(background) => Running::Working {
                missed: published.saturating_sub(self.acknowledged()),
                trouble: background.periodic.stuck(cx.now()).or_else(|| background.periodic.failing()),
            },
        }
    }

    /// The last tick that the domain finished.
    pub fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Says that the tick is finished, for a scope that is run by hand.
    pub fn acknowledge(&self, sequence: u64) {
        self.shared.acknowledge(sequence);
    }

    /// Its work, while it is active.
    pub fn background(&self) -> Option<Background> {
        match &*self.shared.phase() {
            Phase::Working(background) => Some(background.clone()),
            _ => None,
        }
    }

    /// Makes one of its tasks panic, without the message and the backtrace of a panic that nobody wanted.
    pub fn kill(&self, killer: &str) {
        *self.shared.killer.lock().unwrap_or_else(PoisonError::into_inner) = Some(killer.to_owned());
        self.shared.poisoned.notify_one();
        if self.tasks.running().is_empty() {
            self.shared.enter(Phase::Failed(self.shared.killer()));
        }
    }

    /// Stops the tasks and waits for what they are at; returns the names of those that did not end in time.
    pub async fn stop(self) -> Vec<&'static str> {
        self.tasks.drain(GRACE).await.unfinished
    }
}

impl Shared {
    fn phase(&self) -> std::sync::MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, phase: Phase) {
        *self.phase() = phase;
    }

    fn acknowledge(&self, sequence: u64) {
        self.acknowledged.fetch_max(sequence, Ordering::Relaxed);
    }

    fn killer(&self) -> String {
        let killer = self.killer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        format!("killed by {}", killer.as_deref().unwrap_or("nobody"))
    }
}
