//! Health.

use serde::{Deserialize, Serialize};
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// How the server is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`, `degraded` (it works, and somebody should look at it) or `not_ready`.
    pub status: String,
    /// The program's version.
    pub version: String,
    /// Each part that was looked at.
    pub checks: Vec<Check>,
}

/// How one part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// Which part.
    pub name: String,
    /// Whether it works.
    pub ok: bool,
    /// What was seen.
    pub detail: String,
    /// `healthy`, `degraded` or `unhealthy`.
    #[serde(default)]
    pub status: String,
    /// What to do about it; empty where nothing is to be done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

/// A part's health changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthChange {
    /// In which process.
    pub node: String,
    /// Which part.
    pub component: String,
    /// How it is since then.
    pub status: String,
    /// What was seen.
    pub detail: String,
    /// When.
    pub at: Timestamp,
}

impl From<thunderblock::health::Change> for HealthChange {
    fn from(it: thunderblock::health::Change) -> Self {
        Self { node: it.node, component: it.component, status: it.status, detail: it.detail, at: it.at }
    }
}

impl Check {
    /// A part that works or does not.
    #[must_use]
    pub fn new(name: &str, ok: bool, detail: String) -> Self {
        let status = if ok { "healthy" } else { "unhealthy" }.to_owned();
        Self { name: name.to_owned(), ok, detail, status, advice: String::new() }
    }
}

impl From<thunderblock::health::Check> for Check {
    fn from(it: thunderblock::health::Check) -> Self {
        Self {
            name: it.component.to_owned(),
            ok: it.status < thunderblock::health::Status::Unhealthy,
            detail: it.detail,
            status: it.status.name().to_owned(),
            advice: it.advice.to_owned(),
        }
    }
}
