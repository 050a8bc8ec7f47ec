//! Asking whether a flag is on, from memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};
use thunderline_core::{Cx, Result, Sha256, TenantId};
use thunderline_store::Db;

use super::{read, rows};

/// What a flag says. The first of these that applies decides: the process's own override, the tenant, the percentage,
/// `enabled`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// On, for whom nothing else is said.
    pub enabled: bool,
    /// Of units (whatever the code that asks divides by: federations, nodes), so many per cent have it on while it is
    /// enabled: 0 to 100. The same units every time, and more of them when the number grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentage: Option<u8>,
    /// Tenants for which it is on or off, whatever the rest says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<TenantId, bool>,
    /// What it is for.
    #[serde(default)]
    pub note: String,
}

impl Rules {
    fn say(&self, name: &str, tenant: TenantId, unit: &str) -> bool {
        match (self.tenants.get(&tenant), self.percentage) {
            (Some(&said), _) => said,
            (None, Some(percentage)) => self.enabled && bucket(name, unit) < u32::from(percentage),
            (None, None) => self.enabled,
        }
    }
}

/// Which hundredth a unit belongs to; another one for each flag.
fn bucket(name: &str, unit: &str) -> u32 {
    u32::from_be_bytes(*Sha256::of(format!("{name}:{unit}").as_bytes()).head()) % 100
}

/// All flags, in memory. Cheap to clone.
#[derive(Clone, Default)]
pub struct Flags(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    rules: HashMap<String, Rules>,
    overrides: HashMap<String, bool>,
}

impl Flags {
    /// True where the flag is on for this tenant, which is the unit of a percentage.
    #[must_use]
    pub fn is_on(&self, name: &str, tenant: TenantId) -> bool {
        self.is_on_for(name, tenant, &tenant.to_string())
    }

    /// True where the flag is on for this unit of this tenant.
    #[must_use]
    pub fn is_on_for(&self, name: &str, tenant: TenantId, unit: &str) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match (known.overrides.get(name), known.rules.get(name)) {
            (Some(&said), _) => said,
            (None, Some(rules)) => rules.say(name, tenant, unit),
            (None, None) => false,
        }
    }

    /// Says what a flag is in this process, whatever the database says; `None` takes that back. For tests.
    pub fn set_here(&self, name: &str, on: Option<bool>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match on {
            Some(on) => known.overrides.insert(name.to_owned(), on),
            None => known.overrides.remove(name),
        };
    }

    /// Reads all flags anew.
    ///
    /// # Errors
    /// `unavailable`; then what was known before still holds.
    pub async fn reload(&self, cx: &Cx, db: &Db) -> Result<()> {
        let flags = rows::list(&mut db.read(cx, &read::ACTION).await?).await?;
        let rules = flags.into_iter().map(|flag| (flag.name, flag.rules)).collect();
        self.0.write().unwrap_or_else(PoisonError::into_inner).rules = rules;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn tenant(number: u128) -> TenantId {
        TenantId(Uuid::from_u128(number))
    }

    fn with(rules: Rules) -> Flags {
        let flags = Flags::default();
        flags.0.write().unwrap().rules.insert("x".into(), rules);
        flags
    }

    #[test]
    fn what_nobody_set_is_off_and_this_process_has_the_last_word() {
        let flags = Flags::default();
        assert!(!flags.is_on("x", tenant(1)));
        flags.set_here("x", Some(true));
        assert!(flags.is_on("x", tenant(1)));
        flags.set_here("x", None);
        assert!(!flags.is_on("x", tenant(1)));
        let flags = with(Rules { enabled: true, ..Rules::default() });
        flags.set_here("x", Some(false));
        assert!(!flags.is_on("x", tenant(1)));
    }

    #[test]
    fn a_tenant_decides_before_the_percentage() {
        let tenants = BTreeMap::from([(tenant(1), true), (tenant(2), false)]);
        let flags = with(Rules { enabled: true, percentage: Some(0), tenants, note: String::new() });
        assert!(flags.is_on("x", tenant(1)) && !flags.is_on("x", tenant(2)) && !flags.is_on("x", tenant(3)));
    }

    #[test]
    fn a_percentage_is_about_that_many_units_and_a_greater_one_keeps_those() {
        let on = |percentage| {
            let flags = with(Rules { enabled: true, percentage: Some(percentage), ..Rules::default() });
            (0..1_000).filter(|unit| flags.is_on_for("x", tenant(1), &unit.to_string())).collect::<Vec<_>>()
        };
        let (some, more) = (on(20), on(60));
        assert!((150..250).contains(&some.len()) && (540..660).contains(&more.len()));
        assert!(some.iter().all(|unit| more.contains(unit)));
        assert_eq!((on(0).len(), on(100).len()), (0, 1_000));
        let off = with(Rules { enabled: false, percentage: Some(100), ..Rules::default() });
        assert!(!off.is_on("x", tenant(1)), "a percentage of something that is off is off");
    }
}
