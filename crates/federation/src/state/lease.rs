//! issued → claimed → released | expired | dropped.
//!
//! A lease is the right and duty of one node to do one task of one round. It ends exactly once: `released` is the only
//! end at which a result was taken, so that an update can never be counted twice.

use thunderline_core::Result;

use super::illegal;

/// Where a lease stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LeaseState {
    /// The node has not asked yet.
    Issued,
    /// The node has the task.
    Claimed,
    /// The node's result was taken.
    Released,
    /// Time was up.
    Expired {
        /// What had happened by then.
        reason: String,
    },
    /// The node failed, lied, left, or was no longer needed.
    Dropped {
        /// Which of these.
        reason: String,
    },
}

/// What happens to a lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LeaseEvent {
    /// The node took the task; again, if it lost it.
    Claimed,
    /// The node's result was taken.
    Released,
    /// Time is up.
    Expired {
        /// What had happened by then.
        reason: String,
    },
    /// The task is taken from the node.
    Dropped {
        /// Why.
        reason: String,
    },
}

impl LeaseState {
    /// The state after the event.
    ///
    /// # Errors
    /// `conflict` where the event cannot happen in this state.
    pub fn apply(self, event: LeaseEvent) -> Result<Self> {
        use {LeaseEvent as E, LeaseState as S};
        Ok(match (self, event) {
            (S::Issued | S::Claimed, E::Claimed) => S::Claimed,
            (S::Claimed, E::Released) => S::Released,
            (S::Issued | S::Claimed, E::Expired { reason }) => S::Expired { reason },
            (S::Issued | S::Claimed, E::Dropped { reason }) => S::Dropped { reason },
            (state, event) => return Err(illegal("lease", state.name(), event.name())),
        })
    }

    /// True while the node may still deliver.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Issued | Self::Claimed)
    }

    /// The name in tables, events and listings.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Claimed => "claimed",
            Self::Released => "released",
            Self::Expired { .. } => "expired",
            Self::Dropped { .. } => "dropped",
        }
    }

    /// Why it ended without a result.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Expired { reason } | Self::Dropped { reason } => Some(reason),
            _ => None,
        }
    }

    /// Puts a state together again from its stored parts.
    #[must_use]
    pub fn from_parts(name: &str, reason: Option<String>) -> Option<Self> {
        let reason = reason.unwrap_or_default();
        Some(match name {
            "issued" => Self::Issued,
            "claimed" => Self::Claimed,
            "released" => Self::Released,
            "expired" => Self::Expired { reason },
            "dropped" => Self::Dropped { reason },
            _ => return None,
        })
    }
}

impl LeaseEvent {
    /// The event in words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Released => "released",
            Self::Expired { .. } => "expired",
            Self::Dropped { .. } => "dropped",
        }
    }
}
