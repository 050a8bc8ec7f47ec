//! pending → started → (waiting →) done; started or waiting → retrying → started; or failed, or skipped. Then, where the
//! execution fails: done, waiting or failed → undoing → undone, or stuck.

use thunderline_core::{Result, Timestamp};

use super::illegal;

/// Where a node stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NodeState {
    /// Something that it needs is not done.
    Pending,
    /// Its action is being asked for; whether that had an effect is not known.
    Started {
        /// Which try, from 1.
        attempt: u32,
        /// Which effect, from 1.
        generation: u32,
    },
    /// Its action was asked for, and the end is awaited.
    Waiting {
        /// Which try.
        attempt: u32,
        /// Which effect.
        generation: u32,
        /// When the wait ends by itself.
        until: Option<Timestamp>,
    },
    /// A try failed; another follows.
    Retrying {
        /// Which try comes next.
        attempt: u32,
        /// Which effect.
        generation: u32,
        /// When.
        at: Timestamp,
        /// Whether the effect before ended, so that the next one is another.
        anew: bool,
    },
    /// It is done.
    Done,
    /// It failed for good.
    Failed {
        /// Why.
        reason: String,
    },
    /// The execution ended before it was done, and there is nothing to undo.
    Skipped,
    /// What undoes it is being asked for.
    Undoing {
        /// Which try, from 1.
        attempt: u32,
    },
    /// Undoing it failed; another try follows.
    UndoRetrying {
        /// Which try comes next.
        attempt: u32,
        /// When.
        at: Timestamp,
    },
    /// It is undone.
    Undone,
    /// It could not be undone.
    Stuck {
        /// Why.
        reason: String,
    },
}

/// What happens to a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NodeEvent {
    /// Its action is about to be asked for.
    Began,
    /// The action was asked for; its end is awaited.
    Waits {
        /// When the wait ends by itself.
        until: Option<Timestamp>,
    },
    /// It is done.
    Completed,
    /// A try failed; another follows.
    Retried {
        /// When.
        at: Timestamp,
        /// Whether its effect ended, so that the next one is another.
        anew: bool,
    },
    /// It failed for good.
    Failed {
        /// Why.
        reason: String,
    },
    /// The execution ended before it was done.
    Skipped,
    /// What undoes it is about to be asked for.
    UndoBegan,
    /// It is undone.
    Undone,
    /// Undoing it failed; another try follows.
    UndoRetried {
        /// When.
        at: Timestamp,
    },
    /// Undoing it failed for good.
    UndoFailed {
        /// Why.
        reason: String,
    },
}

impl NodeState {
    /// The state after the event.
    ///
    /// # Errors
    /// `conflict` where the event cannot happen in this state.
    pub fn apply(self, event: NodeEvent) -> Result<Self> {
        use {NodeEvent as E, NodeState as S};
        Ok(match (self, event) {
            (S::Pending, E::Began) => S::Started { attempt: 1, generation: 1 },
            (S::Retrying { attempt, generation, .. }, E::Began) => S::Started { attempt, generation },
            (S::Started { attempt, generation }, E::Waits { until }) => {
                S::Waiting { attempt, generation, until }
            }
            (S::Started { .. } | S::Waiting { .. }, E::Completed) => S::Done,
            (
                S::Started { attempt, generation } | S::Waiting { attempt, generation, .. },
                E::Retried { at, anew },
            ) => S::Retrying { attempt: attempt + 1, generation: generation + u32::from(anew), at, anew },
            (S::Started { .. } | S::Waiting { .. }, E::Failed { reason }) => S::Failed { reason },
            (S::Pending | S::Started { .. } | S::Waiting { .. } | S::Retrying { .. }, E::Skipped) => {
                S::Skipped
            }
            (S::Done | S::Waiting { .. } | S::Failed { .. }, E::UndoBegan) => S::Undoing { attempt: 1 },
            (S::UndoRetrying { attempt, .. }, E::UndoBegan) => S::Undoing { attempt },
            (S::Undoing { .. }, E::Undone) => S::Undone,
            (S::Undoing { attempt }, E::UndoRetried { at }) => S::UndoRetrying { attempt: attempt + 1, at },
            (S::Undoing { .. }, E::UndoFailed { reason }) => S::Stuck { reason },
            (state, event) => return Err(illegal("a node", state.name(), event.name())),
        })
    }

    /// The name in tables, events and listings.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Started { .. } => "started",
            Self::Waiting { .. } => "waiting",
            Self::Retrying { .. } => "retrying",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::Skipped => "skipped",
            Self::Undoing { .. } => "undoing",
            Self::UndoRetrying { .. } => "undo_retrying",
            Self::Undone => "undone",
            Self::Stuck { .. } => "stuck",
        }
    }

    /// Why it failed or is stuck.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed { reason } | Self::Stuck { reason } => Some(reason),
            _ => None,
        }
    }

    /// Which try it is or comes next; 0 where that means nothing.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        match self {
            Self::Started { attempt, .. }
            | Self::Waiting { attempt, .. }
            | Self::Retrying { attempt, .. }
            | Self::Undoing { attempt }
            | Self::UndoRetrying { attempt, .. } => *attempt,
            _ => 0,
        }
    }

    /// Which effect; 0 where that means nothing.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        match self {
            Self::Started { generation, .. }
            | Self::Waiting { generation, .. }
            | Self::Retrying { generation, .. } => *generation,
            _ => 0,
        }
    }

    /// When something happens by itself: the end of a wait, the next try.
    #[must_use]
    pub const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { until, .. } => *until,
            Self::Retrying { at, .. } | Self::UndoRetrying { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// Whether the next try has another effect.
    #[must_use]
    pub const fn is_anew(&self) -> bool {
        matches!(self, Self::Retrying { anew: true, .. })
    }

    /// Puts a state together again from its stored parts.
    #[must_use]
    pub fn from_parts(
        name: &str,
        attempt: u32,
        generation: u32,
        at: Option<Timestamp>,
        anew: bool,
        reason: Option<String>,
    ) -> Option<Self> {
        let reason = reason.unwrap_or_default();
        Some(match (name, at) {
            ("pending", _) => Self::Pending,
            ("started", _) => Self::Started { attempt, generation },
            ("waiting", until) => Self::Waiting { attempt, generation, until },
            ("retrying", Some(at)) => Self::Retrying { attempt, generation, at, anew },
            ("done", _) => Self::Done,
            ("failed", _) => Self::Failed { reason },
            ("skipped", _) => Self::Skipped,
            ("undoing", _) => Self::Undoing { attempt },
            ("undo_retrying", Some(at)) => Self::UndoRetrying { attempt, at },
            ("undone", _) => Self::Undone,
            ("stuck", _) => Self::Stuck { reason },
            _ => return None,
        })
    }
}

impl NodeEvent {
    /// The event in words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Began => "begun",
            Self::Waits { .. } => "awaited",
            Self::Completed => "completed",
            Self::Retried { .. } => "retried",
            Self::Failed { .. } => "failed",
            Self::Skipped => "skipped",
            Self::UndoBegan => "undone from now on",
            Self::Undone => "undone",
            Self::UndoRetried { .. } => "retried to be undone",
            Self::UndoFailed { .. } => "stuck",
        }
    }
}
