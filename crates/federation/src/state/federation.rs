//! created → running ⇄ paused → completed | failed | cancelled.

use serde::{Deserialize, Serialize};
use thunderline_core::Result;

use super::illegal;

/// Where a federation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FederationState {
    /// Accepted; nothing was done yet.
    Created,
    /// Rounds run.
    Running,
    /// A running round finishes; no new one begins.
    Paused,
    /// All rounds are done.
    Completed,
    /// It could not go on.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

/// What happens to a federation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FederationEvent {
    /// Its first drive.
    Started,
    /// Somebody wants it to wait.
    Paused,
    /// Somebody wants it to go on.
    Resumed,
    /// The last round is done.
    Completed,
    /// It cannot go on.
    Failed,
    /// Somebody wants it to end.
    Cancelled,
}

impl FederationState {
    /// Every state, for tables and tests.
    pub const ALL: [Self; 6] =
        [Self::Created, Self::Running, Self::Paused, Self::Completed, Self::Failed, Self::Cancelled];

    /// The state after the event.
    ///
    /// # Errors
    /// `conflict` where the event cannot happen in this state.
    pub fn apply(self, event: FederationEvent) -> Result<Self> {
        use {FederationEvent as E, FederationState as S};
        Ok(match (self, event) {
            (S::Created, E::Started) | (S::Paused, E::Resumed) => S::Running,
            (S::Created | S::Running, E::Paused) => S::Paused,
            // The last round may finish while the federation is paused.
            (S::Running | S::Paused, E::Completed) => S::Completed,
            (S::Created | S::Running | S::Paused, E::Failed) => S::Failed,
            (S::Created | S::Running | S::Paused, E::Cancelled) => S::Cancelled,
            (state, event) => return Err(illegal("federation", state.name(), event.name())),
        })
    }

    /// True where nothing can happen any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The name in tables, events and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl FederationEvent {
    /// Every event, for tables and tests.
    pub const ALL: [Self; 6] =
        [Self::Started, Self::Paused, Self::Resumed, Self::Completed, Self::Failed, Self::Cancelled];

    /// The event in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}
