//! A domain as something that can be made active, and what it does then.

use std::sync::Arc;

use futures::future::BoxFuture;
use thunderline_core::{Cx, Manifest, Result};

use crate::{Reconciler, Registry, Subscription};

/// What a domain does while it is active.
#[derive(Default)]
pub struct Work {
    /// The handlers of its jobs.
    pub jobs: Registry,
    /// The events it listens to.
    pub subscriptions: Vec<Subscription>,
    /// What it mends again and again.
    pub reconcilers: Vec<Reconciler>,
}

type Activate = dyn Fn(Cx) -> BoxFuture<'static, Result<Work>> + Send + Sync;

/// A domain as something that can be made active. Cheap to clone.
#[derive(Clone)]
pub struct Domain {
    /// Its border: name, dependencies, whether the server needs it.
    pub manifest: &'static Manifest,
    activate: Arc<Activate>,
}

impl Domain {
    /// `activate` does whatever must have been done before the domain can work (reading state into memory, checking what it
    /// needs), and says what it works at. It is called again after every failure, so it must be repeatable.
    pub fn new<F, Fut>(manifest: &'static Manifest, activate: F) -> Self
    where
        F: Fn(Cx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Work>> + Send + 'static,
    {
        Self { manifest, activate: Arc::new(move |cx| Box::pin(activate(cx))) }
    }

    /// The domain's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.manifest.domain
    }

    /// Makes it active.
    ///
    /// # Errors
    /// Whatever keeps it from becoming active.
    pub async fn activate(&self, cx: &Cx) -> Result<Work> {
        (self.activate)(cx.as_system(self.name())).await
    }
}
