//! Process life: what runs in the background, and how it stops.
//!
//! The [`Host`] makes domains active and watches them. [`Tasks`] supervises, cancels and drains. The [`Worker`] runs jobs, the
//! [`Relay`] hands events to subscriptions, and [`Periodic`] runs reconcilers; [`Background`] is the three together, for one
//! [`Domain`]. Each can be run once, on demand, under a fake clock: the loops only repeat that. Deliberately absent: any job,
//! subscription or reconciler; those are the domains'.

mod attempt;
pub mod background;
mod domain;
mod guard;
mod host;
mod jobs;
mod periodic;
mod presence;
mod relay;
mod tasks;
mod worker;

pub use background::Background;
pub use domain::{Domain, Work};
pub use futures::future::BoxFuture;
pub use host::{DomainRegistry, DomainStatus, Host, Limits, Live, Mesh};
pub use jobs::{Done, Registry};
pub use periodic::{Periodic, Reconciler};
pub use relay::{Pipeline, Policy, Relay, Relayed, Subscription, budget, pause};
pub use tasks::{Drained, Kind, Tasks};
pub use tokio_util::sync::CancellationToken;
pub use worker::Worker;
