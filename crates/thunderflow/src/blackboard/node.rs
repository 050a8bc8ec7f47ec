//! Values in the memory of this process.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use thunderline_core::{Error, Result, TenantId, Timestamp};

use super::Entry;

/// Values that one process holds at most.
const MOST: usize = 10_000;

/// The values by tenant and key.
#[derive(Default)]
pub struct Node(Mutex<BTreeMap<(TenantId, String), Entry>>);

impl Node {
    pub fn get(&self, tenant: TenantId, key: &str, now: Timestamp) -> Option<Entry> {
        self.living(now).get(&(tenant, key.to_owned())).cloned()
    }

    pub fn list(&self, tenant: TenantId, prefix: &str, now: Timestamp, limit: usize) -> Vec<Entry> {
        let all = self.living(now);
        let of = all.iter().filter(|((owner, key), _)| *owner == tenant && key.starts_with(prefix));
        of.take(limit).map(|(_, entry)| entry.clone()).collect()
    }

    pub fn put(&self, tenant: TenantId, entry: Entry, now: Timestamp) -> Result<()> {
        let mut all = self.living(now);
        let key = (tenant, entry.key.clone());
        if all.len() >= MOST && !all.contains_key(&key) {
            return Err(Error::unavailable(format!("this process holds {MOST} values already")));
        }
        all.insert(key, entry);
        Ok(())
    }

    pub fn delete(&self, tenant: TenantId, key: &str, now: Timestamp) -> bool {
        self.living(now).remove(&(tenant, key.to_owned())).is_some()
    }

    /// All values, after those have gone whose time is over.
    fn living(&self, now: Timestamp) -> MutexGuard<'_, BTreeMap<(TenantId, String), Entry>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, entry| entry.expires_at.is_none_or(|end| end > now));
        all
    }
}
