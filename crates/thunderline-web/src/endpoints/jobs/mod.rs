//! The job queue.

pub mod cancel;
pub mod list;
pub mod retry;
pub mod run;
pub mod show;
