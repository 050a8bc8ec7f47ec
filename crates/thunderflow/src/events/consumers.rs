//! Who consumes events, and how far they are.

use std::collections::BTreeMap;

use thunderline_core::{Action, Cx, Result, Role, Rule, Timestamp};

use crate::{Flow, dead_letters};

/// People look.
pub const ACTION: Action = Action::new("flow.consumer.read", Rule::AtLeast(Role::Viewer));

/// A consumer and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// Its pipeline; empty where it has not said.
    pub pipeline: String,
    /// The names of the events that it wants; none: all.
    pub names: Vec<String>,
    /// The last event that it has handled or passed over.
    pub sequence: i64,
    /// Numbers between that event and the newest one. Events that are not for it count until it passes over them, which it
    /// does a thousand at a time.
    pub lag: i64,
    /// Events that it has given up and that are neither replayed nor dropped.
    pub dead_letters: i64,
    /// When its cursor moved for the last time.
    pub at: Timestamp,
    /// When a process last began to work for it.
    pub registered_at: Timestamp,
}

/// Every consumer, by name.
///
/// # Errors
/// `forbidden`.
pub async fn list_consumers(cx: &Cx, flow: &Flow) -> Result<Vec<Standing>> {
    let mut read = flow.db.read(cx, &ACTION).await?;
    let letters: BTreeMap<_, _> = dead_letters::rows::counts(&mut read).await?.into_iter().collect();
    drop(read);
    let consumers = flow.db.consumers().await?;
    let newest = flow.db.last_sequence().await?;
    let standing = |it: thunderline_store::Consumer| Standing {
        lag: (newest - it.sequence).max(0),
        dead_letters: letters.get(&it.name).copied().unwrap_or(0),
        name: it.name,
        pipeline: it.pipeline,
        names: it.names,
        sequence: it.sequence,
        at: it.at,
        registered_at: it.registered_at,
    };
    Ok(consumers.into_iter().map(standing).collect())
}
