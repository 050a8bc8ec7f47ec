//! selecting → running → aggregating → evaluating → completed, or failed, or timed_out.
//!
//! A round exists from the moment that it looks for clients. `evaluating` is passed over where the model of the round is
//! not evaluated by clients.

use thunderline_core::{Result, Timestamp};

use super::illegal;

/// Where a round stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoundState {
    /// Waits for enough eligible nodes.
    Selecting,
    /// Clients train.
    Running {
        /// When training ends, whoever is missing. None where a buffer is filled: each lease has its own end.
        deadline: Option<Timestamp>,
    },
    /// The updates become the next model.
    Aggregating,
    /// Clients judge the new model.
    Evaluating {
        /// When judging ends, whoever is missing.
        deadline: Timestamp,
    },
    /// Model and metrics stand.
    Completed,
    /// No model came of it.
    Failed {
        /// Why.
        reason: String,
    },
    /// No model came of it in time.
    TimedOut {
        /// What was missing.
        reason: String,
    },
}

/// What happens to a round.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoundEvent {
    /// Clients have their leases.
    Started {
        /// When training ends; none where a buffer is filled.
        deadline: Option<Timestamp>,
    },
    /// Enough updates are in.
    Closed,
    /// The model stands; clients judge it.
    EvaluationStarted {
        /// When judging ends.
        deadline: Timestamp,
    },
    /// Nothing is left to do.
    Completed,
    /// It cannot succeed.
    Failed {
        /// Why.
        reason: String,
    },
    /// Time is up and too few updates are in.
    TimedOut {
        /// What was missing.
        reason: String,
    },
}

impl RoundState {
    /// The state after the event.
    ///
    /// # Errors
    /// `conflict` where the event cannot happen in this state.
    pub fn apply(self, event: RoundEvent) -> Result<Self> {
        use {RoundEvent as E, RoundState as S};
        Ok(match (self, event) {
            (S::Selecting, E::Started { deadline }) => S::Running { deadline },
            (S::Running { .. }, E::Closed) => S::Aggregating,
            (S::Aggregating, E::EvaluationStarted { deadline }) => S::Evaluating { deadline },
            (S::Aggregating | S::Evaluating { .. }, E::Completed) => S::Completed,
            (S::Running { .. }, E::TimedOut { reason }) => S::TimedOut { reason },
            (
                S::Selecting | S::Running { .. } | S::Aggregating | S::Evaluating { .. },
                E::Failed { reason },
            ) => S::Failed { reason },
            (state, event) => return Err(illegal("round", state.name(), event.name())),
        })
    }

    /// True where nothing can happen any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed { .. } | Self::TimedOut { .. })
    }

    /// The name in tables, events and listings.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Selecting => "selecting",
            Self::Running { .. } => "running",
            Self::Aggregating => "aggregating",
            Self::Evaluating { .. } => "evaluating",
            Self::Completed => "completed",
            Self::Failed { .. } => "failed",
            Self::TimedOut { .. } => "timed_out",
        }
    }

    /// When the state ends by itself.
    #[must_use]
    pub const fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Running { deadline } => *deadline,
            Self::Evaluating { deadline } => Some(*deadline),
            _ => None,
        }
    }

    /// Why it ended without a model.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed { reason } | Self::TimedOut { reason } => Some(reason),
            _ => None,
        }
    }

    /// Puts a state together again from its stored parts.
    #[must_use]
    pub fn from_parts(name: &str, deadline: Option<Timestamp>, reason: Option<String>) -> Option<Self> {
        let reason = reason.unwrap_or_default();
        Some(match (name, deadline) {
            ("selecting", _) => Self::Selecting,
            ("running", deadline) => Self::Running { deadline },
            ("aggregating", _) => Self::Aggregating,
            ("evaluating", Some(deadline)) => Self::Evaluating { deadline },
            ("completed", _) => Self::Completed,
            ("failed", _) => Self::Failed { reason },
            ("timed_out", _) => Self::TimedOut { reason },
            _ => return None,
        })
    }
}

impl RoundEvent {
    /// The event in words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Closed => "closed",
            Self::EvaluationStarted { .. } => "evaluated",
            Self::Completed => "completed",
            Self::Failed { .. } => "failed",
            Self::TimedOut { .. } => "timed out",
        }
    }
}
