//! Content-addressed blobs in a directory.
//!
//! A blob's name is the SHA-256 of its bytes, so writing twice is harmless and every read can be checked. Blobs live in
//! [`Area`]s: `checkpoints` is kept, `rounds/<id>` is thrown away whole when the round is over; since no blob is shared
//! between areas, throwing one away can never take another's data.
//!
//! A blob appears under its name only when it is complete: bytes go to a temporary file first, which is then renamed; a
//! [`Partial`] is one that outlives the process.
//! Everything here is blocking; async callers go through [`blocking`].

mod area;
mod blocking;
mod hold;
mod partial;
mod walk;
mod writer;

pub use area::{Area, Objects};
pub use blocking::blocking;
pub use hold::Hold;
pub use partial::Partial;
pub use thunderline_core::{Sha256, sha256::Hasher};
pub use walk::Stored;
pub use writer::Writer;
