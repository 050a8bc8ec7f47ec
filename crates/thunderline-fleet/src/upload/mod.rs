//! A reply on its way in: announced, then object by object, then read and handed to the domain.

mod announced;
mod append;
mod assemble;
mod exchange_reply;
mod find;
mod finish;
mod masked_update;
mod receive;

pub(crate) use announced::Announced;
pub(crate) use append::{Begun, Progress};
pub(crate) use find::{Found, find};
pub(crate) use finish::{complete, give_up, refuse};
pub(crate) use masked_update::MaskedUpdate;
pub(crate) use receive::{Stored, Upload};

/// Why a reply is given up that takes more room than any honest one.
pub(crate) const FAR_TOO_LARGE: &str = "the update is far larger than the model";
