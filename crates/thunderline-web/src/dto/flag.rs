//! Feature flags.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thunderflow::flags;
use thunderline_core::{Error, Result, Timestamp};
use utoipa::ToSchema;

/// What a flag is to say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FlagRules {
    /// On, for whom nothing else is said.
    pub enabled: bool,
    /// Of units, so many per cent have it on while it is enabled: 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentage: Option<u8>,
    /// Tenants (by id) for which it is on or off, whatever the rest says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<String, bool>,
    /// What it is for.
    #[serde(default)]
    pub note: String,
}

impl TryFrom<FlagRules> for flags::Rules {
    type Error = Error;
    fn try_from(it: FlagRules) -> Result<Self> {
        let tenants = it.tenants.iter().map(|(tenant, on)| Ok((tenant.parse()?, *on)));
        let tenants = tenants.collect::<Result<_>>()?;
        Ok(Self { enabled: it.enabled, percentage: it.percentage, tenants, note: it.note })
    }
}

/// A flag that somebody set. What nobody set is off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Flag {
    /// Its name.
    pub name: String,
    /// What it says.
    #[serde(flatten)]
    pub rules: FlagRules,
    /// When it was last set.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: String,
}

impl From<flags::Flag> for Flag {
    fn from(it: flags::Flag) -> Self {
        let tenants = it.rules.tenants.iter().map(|(tenant, on)| (tenant.to_string(), *on)).collect();
        let flags::Rules { enabled, percentage, note, .. } = it.rules;
        Self {
            name: it.name,
            rules: FlagRules { enabled, percentage, tenants, note },
            changed_at: it.changed_at,
            changed_by: it.changed_by,
        }
    }
}
