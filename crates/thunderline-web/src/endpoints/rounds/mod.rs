//! Rounds.

pub mod leases;
