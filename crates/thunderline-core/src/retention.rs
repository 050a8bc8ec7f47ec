//! The words of data retention: what a domain is asked, and what it answers.

use jiff::Timestamp;
use serde::Serialize;

use crate::TenantId;

/// Which things of a resource need not be kept any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Those that are older than this…
    pub before: Timestamp,
    /// …and not among this many newest ones of their kind.
    pub keep_newest: u32,
    /// Of this tenant; of the whole installation where the resource belongs to no tenant.
    pub tenant: Option<TenantId>,
    /// How many at most.
    pub limit: u32,
}

/// A thing that need not be kept any more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expired {
    /// What the domain finds it by.
    pub key: String,
    /// What people call it.
    pub label: String,
    /// Its age counts from here.
    pub at: Timestamp,
    /// How many bytes of disk it takes, as far as that is known.
    pub bytes: u64,
    /// All of it that is worth keeping in an archive.
    pub row: serde_json::Value,
}
