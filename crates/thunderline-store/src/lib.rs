//! The only crate that sees a SQL driver.
//!
//! [`Db`] opens SQLite or PostgreSQL. [`Db::read`] gives a read-only view, [`Db::write`] the only writable transaction:
//! both ask the policy first. A [`Write`] commits data, audit row, outbox events and jobs together or not at all. Around
//! that: [migrations](Migration), the [job queue's mechanism](Jobs), the outbox and its cursors, [`Signals`].
//!
//! Domains write portable SQL in [`Stmt`]s over tables with their own prefix; tables `tl_*` are the store's. Differences
//! between the engines live here. Deliberately absent: an object-relational mapper, and any table of a domain.

mod about;
mod advisory;
mod alone;
mod audit;
mod cursors;
mod db;
mod dead_letters;
mod denials;
mod engine;
mod expire;
mod failure;
mod jobs;
mod listen;
mod migrate;
mod outbox;
mod placeholders;
mod query;
mod read;
mod row;
pub mod scratch;
mod signals;
pub mod snapshot;
mod stmt;
mod tables;
mod value;
mod working;
mod write;

pub use alone::Alone;
pub use audit::{AuditEntry, AuditFilter, Outcome};
pub use cursors::Consumer;
pub use db::Db;
pub use dead_letters::{Answer, DeadLetters, Failure, Letter};
pub use engine::Engine;
pub use expire::Expiring;
pub use jobs::{
    AttemptEntry, Claimed, Failed, JobDetails, JobEntry, JobFilter, JobState, Jobs, LEASE, NamedJob,
    Presence, Turn, Wanted, taken_away,
};
pub use listen::Listener;
pub use migrate::{Migration, MigrationSet, STORE_MIGRATIONS};
pub use outbox::EventFilter;
pub use query::Query;
pub use read::Read;
pub use row::Row;
pub use signals::{EVENTS, JOBS, Signals, Waiter};
pub use stmt::Stmt;
pub use tables::tables_of;
pub use value::{FromValue, Nullable, Value};
pub use working::Working;
pub use write::Write;
