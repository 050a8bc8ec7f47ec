//! Signs of life.

use std::{collections::HashMap, sync::Mutex};

use thunderline_core::{Action, Cx, NodeId, Result, Rule, SignedDuration, TenantId, Timestamp};

use crate::{Links, leave, rows};

/// Background work only.
pub const ACTION: Action = Action::new("link.presence.restore", Rule::System);

/// A node is gone after this many missed heartbeats, as in Flower.
const PATIENCE: i64 = 2;

#[derive(Clone, Copy, Debug)]
struct Sign {
    tenant: TenantId,
    last: Timestamp,
    interval: SignedDuration,
}

/// The nodes that are there, and when each last showed it. In memory: a restart reads the online nodes again and gives each
/// its full patience.
#[derive(Default)]
pub struct Presence(Mutex<HashMap<NodeId, Sign>>);

impl Presence {
    fn signs(&self) -> std::sync::MutexGuard<'_, HashMap<NodeId, Sign>> {
        self.0.lock().expect("no code panics while holding the presence map")
    }

    /// Counts a request as a sign of life. False where the node is not known to be there: it must be activated first.
    pub fn seen(&self, node: NodeId, now: Timestamp) -> bool {
        match self.signs().get_mut(&node) {
            Some(sign) => {
                sign.last = now;
                true
            }
            None => false,
        }
    }

    /// How many nodes are there.
    #[must_use]
    pub fn count(&self) -> usize {
        self.signs().len()
    }

    /// When the node last showed that it is there.
    #[must_use]
    pub fn last_seen(&self, node: NodeId) -> Option<Timestamp> {
        self.signs().get(&node).map(|sign| sign.last)
    }

    pub(crate) fn arrived(&self, node: NodeId, tenant: TenantId, heartbeat_seconds: u32, now: Timestamp) {
        let interval = SignedDuration::from_secs(heartbeat_seconds.into());
        self.signs().insert(node, Sign { tenant, last: now, interval });
    }

    pub(crate) fn left(&self, node: NodeId) {
        self.signs().remove(&node);
    }

    /// Those whose patience is over.
    fn silent(&self, now: Timestamp) -> Vec<(NodeId, TenantId, i64)> {
        let mut silent: Vec<_> = self
            .signs()
            .iter()
            .map(|(node, sign)| {
                (*node, sign.tenant, now.duration_since(sign.last), sign.interval.as_secs() * PATIENCE)
            })
            .filter(|(_, _, quiet, patience)| quiet.as_secs() >= *patience)
            .map(|(node, tenant, quiet, _)| (node, tenant, quiet.as_secs()))
            .collect();
        silent.sort_unstable_by_key(|(node, ..)| *node);
        silent
    }
}

/// Takes up the nodes that were there when the last process ended.
///
/// # Errors
/// Those of reading.
pub async fn restore(cx: &Cx, links: &Links) -> Result<usize> {
    let mut read = links.db.read(cx, &ACTION).await?;
    let online = rows::online(&mut read).await?;
    for node in &online {
        links.presence.arrived(node.id, node.tenant, node.heartbeat_seconds, cx.now());
    }
    Ok(online.len())
}

/// Declares the nodes gone that have fallen silent. Gives how many.
///
/// # Errors
/// Those of writing; a node that could not be written is tried again the next time.
pub async fn expire(cx: &Cx, links: &Links) -> Result<usize> {
    let silent = links.presence.silent(cx.now());
    for (node, tenant, seconds) in &silent {
        let cx = cx.caused_by(*tenant, cx.correlation(), None);
        leave::leave(&cx, links, *node, leave::Departure::Silent { seconds: *seconds }).await?;
    }
    Ok(silent.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_node_is_silent_only_after_two_missed_heartbeats() {
        let (presence, node) = (Presence::default(), NodeId::from_bits(7));
        presence.arrived(node, TenantId(Default::default()), 30, at(0));
        assert!(presence.silent(at(59)).is_empty());
        assert_eq!(presence.silent(at(60)).len(), 1);
        assert!(presence.seen(node, at(60)));
        assert!(presence.silent(at(119)).is_empty());
    }

    #[test]
    fn a_stranger_is_not_taken_for_present() {
        assert!(!Presence::default().seen(NodeId::from_bits(7), at(0)));
    }
}
