//! What was seen from outside, and what must therefore be true inside.

use std::collections::{BTreeMap, BTreeSet};

use thunderline_core::{FederationId, NodeId, RoundId, SignedDuration, Timestamp};

/// A node is gone after this long without a sign of life: two heartbeats.
pub(crate) const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// Whether a node is there, as far as can be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presence {
    /// `None` where a request was cut off in the middle: either may be true.
    pub(crate) online: Option<bool>,
    /// The earliest moment that the server may take for its last sign of life.
    pub(crate) first: Timestamp,
    /// The latest one.
    pub(crate) last: Timestamp,
    /// A request was cut off: when the server looks up what became of it, it may grant full patience from then.
    cut: bool,
}

/// What was seen from outside.
#[derive(Default)]
pub(crate) struct Model {
    /// Numbers of the replies that were made, by the task's message.
    pub(crate) made: BTreeMap<String, Vec<u32>>,
    /// Messages of the replies that the server said it has.
    pub(crate) taken: BTreeSet<String>,
    /// Messages of tasks that nodes were given.
    pub(crate) given: BTreeSet<String>,
    /// The answers to submissions under a key.
    pub(crate) keys: BTreeMap<u8, FederationId>,
    /// Every federation that the server said it has.
    pub(crate) submitted: BTreeSet<FederationId>,
    pub(crate) presence: BTreeMap<NodeId, Presence>,
    /// Rounds whose model was looked into, and how many replies were in it.
    pub(crate) opened: BTreeMap<RoundId, usize>,
    /// Something has failed, crashed or been cut off so far, so that failures may be remembered.
    pub(crate) troubled: bool,
}

impl Model {
    /// A sign of life arrived and was dealt with.
    pub(crate) fn seen(&mut self, node: NodeId, now: Timestamp) {
        self.presence.insert(node, Presence { online: Some(true), first: now, last: now, cut: false });
    }

    /// A goodbye arrived and was dealt with.
    pub(crate) fn left(&mut self, node: NodeId) {
        if let Some(presence) = self.presence.get_mut(&node) {
            presence.online = Some(false);
        }
    }

    /// Whether it is there cannot be told.
    pub(crate) fn doubt(&mut self, node: NodeId) {
        if let Some(presence) = self.presence.get_mut(&node) {
            presence.online = None;
        }
    }

    /// A request that had been held back was dealt with; what has become of the node since it arrived cannot be told.
    pub(crate) fn resumed(&mut self, node: NodeId, now: Timestamp) {
        self.doubt(node);
        if let Some(presence) = self.presence.get_mut(&node) {
            (presence.last, presence.cut) = (now, true);
        }
    }

    /// Nodes that have been silent for too long.
    pub(crate) fn overdue(&self, now: Timestamp) -> Vec<NodeId> {
        let silent = |presence: &Presence| now.duration_since(presence.last) >= PATIENCE;
        self.presence.iter().filter(|(_, presence)| silent(presence)).map(|(node, _)| *node).collect()
    }

    /// A request arrived, and nobody knows how far it came.
    pub(crate) fn unsure(&mut self, node: NodeId, now: Timestamp) {
        let fresh = Presence { online: None, first: now, last: now, cut: true };
        let presence = self.presence.entry(node).or_insert(fresh);
        (presence.online, presence.last, presence.cut) = (None, now, true);
    }

    /// The server was started: nodes get their full patience again.
    pub(crate) fn restarted(&mut self, now: Timestamp) {
        for presence in self.presence.values_mut() {
            (presence.first, presence.last, presence.cut) = (now, now, false);
        }
    }

    /// Requests that were cut off may have been looked up just now, and certainly were if `surely`.
    pub(crate) fn looked_up(&mut self, now: Timestamp, surely: bool) {
        for presence in self.presence.values_mut().filter(|presence| presence.cut) {
            (presence.last, presence.cut) = (now, !surely);
        }
    }

    /// Silence was looked for.
    pub(crate) fn expired(&mut self, now: Timestamp) {
        for node in self.overdue(now) {
            self.left(node);
        }
    }
}
