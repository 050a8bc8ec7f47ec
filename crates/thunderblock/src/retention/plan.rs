//! Which rule counts, and what it means now: pure.

use std::{fmt, str::FromStr};

use serde::Serialize;
use thunderline_core::{Error, Result, SignedDuration, TenantId, Timestamp};

/// For whom a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The whole installation, where no tenant has a rule of its own.
    Global,
    /// One tenant.
    Tenant(TenantId),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.pad("global"),
            Self::Tenant(tenant) => tenant.fmt(f),
        }
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "global" {
            return Ok(Self::Global);
        }
        text.parse().map(Self::Tenant).map_err(|_| {
            Error::invalid_value("scope", format!("'{text}' is no scope"), "global, or a tenant's id")
        })
    }
}

/// What is kept: what is younger, and what is among the newest. Neither: everything, for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Keep {
    /// For how long.
    pub keep_for: Option<SignedDuration>,
    /// How many of the newest, however old.
    pub keep_newest: Option<u32>,
}

impl Keep {
    /// Everything that is younger than so many days.
    #[must_use]
    pub const fn days(days: i64) -> Self {
        Self { keep_for: Some(SignedDuration::from_hours(24 * days)), keep_newest: None }
    }

    /// Everything.
    #[must_use]
    pub const fn forever() -> Self {
        Self { keep_for: None, keep_newest: None }
    }
}

/// A rule that somebody set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Of which resource.
    pub resource: String,
    /// For whom.
    pub scope: Scope,
    /// What is kept.
    pub keep: Keep,
    /// Whether what goes is written to a file first.
    pub archive: bool,
    /// How much longer than the rule says.
    pub grace: SignedDuration,
    /// Who set it.
    pub set_by: String,
    /// When.
    pub set_at: Timestamp,
}

/// What counts for a resource and a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effective {
    /// What is kept.
    pub keep: Keep,
    /// Whether what goes is written to a file first.
    pub archive: bool,
    /// How much longer than the rule says.
    pub grace: SignedDuration,
}

/// The tenant's own rule, or the installation's, or the default.
pub(super) fn effective(
    rules: &[Rule],
    resource: &str,
    default: Keep,
    tenant: Option<TenantId>,
) -> Effective {
    let of = |scope: Scope| rules.iter().find(|rule| rule.resource == resource && rule.scope == scope);
    let own = tenant.and_then(|tenant| of(Scope::Tenant(tenant)));
    match own.or_else(|| of(Scope::Global)) {
        Some(rule) => Effective { keep: rule.keep, archive: rule.archive, grace: rule.grace },
        None => Effective { keep: default, archive: false, grace: SignedDuration::ZERO },
    }
}

/// What is older than this may go, unless it is among the newest so many; `None`: nothing may.
pub(super) fn expiry(effective: &Effective, now: Timestamp) -> Option<(Timestamp, u32)> {
    let Keep { keep_for, keep_newest } = effective.keep;
    if keep_for.is_none() && keep_newest.is_none() {
        return None;
    }
    let age = keep_for.unwrap_or_default().checked_add(effective.grace)?;
    Some((now.checked_sub(age).ok()?, keep_newest.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn rule(scope: Scope, days: i64) -> Rule {
        Rule {
            resource: "x".into(),
            scope,
            keep: Keep::days(days),
            archive: true,
            grace: SignedDuration::from_hours(1),
            set_by: String::new(),
            set_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_tenants_own_rule_comes_before_the_installations_and_that_before_the_default() {
        let (one, other) = (TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)));
        let rules = [rule(Scope::Global, 5), rule(Scope::Tenant(one), 9)];
        let keeps = |resource, tenant| effective(&rules, resource, Keep::days(1), tenant).keep;
        assert_eq!(keeps("x", Some(one)), Keep::days(9));
        assert_eq!(keeps("x", Some(other)), Keep::days(5));
        assert_eq!(keeps("x", None), Keep::days(5));
        assert_eq!(keeps("y", Some(one)), Keep::days(1));
    }

    #[test]
    fn what_is_kept_for_ever_never_expires() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let effective = Effective { keep: Keep::forever(), archive: false, grace: SignedDuration::ZERO };
        assert_eq!(expiry(&effective, now), None);
        let newest = Effective { keep: Keep { keep_newest: Some(3), ..Keep::default() }, ..effective };
        assert_eq!(expiry(&newest, now), Some((now, 3)));
    }

    proptest! {
        #[test]
        fn nothing_younger_than_the_rule_and_its_grace_expires(days in 0..100_000_i64, grace in 0..1_000_000_i64) {
            let now = Timestamp::from_second(1_800_000_000).unwrap();
            let grace = SignedDuration::from_secs(grace);
            let effective = Effective { keep: Keep::days(days), archive: false, grace };
            if let Some((before, newest)) = expiry(&effective, now) {
                prop_assert_eq!(newest, 0);
                prop_assert_eq!(now.duration_since(before), SignedDuration::from_hours(24 * days) + grace);
            }
        }
    }
}
