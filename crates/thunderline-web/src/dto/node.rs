//! Nodes, what they can do, and their sessions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// A training node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Its id, derived from its public key.
    pub id: String,
    /// What people call it; its id where it has no name.
    pub name: String,
    /// `flower` or `runner`.
    pub kind: String,
    /// `online`, `offline` or `unregistered`.
    pub state: String,
    /// Why it is not there.
    pub reason: Option<String>,
    /// Labels that selectors match.
    pub tags: Vec<String>,
    /// The names of the groups that it was put into.
    #[serde(default)]
    pub groups: Vec<String>,
    /// What it can do or where it is.
    #[serde(default)]
    pub capabilities: BTreeMap<String, Capability>,
    /// What it says of its machine.
    pub capacity: Value,
    /// The version of its program.
    pub version: String,
    /// How often it promises a sign of life, in seconds.
    pub heartbeat_seconds: u32,
    /// When the answering process last heard of it.
    #[serde(default)]
    pub last_seen: Option<Timestamp>,
    /// When it first introduced itself.
    pub registered_at: Timestamp,
    /// When it last came, went or was changed.
    pub changed_at: Timestamp,
    /// That it is shut out, where it is.
    #[serde(default)]
    pub evicted: Option<Eviction>,
}

/// Something that a node can do, or where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Capability {
    /// Text, a number, true or false.
    pub value: Value,
    /// Whether it counts when nodes are chosen.
    pub enabled: bool,
    /// Who says so: `reported` by the node, or an `operator`, whose word wins.
    pub source: String,
}

/// That a node is shut out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Eviction {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
}

/// Why a node is to be shut out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvictRequest {
    /// Why; at most 200 characters. The node is told.
    #[serde(default)]
    pub reason: String,
}

/// What an operator says of a capability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapabilityRequest {
    /// Text of 1 to 100 characters, a number, true or false.
    pub value: Value,
    /// Whether it counts when nodes are chosen: true unless told otherwise.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// A node's presence, from its coming to its going.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Which node's.
    pub node: String,
    /// `http`, `grpc` or `runner`.
    pub transport: String,
    /// `established`, `degraded` (a sign of life is overdue) or `closed`.
    pub state: String,
    /// When the node came.
    pub opened_at: Timestamp,
    /// When it went.
    pub closed_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// How many requests came.
    pub requests: u32,
    /// Mean age of a request's signature when it came, in microseconds: the network's delay and the difference of both clocks.
    pub lag_micros: Option<i64>,
    /// The longest time between two requests, in microseconds.
    pub longest_gap_micros: i64,
    /// When the node was last heard, while it is there.
    pub last_seen: Option<Timestamp>,
}

/// Some minutes of a node's signs of life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Heartbeats {
    /// When the minutes began.
    pub at: Timestamp,
    /// When they ended.
    pub until: Timestamp,
    /// How many requests came.
    pub requests: u32,
    /// Mean age of a request's signature when it came, in microseconds.
    pub lag_micros: Option<i64>,
    /// The longest time between two requests, in microseconds.
    pub longest_gap_micros: i64,
}

impl From<thunderlink::NodeView> for Node {
    fn from(view: thunderlink::NodeView) -> Self {
        let thunderlink::NodeView { node: it, capabilities, groups, last_seen } = view;
        let capability = |it: thunderlink::Capability| Capability {
            value: it.value,
            enabled: it.enabled,
            source: it.source.name().to_owned(),
        };
        Self {
            id: it.id.to_string(),
            name: it.name,
            kind: it.kind.name().to_owned(),
            state: it.state.name().to_owned(),
            reason: it.reason,
            tags: it.tags,
            groups,
            capabilities: capabilities.into_iter().map(|(key, it)| (key, capability(it))).collect(),
            capacity: it.capacity,
            version: it.version,
            heartbeat_seconds: it.heartbeat_seconds,
            last_seen,
            registered_at: it.registered_at,
            changed_at: it.changed_at,
            evicted: it.evicted.map(|it| Eviction { at: it.at, reason: it.reason, by: it.by }),
        }
    }
}

impl From<thunderlink::Session> for Session {
    fn from(it: thunderlink::Session) -> Self {
        Self {
            id: it.id.to_string(),
            node: it.node.to_string(),
            transport: it.transport.name().to_owned(),
            state: it.state.name().to_owned(),
            opened_at: it.opened_at,
            closed_at: it.closed_at,
            reason: it.reason,
            requests: it.requests,
            lag_micros: it.lag_micros,
            longest_gap_micros: it.longest_gap_micros,
            last_seen: it.last_seen,
        }
    }
}

impl From<thunderlink::Heartbeats> for Heartbeats {
    fn from(it: thunderlink::Heartbeats) -> Self {
        let thunderlink::Heartbeats { at, until, requests, lag_micros, longest_gap_micros } = it;
        Self { at, until, requests, lag_micros, longest_gap_micros }
    }
}
