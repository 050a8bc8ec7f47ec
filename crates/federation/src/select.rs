//! Choosing clients: seeded, so that the same federation with the same nodes chooses the same again.

use thunderline_contracts::link::NodeKind;
use thunderline_core::NodeId;
use thunderline_numerics::random::Rng;

use crate::spec::{App, ClientSelector};

/// A node as this domain knows it: a projection of Thunderlink's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which node.
    pub node: NodeId,
    /// Its name; its id where it has none.
    pub name: String,
    /// What it runs.
    pub kind: NodeKind,
    /// Its labels.
    pub tags: Vec<String>,
    /// Whether it can be given work.
    pub online: bool,
}

impl Candidate {
    /// True where a federation with this selector and app may use the node.
    #[must_use]
    pub fn is_eligible(&self, selector: &ClientSelector, app: &App) -> bool {
        let runs_the_app = match app {
            App::Flower(_) => self.kind == NodeKind::Flower,
            App::Builtin(_) | App::Command(_) => self.kind == NodeKind::Runner,
        };
        self.online && runs_the_app && selector.tags.iter().all(|tag| self.tags.contains(tag))
    }
}

/// Chooses `count` of the eligible nodes without replacement, uniformly.
///
/// The order of the result is the order of names (then ids), which is also the order in which updates are folded: it does
/// not depend on who connected or answered first. The draw is a function of the seed and the round alone.
#[must_use]
pub fn choose(seed: u64, round: u32, attempt: u32, eligible: &[&Candidate], count: usize) -> Vec<NodeId> {
    let mut sorted: Vec<_> = eligible.to_vec();
    sorted.sort_by(|a, b| a.name.cmp(&b.name).then(a.node.cmp(&b.node)));
    let labels = ["select", &round.to_string(), &attempt.to_string()];
    let mut chosen = Rng::derive(seed, &labels).sample(sorted.len(), count);
    chosen.sort_unstable();
    chosen.into_iter().map(|index| sorted[index].node).collect()
}
