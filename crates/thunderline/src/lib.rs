//! The one binary, as a library so that tests can start what `main` starts.
//!
//! [`cli`]: one file per command. [`compose`]: the server put together from its parts, in the only place where domains meet.
//! [`client`]: what the commands use to talk to a server. [`demo`]: a whole federation on one machine. [`output`]: tables,
//! sparklines, progress. [`allocator`]: how the process shares its memory out.

pub mod allocator;
pub mod cli;
pub mod client;
pub mod compose;
pub mod demo;
pub mod failure;
pub mod output;
