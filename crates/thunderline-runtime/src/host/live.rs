//! The present state of the mesh, readable at any moment without waiting for anybody.

use std::sync::Arc;

use arc_swap::ArcSwap;
use thunderline_core::{DomainState, Manifest, Tick, Timestamp};
use tokio::sync::Notify;

/// How a domain is.
#[derive(Clone, Debug)]
pub struct DomainStatus {
    /// Its border.
    pub manifest: &'static Manifest,
    /// Where it is in its life.
    pub state: DomainState,
    /// Since when.
    pub since: Timestamp,
    /// Why it is there.
    pub reason: String,
    /// The tick at which it last became active.
    pub activated_at: Option<u64>,
    /// The last tick that it finished.
    pub acknowledged: Option<u64>,
    /// Failures that still count.
    pub failures: usize,
    /// When it will be made active again.
    pub restart_at: Option<Timestamp>,
}

impl DomainStatus {
    /// Whether its work is being done.
    #[must_use]
    pub fn works(&self) -> bool {
        self.acknowledged.is_some() && matches!(self.state, DomainState::Active | DomainState::Degraded)
    }
}

/// All domains of a process at one moment.
#[derive(Clone, Debug)]
pub struct Mesh {
    /// The process.
    pub node: String,
    /// Its last tick.
    pub tick: Option<Tick>,
    /// The domains, dependencies first.
    pub domains: Vec<DomainStatus>,
}

impl Mesh {
    /// How many domains work.
    #[must_use]
    pub fn active(&self) -> usize {
        self.domains.iter().filter(|domain| domain.works()).count()
    }

    /// A domain by its name.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<&DomainStatus> {
        self.domains.iter().find(|domain| domain.manifest.domain == name)
    }

    /// The required domains that are not active: while there are any, the process is not ready.
    pub fn not_ready(&self) -> impl Iterator<Item = &DomainStatus> {
        self.domains.iter().filter(|domain| domain.manifest.required && domain.state != DomainState::Active)
    }
}

/// Where the present [`Mesh`] is read: lock-free, never waiting. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Live(Arc<Board>);

#[derive(Debug)]
struct Board {
    mesh: ArcSwap<Mesh>,
    changed: Notify,
}

impl Live {
    /// A mesh that stays as it is until a host publishes another.
    #[must_use]
    pub fn new(mesh: Mesh) -> Self {
        Self(Arc::new(Board { mesh: ArcSwap::from_pointee(mesh), changed: Notify::new() }))
    }

    /// The mesh as it is now.
    #[must_use]
    pub fn now(&self) -> Arc<Mesh> {
        self.0.mesh.load_full()
    }

    /// Resolves when the mesh is as it is wanted.
    pub async fn until(&self, wanted: impl Fn(&Mesh) -> bool) {
        loop {
            let changed = self.0.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            if wanted(&self.now()) {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn publish(&self, mesh: Mesh) {
        self.0.mesh.store(Arc::new(mesh));
        self.0.changed.notify_waiters();
    }
}
