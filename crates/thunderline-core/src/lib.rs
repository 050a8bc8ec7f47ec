//! The words that every part of Thunderline speaks.
//!
//! Typed [ids](id), the call context [`Cx`] (who is asking, for which tenant, what time it is), [`Action`]s and the
//! [`Rule`]s that guard them, [`Event`]s (facts), [`Job`]s (work to do later), a domain's [`Manifest`], digests
//! ([`Sha256`]) and the one [`Error`] type. Deliberately absent: I/O, async, and anything that belongs to one domain only.

mod action;
mod brief;
mod cx;
mod error;
mod event;
pub mod hex;
pub mod id;
mod job;
mod manifest;
mod mesh;
mod retention;
pub mod seams;
pub mod sha256;

pub use action::{Action, Decision, Rule};
pub use brief::brief;
pub use cx::{Actor, Clock, Cx, FixedClock, Random, Role, SeededRandom, SystemClock, SystemRandom};
pub use error::{Error, ErrorClass, ErrorKind, Problem, Result};
pub use event::{Contracts, Envelope, Event, Subject};
pub use id::{
    ArtifactId, EventId, ExecutionId, FederationId, GroupId, JobId, LeaseId, NodeId, RollupId, RoundId,
    RunId, ScheduleId, SessionId, TenantId, ZoneId,
};
pub use jiff::{SignedDuration, Timestamp};
pub use job::{Attempt, Job};
pub use manifest::Manifest;
pub use mesh::{DOMAIN_ORDERS, DomainState, Order, Tick, Transition, Wish};
pub use retention::{Expired, Expiry};
pub use sha256::Sha256;
