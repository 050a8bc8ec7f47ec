//! Workflows: steps that depend on each other, each done once, and undone in reverse order where a later one fails.
//!
//! [`definition`] validates a document; [`catalogue`] says which actions a node may name (what leaves this domain is handed
//! in as ports by whoever composes the server); [`plan`] decides, purely, what is next; [`drive`] does it, one transaction a
//! step; [`state`] says what may follow what. A crash between any two steps loses nothing and does nothing twice: a node's
//! action is asked for under a key, and the same key means the same effect.

pub mod actions;
pub mod catalogue;
pub mod definition;
pub mod drive;
mod native;
pub mod plan;
pub mod project;
pub mod snapshot;
pub mod state;
