//! Zones.

pub mod assign;
pub mod claim;
pub mod create;
pub mod delete;
pub mod list;
pub mod nodes;
pub mod release;
pub mod renew;
pub mod show;
