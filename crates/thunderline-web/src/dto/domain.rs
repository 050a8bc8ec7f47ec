//! The domain mesh.

use serde::{Deserialize, Serialize};
use thunderblock::registry::{DomainRow, TransitionRow};
use thunderline_core::Timestamp;
use thunderline_runtime::DomainStatus;
use utoipa::ToSchema;

/// All domains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mesh {
    /// The process that answers.
    pub node: String,
    /// Its last tick; absent before the first.
    pub tick: Option<u64>,
    /// When that was.
    pub tick_at: Option<Timestamp>,
    /// How many domains work.
    pub active: usize,
    /// Whether all required domains are active.
    pub ready: bool,
    /// Its domains, dependencies first.
    pub domains: Vec<Domain>,
    /// Domains of other processes on the same database, as they last said.
    pub elsewhere: Vec<Elsewhere>,
}

/// A domain of the process that answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub charter: String,
    /// `waiting`, `active`, `degraded`, `crashed`, `restarting` or `inactive`.
    pub state: String,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
    /// Whether the process is not ready while this domain is not active.
    pub required: bool,
    /// What must be active before it.
    pub depends_on: Vec<String>,
    /// The tick at which it became active, while it works.
    pub activated_at_tick: Option<u64>,
    /// The last tick that it finished.
    pub acknowledged_tick: Option<u64>,
    /// Failures within the last ten minutes.
    pub failures: usize,
    /// When it will be made active again, while it is restarting.
    pub restart_at: Option<Timestamp>,
}

impl From<&DomainStatus> for Domain {
    fn from(status: &DomainStatus) -> Self {
        let manifest = status.manifest;
        Self {
            name: manifest.domain.into(),
            charter: manifest.charter.into(),
            state: status.state.name().into(),
            since: status.since,
            reason: status.reason.clone(),
            required: manifest.required,
            depends_on: manifest.depends_on.iter().map(|&name| name.into()).collect(),
            activated_at_tick: status.activated_at,
            acknowledged_tick: status.acknowledged,
            failures: status.failures,
            restart_at: status.restart_at,
        }
    }
}

/// A domain of another process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Elsewhere {
    /// The process.
    pub node: String,
    /// The domain.
    pub name: String,
    /// Its state.
    pub state: String,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
}

impl From<DomainRow> for Elsewhere {
    fn from(row: DomainRow) -> Self {
        let state = row.state.name().into();
        Self { node: row.node, name: row.domain, state, since: row.since, reason: row.reason }
    }
}

/// A domain with its border and its past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DomainDetails {
    /// How it is.
    #[serde(flatten)]
    pub domain: Domain,
    /// What can be done with it.
    pub actions: Vec<String>,
    /// The events that it emits.
    pub emits: Vec<String>,
    /// The events that it listens to.
    pub consumes: Vec<String>,
    /// Its jobs.
    pub jobs: Vec<String>,
    /// What happened to it in every process, the newest first; at most 20.
    pub transitions: Vec<DomainTransition>,
}

/// A domain went from one state to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DomainTransition {
    /// In which process.
    pub node: String,
    /// Where it was.
    pub from: String,
    /// Where it went.
    pub to: String,
    /// Why.
    pub reason: String,
    /// At which tick.
    pub tick: u64,
    /// When.
    pub at: Timestamp,
}

impl From<TransitionRow> for DomainTransition {
    fn from(row: TransitionRow) -> Self {
        let (from, to) = (row.from.name().into(), row.to.name().into());
        Self { node: row.node, from, to, reason: row.reason, tick: row.tick, at: row.at }
    }
}

/// Why an operator wants something of a domain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainOrder {
    /// In their words; at most 500 characters.
    #[serde(default)]
    pub reason: Option<String>,
}
