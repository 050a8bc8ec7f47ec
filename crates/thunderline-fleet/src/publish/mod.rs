//! A model as Flower's clients download it: from the checkpoint's file, without holding or copying it.

mod cache;
mod delivery;
mod index;

pub(crate) use cache::ModelCache;
pub(crate) use delivery::Delivery;
pub(crate) use index::ModelIndex;
