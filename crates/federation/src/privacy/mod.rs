//! Differential privacy as it is enforced.
//!
//! [`ledger`] decides, purely, whether a round may be paid for; [`draw`] chooses clients exactly as the accountant assumes;
//! `charge` writes the spending into the transaction that begins the round, so that no lease exists without it; `release` turns
//! updates into a private mean before any strategy sees them; [`budgets`] lets people see and set limits.
//!
//! What a round costs is charged when it begins and is never given back: a round that fails has cost as much.

pub mod budgets;
pub(crate) mod charge;
pub mod dataset;
pub mod draw;
pub(crate) mod exhaust;
pub mod ledger;
pub mod release;
pub(crate) mod rows;
