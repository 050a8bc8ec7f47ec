//! Which handler runs which job.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::BoxFuture;
use thunderline_core::{Cx, Error, Job, Result, SignedDuration};
use tokio_util::sync::CancellationToken;

type Handler =
    Arc<dyn Fn(Cx, serde_json::Value, CancellationToken) -> BoxFuture<'static, Result<Done>> + Send + Sync>;

/// How a handler ended that did not fail. `()` means completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The work is done.
    Completed,
    /// It is too early: run again after this while, without using up an attempt.
    Snooze(SignedDuration),
    /// There is nothing to be done any more; the text says why.
    Cancel(String),
}

impl From<()> for Done {
    fn from((): ()) -> Self {
        Self::Completed
    }
}

/// The handlers of one process. A job whose name is not here is left to other processes.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Kind>,
}

#[derive(Clone)]
pub(crate) struct Kind {
    pub handler: Handler,
    /// How many run at the same time in this process; any number unless given.
    pub concurrency: Option<usize>,
}

impl Registry {
    /// No handlers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs jobs of this kind with the handler. It acts as the system, for the tenant and on the chain of cause and
    /// effect of whoever enqueued the job; its context says which attempt it is ([`Cx::attempt`]). It must be
    /// idempotent: a job runs at least once. It gives `()`, or [`Done`] where it may snooze or cancel itself.
    ///
    /// # Panics
    /// Where the job has a handler already: two parts of the program claim it.
    pub fn on<J, F, Fut, D>(&mut self, handler: F)
    where
        J: Job + Send,
        F: Fn(Cx, J) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<D>> + Send + 'static,
        D: Into<Done>,
    {
        self.on_stoppable(move |cx, job, _| handler(cx, job));
    }

    /// The same with a handler that may take long: its token is cancelled when the worker is told to stop. It should then end
    /// soon, snoozing where anything is left to do: who takes longer is dropped wherever it is.
    ///
    /// # Panics
    /// As [`Self::on`].
    pub fn on_stoppable<J, F, Fut, D>(&mut self, handler: F)
    where
        J: Job + Send,
        F: Fn(Cx, J, CancellationToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<D>> + Send + 'static,
        D: Into<Done>,
    {
        let handler = Arc::new(handler);
        let handler: Handler = Arc::new(move |cx, payload, stopping| {
            let handler = handler.clone();
            Box::pin(async move {
                let job = serde_json::from_value(payload).map_err(|error| {
                    Error::internal(format!("job {} does not fit its type", J::NAME)).caused_by(error)
                })?;
                handler(cx, job, stopping).await.map(Into::into)
            })
        });
        let concurrency = J::CONCURRENCY.map(|most| usize::try_from(most.max(1)).unwrap_or(usize::MAX));
        let before = self.kinds.insert(J::NAME, Kind { handler, concurrency });
        assert!(before.is_none(), "job {} has two handlers", J::NAME);
    }

    /// The names of all jobs that have a handler, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.kinds.keys().copied().collect()
    }

    pub(crate) fn find(&self, name: &str) -> Option<(&'static str, &Kind)> {
        self.kinds.get_key_value(name).map(|(name, kind)| (*name, kind))
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = (&'static str, &Kind)> {
        self.kinds.iter().map(|(name, kind)| (*name, kind))
    }
}
