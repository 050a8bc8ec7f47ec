//! The server, as a chain of stages, each closed with who is left. What it holds at any time is what it was sent.
//!
//! ```text
//! Enrolling ── close ──▶ Sharing ── close ──▶ Collecting ── close ──▶ Consenting ── close ──▶ Unmasking ── close ──▶ Mean
//! ```
//!
//! Messages may come in any order within their stage: the result depends on which came, not on when. A server that was
//! restarted takes the messages that it kept again and stands where it stood; one that keeps messages itself asks [`check`]
//! when they come, and goes through the stages in the end.

pub mod check;
mod collecting;
mod consenting;
mod enrolling;
mod sharing;
mod unmask;
mod unmasking;

pub use collecting::Collecting;
pub use consenting::Consenting;
pub use enrolling::Enrolling;
pub use sharing::Sharing;
pub use unmasking::{Sum, Unmasking};
