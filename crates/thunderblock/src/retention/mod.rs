//! Data retention: what is kept for how long, and forgetting the rest.
//!
//! A [`Resource`] is something that a domain keeps and can forget, registered through a port by the composition root. A
//! [`Rule`] says how long; without one, the resource's default counts, which may be 'for ever'. What goes is older than the
//! rule's time and its grace, and not among the newest so many. Whether a thing is still needed is the domain's to say: it
//! never offers what is, and asks itself again when it removes.

mod archive;
mod plan;
mod read;
mod resource;
mod rows;
mod set;
mod store;
mod sweep;

pub use plan::{Effective, Keep, Rule, Scope};
pub use read::{READ_ACTION, list, preview};
pub use resource::Resource;
pub(crate) use rows::STATEMENTS;
pub use set::{ACTION as SET_ACTION, set, unset};
pub use store::resources as store_resources;
pub use sweep::{ACTION as SWEEP_ACTION, Sweep, Swept, sweep};
