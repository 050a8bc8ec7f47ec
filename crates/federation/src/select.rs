//! Choosing clients: seeded, so that the same federation with the same nodes chooses the same again.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;
use thunderline_contracts::{
    federation::{Considered, Verdict},
    link::{Capabilities, NodeKind},
};
use thunderline_core::{GroupId, NodeId};
use thunderline_numerics::random::Rng;

use crate::spec::{App, ClientSelector, Scalar};

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
    /// What it can do.
    pub capabilities: Capabilities,
    /// Whether it can be given work.
    pub online: bool,
}

impl Candidate {
    fn can(&self, key: &str, wanted: &Scalar) -> bool {
        let has = self.capabilities.get(key);
        match wanted {
            Scalar::Bool(wanted) => has.is_some_and(is_something) == *wanted,
            Scalar::Int(least) => has.and_then(Value::as_f64).is_some_and(|has| has >= *least as f64),
            Scalar::Float(least) => has.and_then(Value::as_f64).is_some_and(|has| has >= *least),
            Scalar::Text(text) => has.and_then(Value::as_str) == Some(text),
        }
    }
}

/// What counts as having a capability.
fn is_something(value: &Value) -> bool {
    *value != Value::Bool(false) && value.as_f64() != Some(0.0)
}

/// The kind of node that runs the app.
fn kind_for(app: &App) -> NodeKind {
    match app {
        App::Flower(_) => NodeKind::Flower,
        App::Builtin(_) | App::Command(_) => NodeKind::Runner,
    }
}

/// Groups of nodes as this domain knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    by_name: BTreeMap<String, GroupId>,
    parents: BTreeMap<GroupId, GroupId>,
    members: BTreeMap<GroupId, BTreeSet<NodeId>>,
}

impl Groups {
    /// There is this group.
    pub fn add(&mut self, id: GroupId, name: String, parent: Option<GroupId>) {
        self.by_name.insert(name, id);
        self.parents.extend(parent.map(|parent| (id, parent)));
    }

    /// The node is in this group.
    pub fn put(&mut self, id: GroupId, node: NodeId) {
        self.members.entry(id).or_default().insert(node);
    }

    /// The names that are known.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.by_name.keys().map(String::as_str).collect()
    }

    /// Who is in one of these groups, or in a part of one.
    fn within(&self, names: &[String]) -> HashSet<NodeId> {
        let wanted: Vec<_> = names.iter().filter_map(|name| self.by_name.get(name)).collect();
        // Groups make no circles; the bound is for a projection that is in the middle of being moved.
        let is_within = |id: &GroupId| {
            let up = std::iter::successors(Some(id), |id| self.parents.get(id));
            up.take(64).any(|over| wanted.contains(&over))
        };
        let within = self.members.iter().filter(|(id, _)| is_within(id));
        within.flat_map(|(_, members)| members).copied().collect()
    }
}

/// Whom a federation may use.
pub struct Wanted<'a> {
    selector: &'a ClientSelector,
    groups: &'a Groups,
    kind: NodeKind,
    /// Who is in the groups that the selector names; `None` where it names none.
    within: Option<HashSet<NodeId>>,
}

impl<'a> Wanted<'a> {
    /// Those whom this selector and app allow, among these groups.
    #[must_use]
    pub fn new(selector: &'a ClientSelector, app: &App, groups: &'a Groups) -> Self {
        let within = (!selector.groups.is_empty()).then(|| groups.within(&selector.groups));
        Self { selector, groups, kind: kind_for(app), within }
    }

    /// True where the federation may use the node.
    #[must_use]
    pub fn takes(&self, node: &Candidate) -> bool {
        node.online
            && node.kind == self.kind
            && self.selector.tags.iter().all(|tag| node.tags.contains(tag))
            && self.selector.capabilities.iter().all(|(key, wanted)| node.can(key, wanted))
            && self.within.as_ref().is_none_or(|within| within.contains(&node.node))
    }

