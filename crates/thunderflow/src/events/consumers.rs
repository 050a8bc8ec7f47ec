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
    /// Events for it that it has neither handled nor passed over.
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
    let newest = flow.db.last_sequence().await?;
    let mut standing = Vec::new();
    for it in flow.db.consumers().await? {
        let behind = it.sequence < newest;
        let lag = if behind { flow.db.count_events(it.sequence, &it.names).await? } else { 0 };
        let dead_letters = letters.get(&it.name).copied().unwrap_or(0);
        standing.push(of(it, lag, dead_letters));
    }
    Ok(standing)
}

fn of(it: thunderline_store::Consumer, lag: i64, dead_letters: i64) -> Standing {
    Standing {
        lag,
        dead_letters,
        name: it.name,
        pipeline: it.pipeline,
        names: it.names,
        sequence: it.sequence,
        at: it.at,
        registered_at: it.registered_at,
    }
}
