//! Who wants which events, and how they are handed over.

use std::sync::Arc;

use futures::future::BoxFuture;
use thunderline_core::{Cx, Envelope, Result};
use thunderline_store::{DeadLetters, Write};

type Handler =
    dyn for<'a> Fn(&'a Cx, &'a Envelope, &'a mut Write) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static;

/// What kind of consumer, which decides how many events it gets at once: fewer are handed over sooner, more in less time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipeline {
    /// Somebody waits for what it makes of an event.
    Realtime,
    /// Keeps a domain's view of another domain.
    CrossDomain,
    /// Everything else: trails, indexes, deliveries.
    General,
}

impl Pipeline {
    /// The name in tables and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Realtime => "realtime",
            Self::CrossDomain => "cross_domain",
            Self::General => "general",
        }
    }

    /// How many events of one tenant are handled in one transaction.
    #[must_use]
    pub const fn batch(self) -> usize {
        match self {
            Self::Realtime => 16,
            Self::CrossDomain => 128,
            Self::General => 256,
        }
    }
}

/// What becomes of an event that cannot be handled.
#[derive(Clone)]
pub enum Policy {
    /// The consumer stops at it and tries again until it can: for projections that must not skip anything.
    Halt,
    /// It is tried again as the error's class allows ([`crate::budget`]), then put aside, and the consumer goes on. Later
    /// events about the same thing are put aside with it, so that their order holds.
    SetAside(Arc<dyn DeadLetters>),
}

/// Who wants which events, and what it makes of them.
#[derive(Clone)]
pub struct Subscription {
    pub(super) consumer: &'static str,
    pub(super) names: &'static [&'static str],
    pub(super) handler: Arc<Handler>,
    pub(super) policy: Policy,
    pub(super) pipeline: Pipeline,
    pub(super) batch: usize,
}

impl Subscription {
    /// `consumer` is the name of the cursor (`domain.purpose`): renaming it replays all events. No `names`: all events.
    ///
    /// The handler writes only through the [`Write`] that it is given, which also enqueues jobs; it must not open another
    /// one, commit is not its business, and slow work belongs into a job. Several events may share a transaction; where one
    /// of them fails, those before it are handled again in a transaction without it.
    ///
    /// It is a cross-domain consumer that halts, unless told otherwise.
    pub fn new<F>(consumer: &'static str, names: &'static [&'static str], handler: F) -> Self
    where
        F: for<'a> Fn(&'a Cx, &'a Envelope, &'a mut Write) -> BoxFuture<'a, Result<()>>
            + Send
            + Sync
            + 'static,
    {
        let pipeline = Pipeline::CrossDomain;
        let (policy, batch) = (Policy::Halt, pipeline.batch());
        Self { consumer, names, handler: Arc::new(handler), policy, pipeline, batch }
    }

    /// What becomes of an event that cannot be handled.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Which pipeline it belongs to.
    #[must_use]
    pub fn in_pipeline(self, pipeline: Pipeline) -> Self {
        let batch = if self.batch == 1 { 1 } else { pipeline.batch() };
        Self { pipeline, batch, ..self }
    }

    /// A transaction of its own for each event: for handlers that write much.
    #[must_use]
    pub fn one_at_a_time(self) -> Self {
        Self { batch: 1, ..self }
    }

    /// The name of the cursor.
    #[must_use]
    pub fn consumer(&self) -> &'static str {
        self.consumer
    }

    /// The names of the events; none: all.
    #[must_use]
    pub fn names(&self) -> &'static [&'static str] {
        self.names
    }
}
