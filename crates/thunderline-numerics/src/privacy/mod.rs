//! Differential privacy: how much noise is needed, how much privacy it costs, and the noise itself.
//!
//! *Accountants*: [`rdp`] (Rényi) and [`pld`] (privacy loss distributions), both upper bounds that are rounded upwards.
//! [`Plan`] says what is released how often; [`Plan::epsilon`] accounts for it and [`calibrate`] turns (ε, δ) into a noise
//! multiplier. *Mechanisms*: [`sum`] clips updates and adds noise on an integer lattice, [`tree`] and [`banded`] correlate the
//! noise of rounds (DP-FTRL), [`clip`] moves the clipping norm, [`noise`] draws exact Gaussian noise.
//!
//! The unit of privacy is one client with all of its data. Two data sets are neighbours where one client's contributions are
//! replaced by nothing (Kairouz et al. 2021, 'zero-out'), whose numbers are those of add-or-remove; with fixed-size sampling,
//! where they are replaced by any others.

pub mod banded;
pub mod calibrate;
pub mod clip;
mod fft;
pub mod noise;
mod participation;
mod plan;
pub mod pld;
pub mod rdp;
mod special;
pub mod sum;
pub mod tree;

pub use participation::Participation;
pub use plan::{Accountant, Plan, Sampling};
