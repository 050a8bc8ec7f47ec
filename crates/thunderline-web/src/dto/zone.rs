//! Zones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// A place where nodes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Zone {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What people wrote about it.
    pub description: String,
    /// What a node must say of itself to be placed here: its capabilities, all of these.
    pub labels: BTreeMap<String, String>,
    /// How many nodes are in it.
    pub nodes: i64,
    /// Who holds it.
    pub owner: Option<String>,
    /// The number of the last claim. What an earlier owner still sends can be told by its smaller number.
    pub token: i64,
    /// Since when it is held.
    pub claimed_at: Option<Timestamp>,
    /// Until when, unless the claim is renewed.
    pub expires_at: Option<Timestamp>,
    /// Since when there is one.
    pub created_at: Timestamp,
}

/// A zone to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneRequest {
    /// 1 to 100 characters, not in use.
    pub name: String,
    /// At most 500 characters.
    #[serde(default)]
    pub description: String,
    /// At most 16, keys and values of 1 to 100 characters: `site`, `region`, `trust`, `data` or others. Without any, nodes
    /// are put here by hand only.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Who wants a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    /// 1 to 100 characters.
    pub owner: String,
    /// For how many seconds, 5 to 86400: 60 unless told otherwise.
    #[serde(default = "minute")]
    pub ttl: u32,
}

/// Who wants to keep a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// The claim's number.
    pub token: i64,
    /// For how many seconds from now, 5 to 86400: 60 unless told otherwise.
    #[serde(default = "minute")]
    pub ttl: u32,
}

/// Who gives a zone back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// The claim's number.
    pub token: i64,
}

/// Which nodes are to be where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignRequest {
    /// Ids of nodes; at most 1000.
    pub nodes: Vec<String>,
    /// The zone's name; null leaves their places to their labels again.
    pub zone: Option<String>,
}

/// A node and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ZoneNode {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether somebody put it here, rather than its labels.
    pub by_hand: bool,
    /// Whether it is there.
    pub online: bool,
}

fn minute() -> u32 {
    60
}

impl Zone {
    /// As it stands at this moment.
    #[must_use]
    pub fn at(now: Timestamp, it: thundergrid::Zone, nodes: i64) -> Self {
        let held = it.claim.owner(now).cloned();
        Self {
            id: it.id.to_string(),
            name: it.name,
            description: it.description,
            labels: it.labels,
            nodes,
            token: it.claim.token,
            claimed_at: held.as_ref().map(|held| held.since),
            expires_at: held.as_ref().map(|held| held.until),
            owner: held.map(|held| held.owner),
            created_at: it.created_at,
        }
    }
}

impl From<thundergrid::actions::read::Placed> for ZoneNode {
    fn from(it: thundergrid::actions::read::Placed) -> Self {
        Self { id: it.node.to_string(), name: it.name, by_hand: it.by_hand, online: it.online }
    }
}
