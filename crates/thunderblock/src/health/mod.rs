//! How database, objects and disk are: looked at again and again, kept in memory, written down where it changed.

mod look;
mod rows;
pub mod status;

use std::sync::{Arc, PoisonError, RwLock};

use thunderline_core::{Action, Role, Rule, Timestamp};

pub use look::look;
pub(crate) use look::note;
pub(crate) use rows::STATEMENTS;
pub use rows::{Change, changes};
pub use status::{Check, Limits, Status};

/// Background work only.
pub const ACTION: Action = Action::new("block.health.record", Rule::System);
/// Whoever may look.
pub const READ_ACTION: Action = Action::new("block.health.read", Rule::AtLeast(Role::Viewer));

/// What the last look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// When that was; none before the first.
    pub at: Option<Timestamp>,
    /// Each part.
    pub checks: Vec<Check>,
}

/// The newest report of this process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<RwLock<Report>>);

impl Health {
    /// What the last look found.
    #[must_use]
    pub fn now(&self) -> Report {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the checks of these components, and leaves the others.
    pub(crate) fn put(&self, at: Timestamp, checks: &[Check]) {
        let mut report = self.0.write().unwrap_or_else(PoisonError::into_inner);
        report.at = Some(at);
        for check in checks {
            match report.checks.iter_mut().find(|known| known.component == check.component) {
                Some(known) => *known = check.clone(),
                None => report.checks.push(check.clone()),
            }
        }
    }
}

impl Report {
    /// The worst of all checks; healthy where nothing was looked at yet.
    #[must_use]
    pub fn status(&self) -> Status {
        self.checks.iter().map(|check| check.status).max().unwrap_or(Status::Healthy)
    }
}
