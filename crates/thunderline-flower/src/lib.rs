//! Flower's wire format: what unmodified Flower clients send and expect (tried with flwr 1.39 and 1.42).
//!
//! [`wire`] holds the protobuf messages and [`Rpc`] their names on both transports. A message's payload travels as a tree
//! of content-addressed objects: [`object`] encodes and identifies one, [`tree`] lists what belongs together, [`array`]
//! and [`record`] hold their bodies, [`message`] puts a request together and checks a reply. [`auth`] is about the
//! signature on every request, [`fab`] about the app bundles that clients run.
//!
//! Used by both ends. Deliberately absent: I/O except for reading a folder into a bundle, async, and numbers: an array's
//! data is a `.npy` file that is parsed elsewhere.

pub mod array;
pub mod auth;
pub mod fab;
mod json;
pub mod message;
pub mod object;
pub mod record;
mod rpc;
pub mod tree;
pub mod wire;

pub use object::{Kind, Object, ObjectId};
pub use rpc::Rpc;

use thunderline_core::Error;

/// The size at which Flower's clients cut an array's data, in bytes. Each piece is one [`Kind::ArrayChunk`] object.
pub const CHUNK_BYTES: usize = 5_242_880;

/// The server's node id in every message.
pub const SERVER_NODE_ID: u64 = 1;

/// Input that does not follow the format.
fn malformed(path: &str, reason: impl Into<String>, allowed: &str) -> Error {
    Error::invalid_value(path, reason, allowed)
}