    /// Why the federation may not use the node; empty where it may.
    #[must_use]
    pub fn objections(&self, node: &Candidate) -> Vec<String> {
        let mut reasons = Vec::new();
        if !node.online {
            reasons.push("is not online".into());
        }
        if node.kind != self.kind {
            let (is, needs) = (node.kind.name(), self.kind.name());
            reasons.push(format!("is a {is} node, and the app needs a {needs} node"));
        }
        let missing = self.selector.tags.iter().filter(|tag| !node.tags.contains(tag));
        reasons.extend(missing.map(|tag| format!("lacks the tag {tag}")));
        let missing = self.selector.capabilities.iter().filter(|(key, wanted)| !node.can(key, wanted));
        reasons.extend(missing.map(|(key, wanted)| format!("lacks the capability {key}: {}", show(wanted))));
        if self.within.as_ref().is_some_and(|within| !within.contains(&node.node)) {
            reasons.push(format!("is in none of the groups {}", self.selector.groups.join(", ")));
        }
        reasons
    }

    /// Why fewer nodes are eligible than are wanted, for whoever waits.
    #[must_use]
    pub fn shortage(&self, nodes: &[Candidate]) -> String {
        let online: Vec<_> = nodes.iter().filter(|node| node.online).collect();
        let count = |fits: &dyn Fn(&Candidate) -> bool| online.iter().filter(|node| fits(node)).count();
        let of_kind = count(&|node| node.kind == self.kind);
        let mut says = vec![format!(
            "of {} nodes that are online {of_kind} are {} nodes",
            online.len(),
            self.kind.name()
        )];
        for tag in &self.selector.tags {
            says.push(format!("{} have the tag '{tag}'", count(&|node| node.tags.contains(tag))));
        }
        for (key, wanted) in &self.selector.capabilities {
            let able = count(&|node| node.can(key, wanted));
            says.push(format!("{able} have the capability {key}: {}", show(wanted)));
        }
        for name in &self.selector.groups {
            if self.groups.by_name.contains_key(name) {
                let within = self.groups.within(std::slice::from_ref(name));
                let members = count(&|node| within.contains(&node.node));
                says.push(format!("{members} are in the group '{name}'"));
            } else {
                says.push(format!("there is no group '{name}'"));
            }
        }
        says.join(", ")
    }
}

fn show(value: &Scalar) -> String {
    serde_json::to_string(value).expect("a plain value")
}

/// The most nodes that are listed with their reasons.
pub const MOST_LISTED: usize = 1_000;

/// A choice of clients as it can be told: how many were eligible, and each node with its verdict, the chosen ones first.
#[must_use]
pub fn explain(nodes: &[Candidate], wanted: &Wanted<'_>, chosen: &[NodeId]) -> (u32, Vec<Considered>) {
    let drawn: HashSet<_> = chosen.iter().collect();
    let mut listed: Vec<_> = nodes
        .iter()
        .map(|node| {
            let reasons = wanted.objections(node);
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
    draw(seed, &["select", &round.to_string(), &attempt.to_string()], eligible, count)
}

/// The same where one round draws several times: told are its number, its attempt, and what tells this draw from the others.
#[must_use]
pub fn choose_again(
    seed: u64,
    (round, attempt, again): (u32, u32, usize),
    eligible: &[&Candidate],
    count: usize,
) -> Vec<NodeId> {
    draw(seed, &["select", &round.to_string(), &attempt.to_string(), &again.to_string()], eligible, count)
}

fn draw(seed: u64, labels: &[&str], eligible: &[&Candidate], count: usize) -> Vec<NodeId> {
    let mut sorted: Vec<_> = eligible.to_vec();
    sorted.sort_by(|a, b| a.name.cmp(&b.name).then(a.node.cmp(&b.node)));
    let mut chosen = Rng::derive(seed, labels).sample(sorted.len(), count);
    chosen.sort_unstable();
    chosen.into_iter().map(|index| sorted[index].node).collect()
}

#[cfg(test)]
mod tests;
