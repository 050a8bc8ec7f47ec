//! Data retention.

use serde::{Deserialize, Serialize};
use thunderblock::retention;
use thunderline_core::{Expired, TenantId, Timestamp};
use utoipa::ToSchema;

/// Something that is kept, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Retained {
    /// Its name in rules.
    pub resource: String,
    /// What it is.
    pub what: String,
    /// Whether tenants may have rules of their own.
    pub tenants: bool,
    /// What is kept where nobody has set a rule: seconds; absent for ever, or as `default_newest` says.
    pub default_keep_seconds: Option<i64>,
    /// How many of the newest are kept, however old, where nobody has set a rule.
    pub default_keep_newest: Option<u32>,
    /// The rules that were set.
    pub rules: Vec<RetentionRule>,
}

/// A rule that somebody set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetentionRule {
    /// `global`, or a tenant's id.
    pub scope: String,
    /// For how long, in seconds.
    pub keep_seconds: Option<i64>,
    /// How many of the newest, however old.
    pub keep_newest: Option<u32>,
    /// `delete`, or `archive`: written to a file in the data folder's `archive` first.
    pub action: String,
    /// How much longer than the rule says, in seconds.
    pub grace_seconds: i64,
    /// Who set it.
    pub set_by: String,
    /// When.
    pub set_at: Timestamp,
}

/// A rule to be set. With neither `keep_seconds` nor `keep_newest`, everything is kept for ever.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionRequest {
    /// `global` (as without it), or a tenant's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// For how long, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_seconds: Option<i64>,
    /// How many of the newest, however old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_newest: Option<u32>,
    /// `delete` (as without it) or `archive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// How much longer than the rule says, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<i64>,
}

/// Which rule.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionScope {
    /// `global` (as without it), or a tenant's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// What would go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetentionPreview {
    /// Whose; absent for the installation's.
    pub tenant: Option<String>,
    /// The oldest things that would go, at most a thousand.
    pub expired: Vec<RetentionItem>,
}

/// A thing that need not be kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetentionItem {
    /// Its id.
    pub key: String,
    /// What people call it.
    pub label: String,
    /// Its age counts from here.
    pub at: Timestamp,
    /// How many bytes of disk it takes, as far as that is known.
    pub bytes: u64,
}

/// Which resources to sweep.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionRun {
    /// This one; all of them without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
}

/// What went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetentionSwept {
    /// Of which resource.
    pub resource: String,
    /// Whose; absent for the installation's.
    pub tenant: Option<String>,
    /// How many things.
    pub removed: u64,
    /// How many bytes of disk, as far as that is known.
    pub bytes: u64,
    /// Whether there may be more, for the next sweep.
    pub more: bool,
}

impl Retained {
    /// A resource with its rules.
    #[must_use]
    pub fn new(resource: &retention::Resource, rules: &[retention::Rule]) -> Self {
        let own = rules.iter().filter(|rule| rule.resource == resource.name);
        Self {
            resource: resource.name.to_owned(),
            what: resource.what.to_owned(),
            tenants: resource.has_tenants(),
            default_keep_seconds: resource.default.keep_for.map(|keep| keep.as_secs()),
            default_keep_newest: resource.default.keep_newest,
            rules: own.map(Into::into).collect(),
        }
    }
}

impl From<&retention::Rule> for RetentionRule {
    fn from(it: &retention::Rule) -> Self {
        Self {
            scope: it.scope.to_string(),
            keep_seconds: it.keep.keep_for.map(|keep| keep.as_secs()),
            keep_newest: it.keep.keep_newest,
            action: if it.archive { "archive" } else { "delete" }.to_owned(),
            grace_seconds: it.grace.as_secs(),
            set_by: it.set_by.clone(),
            set_at: it.set_at,
        }
    }
}

impl RetentionPreview {
    /// What would go of an owner.
    #[must_use]
    pub fn new(tenant: Option<TenantId>, expired: Vec<Expired>) -> Self {
        let item = |it: Expired| RetentionItem { key: it.key, label: it.label, at: it.at, bytes: it.bytes };
        Self {
            tenant: tenant.map(|tenant| tenant.to_string()),
            expired: expired.into_iter().map(item).collect(),
        }
    }
}

impl From<retention::Swept> for RetentionSwept {
    fn from(it: retention::Swept) -> Self {
        Self {
            resource: it.resource.to_owned(),
            tenant: it.tenant.map(|tenant| tenant.to_string()),
            removed: it.removed,
            bytes: it.bytes,
            more: it.more,
        }
    }
}
