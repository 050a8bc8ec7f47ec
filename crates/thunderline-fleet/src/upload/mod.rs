//! A reply on its way in: announced, then object by object, then read and handed to the domain.

mod announced;
mod assemble;
mod finish;
mod masked;
mod receive;

pub(crate) use announced::Announced;
pub(crate) use finish::{complete, refuse};
pub(crate) use receive::{Stored, Upload};
