//! The words of the domain mesh: ticks, and the states that a domain goes through.

use std::{fmt, str::FromStr, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// One beat of a process' clock. A signal, never a fact: the latest wins, none is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The process that ticks.
    pub node: String,
    /// Strictly increasing from 1.
    pub sequence: u64,
    /// Since the process began to tick. Never compared with another process'.
    pub monotonic: Duration,
    /// The wall clock.
    pub at: Timestamp,
    /// Domains that worked when it ticked.
    pub active: usize,
}

/// Where a domain is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainState {
    /// Not active yet: what it depends on is not.
    Waiting,
    /// It works.
    Active,
    /// It works with trouble, or has waited for longer than it should have to.
    Degraded,
    /// It failed just now.
    Crashed,
    /// It failed and will be made active again after a pause.
    Restarting,
    /// It does not work and will not by itself: an operator's wish, too many failures, or the end of the process.
    Inactive,
}

impl DomainState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Active, Self::Degraded, Self::Crashed, Self::Restarting, Self::Inactive];

    /// The name in tables, events and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Degraded => "degraded",
            Self::Crashed => "crashed",
            Self::Restarting => "restarting",
            Self::Inactive => "inactive",
        }
    }
}

impl fmt::Display for DomainState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DomainState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or_else(|| {
            let allowed = Self::ALL.map(Self::name).join(", ");
            Error::invalid_value("state", format!("'{text}' is no state of a domain"), allowed)
        })
    }
}

/// A domain went from one state to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// In which process.
    pub node: String,
    /// Which domain.
    pub domain: &'static str,
    /// Where it was.
    pub from: DomainState,
    /// Where it is.
    pub to: DomainState,
    /// Why, in words.
    pub reason: String,
    /// At which tick; 0 before the first.
    pub tick: u64,
    /// When.
    pub at: Timestamp,
}

/// The topic that is notified when an operator gave an order about a domain.
pub const DOMAIN_ORDERS: &str = "domain-orders";

/// What an operator wants of a domain, in every process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Grows with each order.
    pub number: i64,
    /// Which domain.
    pub domain: String,
    /// What.
    pub wish: Wish,
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// What can be wished of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Work, also after too many failures.
    Activate,
    /// Do not work until told otherwise, also after a restart of the process.
    Deactivate,
    /// Fail once, to see that the mesh copes.
    Kill,
}

impl Wish {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Deactivate => "deactivate",
            Self::Kill => "kill",
        }
    }
}

impl FromStr for Wish {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Activate, Self::Deactivate, Self::Kill]
            .into_iter()
            .find(|wish| wish.name() == text)
            .ok_or_else(|| {
                Error::invalid_value("wish", format!("'{text}' is no wish"), "activate, deactivate, kill")
            })
    }
}
