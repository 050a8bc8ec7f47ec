//! running → completed; or running → failing → failed, running → cancelling → cancelled; or halted, where something that was
//! to be undone could not be.

use thunderline_core::Result;

use super::illegal;

/// Where an execution stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExecutionState {
    /// Its nodes are being done.
    Running,
    /// A node failed; what was done is being undone.
    Failing {
        /// Why.
        reason: String,
    },
    /// Somebody stopped it; what was done is being undone.
    Cancelling {
        /// Why.
        reason: String,
    },
    /// Every node is done.
    Completed,
    /// A node failed, and all that was to be undone is.
    Failed {
        /// Why.
        reason: String,
    },
    /// Somebody stopped it, and all that was to be undone is.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// Something could not be undone: a person must look.
    Halted {
        /// Why it was undone, and what could not be.
        reason: String,
    },
}

/// What happens to an execution.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExecutionEvent {
    /// Every node is done.
    Completed,
    /// A node failed for good.
    Failed {
        /// Why.
        reason: String,
    },
    /// Somebody stopped it.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// Nothing is left to undo.
    Undone,
    /// Nothing is left to undo but what could not be.
    Stuck {
        /// What could not be undone.
        reason: String,
    },
}

impl ExecutionState {
    /// The state after the event.
    ///
    /// # Errors
    /// `conflict` where the event cannot happen in this state.
    pub fn apply(self, event: ExecutionEvent) -> Result<Self> {
        use {ExecutionEvent as E, ExecutionState as S};
        Ok(match (self, event) {
            (S::Running, E::Completed) => S::Completed,
            (S::Running, E::Failed { reason }) => S::Failing { reason },
            (S::Running, E::Cancelled { reason }) => S::Cancelling { reason },
            (S::Failing { reason }, E::Undone) => S::Failed { reason },
            (S::Cancelling { reason }, E::Undone) => S::Cancelled { reason },
            (S::Failing { reason: why } | S::Cancelling { reason: why }, E::Stuck { reason }) => {
                S::Halted { reason: format!("{why}; {reason}") }
            }
            (state, event) => return Err(illegal("an execution", state.name(), event.name())),
        })
    }

    /// True where nothing can happen any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed { .. } | Self::Cancelled { .. } | Self::Halted { .. })
    }

    /// The name in tables, events and listings.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Failing { .. } => "failing",
            Self::Cancelling { .. } => "cancelling",
            Self::Completed => "completed",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Halted { .. } => "halted",
        }
    }

    /// Why it does not run, where it does not.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Failing { reason }
            | Self::Cancelling { reason }
            | Self::Failed { reason }
            | Self::Cancelled { reason }
            | Self::Halted { reason } => Some(reason),
            Self::Running | Self::Completed => None,
        }
    }

    /// Puts a state together again from its stored parts.
    #[must_use]
    pub fn from_parts(name: &str, reason: Option<String>) -> Option<Self> {
        let reason = reason.unwrap_or_default();
        Some(match name {
            "running" => Self::Running,
            "failing" => Self::Failing { reason },
            "cancelling" => Self::Cancelling { reason },
            "completed" => Self::Completed,
            "failed" => Self::Failed { reason },
            "cancelled" => Self::Cancelled { reason },
            "halted" => Self::Halted { reason },
            _ => return None,
        })
    }
}

impl ExecutionEvent {
    /// The event in words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Undone => "undone",
            Self::Stuck { .. } => "stuck",
        }
    }
}
