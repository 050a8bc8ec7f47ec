//! Schedules of jobs.

pub mod create;
pub mod delete;
pub mod list;
pub mod pause;
pub mod resume;
pub mod run;
pub mod show;
