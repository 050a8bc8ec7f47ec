//! What a schedule may enqueue.

use serde_json::Value;
use thunderline_core::{Action, Job};

/// A kind of job that makes sense by the clock, whoever asked for it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// [`Job::NAME`].
    pub name: &'static str,
    /// What the job does: who may not do it may not schedule it.
    pub action: &'static Action,
    /// What is wrong with a job's fields.
    pub(super) check: fn(&Value) -> Option<String>,
}

impl Kind {
    /// The kind of these jobs.
    #[must_use]
    pub const fn of<J: Job>(action: &'static Action) -> Self {
        Self {
            name: J::NAME,
            action,
            check: |payload| J::deserialize(payload).err().map(|it| it.to_string()),
        }
    }
}
