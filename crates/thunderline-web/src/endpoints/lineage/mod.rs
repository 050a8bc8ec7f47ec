//! Lineage.

pub mod show;
