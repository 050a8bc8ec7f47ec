//! Choosing clients: seeded, so that the same federation with the same nodes chooses the same again.

use std::collections::HashSet;

use thunderline_contracts::{
    federation::{Considered, Verdict},
    link::NodeKind,
};
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
        self.online && self.kind == kind_for(app) && selector.tags.iter().all(|tag| self.tags.contains(tag))
    }

    /// Why a federation with this selector and app may not use the node; empty where it may.
    #[must_use]
    pub fn objections(&self, selector: &ClientSelector, app: &App) -> Vec<String> {
        let mut reasons = Vec::new();
        if !self.online {
            reasons.push("is not online".into());
        }
        if self.kind != kind_for(app) {
            reasons.push(format!(
                "is a {} node, and the app needs a {} node",
                self.kind.name(),
                kind_for(app).name()
            ));
        }
        let missing = selector.tags.iter().filter(|tag| !self.tags.contains(tag));
        reasons.extend(missing.map(|tag| format!("lacks the tag {tag}")));
        reasons
    }
}

/// The kind of node that runs the app.
fn kind_for(app: &App) -> NodeKind {
    match app {
        App::Flower(_) => NodeKind::Flower,
        App::Builtin(_) | App::Command(_) => NodeKind::Runner,
    }
}

/// The most nodes that are listed with their reasons.
pub const MOST_LISTED: usize = 1_000;

/// A choice of clients as it can be told: how many were eligible, and each node with its verdict, the chosen ones first.
#[must_use]
pub fn explain(
    nodes: &[Candidate],
    selector: &ClientSelector,
    app: &App,
    chosen: &[NodeId],
) -> (u32, Vec<Considered>) {
    let drawn: HashSet<_> = chosen.iter().collect();
    let mut listed: Vec<_> = nodes
        .iter()
        .map(|node| {
            let reasons = node.objections(selector, app);
            let verdict = match (drawn.contains(&node.node), reasons.is_empty()) {
                (true, _) => Verdict::Chosen,
                (false, true) => Verdict::Spare,
                (false, false) => Verdict::Ineligible,
            };
            Considered { node: node.node, name: node.name.clone(), verdict, reasons }
        })
        .collect();
    let eligible = listed.iter().filter(|node| node.verdict != Verdict::Ineligible).count() as u32;
    listed.sort_by(|a, b| {
        (a.verdict as u8).cmp(&(b.verdict as u8)).then(a.name.cmp(&b.name)).then(a.node.cmp(&b.node))
    });
    listed.truncate(MOST_LISTED);
    (eligible, listed)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::BuiltinApp;

    fn node(number: u64, online: bool, kind: NodeKind, tags: &[&str]) -> Candidate {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Candidate { node: NodeId::from_bits(number), name: format!("n{number}"), kind, tags, online }
    }

    #[test]
    fn a_choice_is_explained_node_by_node_and_objections_agree_with_eligibility() {
        let selector = ClientSelector { tags: vec!["gpu".into()] };
        let app = App::Builtin(BuiltinApp::default());
        let nodes = [
            node(1, true, NodeKind::Runner, &[]),
            node(2, true, NodeKind::Runner, &["gpu"]),
            node(3, true, NodeKind::Runner, &["gpu"]),
            node(4, false, NodeKind::Flower, &["gpu"]),
        ];
        for node in &nodes {
            assert_eq!(node.objections(&selector, &app).is_empty(), node.is_eligible(&selector, &app));
        }
        let (eligible, listed) = explain(&nodes, &selector, &app, &[nodes[2].node]);
        let told: Vec<_> =
            listed.iter().map(|it| (it.name.as_str(), it.verdict, it.reasons.join("; "))).collect();
        assert_eq!(eligible, 2);
        assert_eq!(
            told,
            [
                ("n3", Verdict::Chosen, String::new()),
                ("n2", Verdict::Spare, String::new()),
                ("n1", Verdict::Ineligible, "lacks the tag gpu".into()),
                (
                    "n4",
                    Verdict::Ineligible,
                    "is not online; is a flower node, and the app needs a runner node".into()
                ),
            ]
        );
    }

    #[test]
    fn ten_thousand_candidates_are_counted_and_a_thousand_are_listed() {
        let nodes: Vec<_> = (1..=10_000).map(|number| node(number, true, NodeKind::Runner, &[])).collect();
        let app = App::Builtin(BuiltinApp::default());
        let (eligible, listed) = explain(&nodes, &ClientSelector::default(), &app, &[nodes[9_999].node]);
        assert_eq!((eligible, listed.len(), listed[0].verdict), (10_000, MOST_LISTED, Verdict::Chosen));
    }
}
