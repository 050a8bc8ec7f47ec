//! Pure algorithms on model arrays: no async, no database, no network.
//!
//! *Shape of a model*: [`DType`], [`ArraySpec`], [`ModelSchema`] (ordered). *Formats*: [`npy`], [`npz`], [`checkpoint`]
//! (safetensors). *Aggregation*: [`strategy`] has every way to make the next model; beneath it are [`weighted_mean`],
//! [`optimiser`] (adaptive steps over the mean), [`order`] (median, trimmed mean), [`distance`] and steps along differences
//! from the model, all tile by tile, so that memory depends on neither the number of clients nor the size of the model;
//! [`weighting`] says what each client counts, [`finite`] refuses poisoned updates; [`encoding`] makes
//! updates smaller. *Randomness*: [`random`], the same on every platform.
//! *Simulation*: [`dataset`], [`partition`]. *Built-in trainer*: [`model`] and [`sgd`].
//!
//! Deliberately absent: reading the clock, operating-system randomness, and any knowledge of federations.

pub mod checkpoint;
pub mod dataset;
mod delta;
pub mod distance;
mod dtype;
pub mod encoding;
pub mod finite;
mod kernels;
mod mean;
pub mod model;
pub mod npy;
pub mod npz;
pub mod optimiser;
pub mod order;
pub mod partition;
pub mod privacy;
pub mod random;
mod reader;
mod round;
mod schema;
pub mod sgd;
mod sorting;
mod state;
pub mod strategy;
mod tiles;
pub mod variates;
pub mod weighting;

pub use dtype::DType;
pub use mean::{Weighted, weighted_mean};
pub use reader::{ArrayReader, FileArrays, MemoryArrays, for_each_piece};
pub use schema::{ArraySpec, ModelSchema};
pub use thunderline_core::{Error, ErrorKind, Result};
pub use tiles::TILE_ELEMENTS;

/// A refusal of bytes that do not follow their format.
fn malformed(what: &str, why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Invalid, format!("{what}: {why}"))
}
