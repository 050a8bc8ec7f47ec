//! Which handler runs which job.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::BoxFuture;
use thunderline_core::{Cx, Error, Job, Result};

type Handler = Arc<dyn Fn(Cx, serde_json::Value) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// The handlers of one process. A job whose name is not here is left to other processes.
#[derive(Clone, Default)]
pub struct Registry {
    handlers: BTreeMap<&'static str, Handler>,
}

impl Registry {
    /// No handlers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs jobs of this kind with the handler. It acts as the system, for the tenant and on the chain of cause and
    /// effect of whoever enqueued the job. It must be idempotent: a job runs at least once.
    ///
    /// # Panics
    /// Where the job has a handler already: two parts of the program claim it.
    pub fn on<J, F, Fut>(&mut self, handler: F)
    where
        J: Job + Send,
        F: Fn(Cx, J) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |cx, payload| match serde_json::from_value(payload) {
            Ok(job) => Box::pin(handler(cx, job)),
            Err(error) => {
                let failure =
                    Error::internal(format!("job {} does not fit its type", J::NAME)).caused_by(error);
                Box::pin(std::future::ready(Err(failure)))
            }
        });
        let before = self.handlers.insert(J::NAME, handler);
        assert!(before.is_none(), "job {} has two handlers", J::NAME);
    }

    /// The names of all jobs that have a handler, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.handlers.keys().copied().collect()
    }

    pub(crate) fn find(&self, name: &str) -> Option<(&'static str, &Handler)> {
        self.handlers.get_key_value(name).map(|(name, handler)| (*name, handler))
    }
}
