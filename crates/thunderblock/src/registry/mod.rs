//! The registry of domains: where each is in every process, where it was before, and what operators want of it.
//!
//! Memory is the truth about a running process; these rows follow it, and may be late where the database is away. They are
//! read for other processes and for the past, never to decide whether a domain of this process works.

mod order;
mod read;
mod record;
pub(crate) mod rows;

pub use order::{ORDER, order};
pub use read::{READ, domains, orders, transitions};
pub use record::{RECORD, record};
pub use rows::{DomainRow, TransitionRow};
