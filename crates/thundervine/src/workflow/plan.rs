//! What is to be done next: a pure function from what is stored to the steps that follow.
//!
//! Every step can be repeated or lost: after a crash the view is read again and the plan goes on from there.

use std::sync::Arc;

use serde_json::{Map, Value};
use thunderline_core::{ExecutionId, SignedDuration, Timestamp};

use super::{
    definition::{Definition, Node},
    state::{ExecutionState, NodeState},
};

/// Tries to undo a node, at least; as many as the node has for itself where those are more.
pub const UNDO_ATTEMPTS: u32 = 5;
/// The longest pause between two tries.
const LONGEST_PAUSE: i64 = 300;

/// All that a plan depends on, read in one snapshot.
#[derive(Clone, Debug)]
pub struct View {
    /// Which execution.
    pub id: ExecutionId,
    /// Where it stands.
    pub state: ExecutionState,
    /// What it is to do.
    pub definition: Arc<Definition>,
    /// Its nodes, in the definition's order.
    pub nodes: Vec<NodeView>,
}

/// A node, as far as plans need it.
#[derive(Clone, Debug)]
pub struct NodeView {
    /// Where it stands.
    pub state: NodeState,
    /// The place in the order in which nodes began.
    pub begun: Option<u32>,
    /// When it is late.
    pub deadline: Option<Timestamp>,
    /// Whether its action is known to have had an effect.
    pub effect: bool,
    /// How the thing that it waits for ended.
    pub outcome: Option<Outcome>,
}

/// How something ended that a node waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Whether it ended well.
    pub good: bool,
    /// Whether another try makes sense where it did not.
    pub again: bool,
    /// Why it did not.
    pub reason: Option<String>,
    /// What others may refer to.
    pub outputs: Map<String, Value>,
}

/// One thing to do: one transaction, or one call of an action and one transaction. Nodes are given by their place in the
/// definition.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A node's action is about to be asked for.
    Begin(usize),
    /// Ask for a node's action.
    Run(usize),
    /// A node's wait is over, and well.
    Finish(usize, Map<String, Value>),
    /// A node's try failed.
    Failed {
        /// Which node.
        node: usize,
        /// Why.
        reason: String,
        /// When it is tried again, with another effect; none: never.
        again: Option<Timestamp>,
    },
    /// A node is not done any more.
    Skip(usize),
    /// What undoes a node is about to be asked for.
    BeginUndo(usize),
    /// Ask for what undoes a node.
    Undo(usize),
    /// Every node is done.
    Complete,
    /// A node failed for good.
    Fail(String),
    /// Nothing is left to undo.
    End,
    /// Nothing is left to undo but what could not be.
    Halt(String),
}

/// The steps that follow from the view now. Empty: nothing to do until something happens or a time comes.
#[must_use]
pub fn next(view: &View, now: Timestamp) -> Vec<Step> {
    match view.state {
        ExecutionState::Running => forwards(view, now),
        ExecutionState::Failing { .. } | ExecutionState::Cancelling { .. } => backwards(view, now),
        _ => Vec::new(),
    }
}

/// When the plan has something to do by itself, at the earliest; none: never, until something happens.
#[must_use]
pub fn wake(view: &View, now: Timestamp) -> Option<Timestamp> {
    if view.state.is_over() {
        return None;
    }
    let times = view.nodes.iter().flat_map(|node| {
        let late = node.deadline.filter(|_| matches!(node.state, NodeState::Waiting { .. }));
        [node.state.at(), late]
    });
    times.flatten().filter(|at| *at > now).min()
}

/// The pause before a try: a second, then twice as long each time, five minutes at most.
#[must_use]
pub fn pause(attempt: u32) -> SignedDuration {
    let doublings = attempt.saturating_sub(2).min(20);
    SignedDuration::from_secs((1_i64 << doublings).min(LONGEST_PAUSE))
}

fn parts(view: &View) -> impl Iterator<Item = (usize, &Node, &NodeView)> {
    view.definition.nodes.iter().zip(&view.nodes).enumerate().map(|(index, (node, at))| (index, node, at))
}

fn forwards(view: &View, now: Timestamp) -> Vec<Step> {
    for (_, node, at) in parts(view) {
        if let NodeState::Failed { reason } = &at.state {
            return vec![Step::Fail(format!("node {} failed: {reason}", node.name))];
        }
    }
    if view.nodes.iter().all(|node| node.state == NodeState::Done) {
        return vec![Step::Complete];
    }
    let is_done =
        |name: &String| parts(view).any(|(_, node, at)| node.name == *name && at.state == NodeState::Done);
    let mut steps = Vec::new();
    for (index, node, at) in parts(view) {
        match &at.state {
            NodeState::Pending if node.needs.iter().all(is_done) => steps.push(Step::Begin(index)),
            NodeState::Retrying { at, .. } if *at <= now => steps.push(Step::Begin(index)),
            NodeState::Started { .. } => steps.push(Step::Run(index)),
            NodeState::Waiting { attempt, until, .. } => {
                steps.extend(waiting(index, node, at, *attempt, *until, now));
            }
            _ => {}
        }
    }
    steps
}

fn waiting(
    index: usize,
    node: &Node,
    at: &NodeView,
    attempt: u32,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Option<Step> {
    match &at.outcome {
        Some(outcome) if outcome.good => return Some(Step::Finish(index, outcome.outputs.clone())),
        Some(outcome) => {
            let again = outcome.again && attempt <= node.retries;
            return Some(Step::Failed {
                node: index,
                reason: outcome.reason.clone().unwrap_or_else(|| "no reason is known".into()),
                again: again.then(|| now.saturating_add(pause(attempt + 1)).unwrap_or(now)),
            });
        }
        None => {}
    }
    if until.is_some_and(|until| until <= now) {
        return Some(Step::Finish(index, Map::new()));
    }
    at.deadline.filter(|deadline| *deadline <= now).map(|_| {
        let limit = node.timeout.unwrap_or_default();
        Step::Failed { node: index, reason: format!("it was not done within {limit} seconds"), again: None }
    })
}

/// First everything that is not known to have ended is settled or skipped; then what was done is undone, the newest first,
/// one at a time.
fn backwards(view: &View, now: Timestamp) -> Vec<Step> {
    let (mut steps, mut unsettled) = (Vec::new(), false);
    for (index, node, at) in parts(view) {
        let undoable = node.compensate.is_some();
        match &at.state {
            // Whether it had an effect is not known; asking again under the same key tells.
            NodeState::Started { .. } if undoable => steps.push(Step::Run(index)),
            NodeState::Retrying { anew: false, at, .. } if undoable => {
                unsettled = true;
                steps.extend((*at <= now).then_some(Step::Begin(index)));
            }
            NodeState::Waiting { .. } if undoable => {}
            NodeState::Pending
            | NodeState::Started { .. }
            | NodeState::Waiting { .. }
            | NodeState::Retrying { .. } => steps.push(Step::Skip(index)),
            _ => {}
        }
    }
    if unsettled || !steps.is_empty() {
        return steps;
    }
    let newest =
        parts(view).filter(|(_, node, at)| is_to_be_undone(node, at)).max_by_key(|(_, _, at)| at.begun);
    if let Some((index, _, at)) = newest {
        return match &at.state {
            NodeState::Undoing { .. } => vec![Step::Undo(index)],
            NodeState::UndoRetrying { at, .. } if *at > now => Vec::new(),
            _ => vec![Step::BeginUndo(index)],
        };
    }
    let stuck: Vec<String> = parts(view)
        .filter_map(|(_, node, at)| match &at.state {
            NodeState::Stuck { reason } => Some(format!("node {} could not be undone: {reason}", node.name)),
            _ => None,
        })
        .collect();
    vec![if stuck.is_empty() { Step::End } else { Step::Halt(stuck.join("; ")) }]
}

fn is_to_be_undone(node: &Node, at: &NodeView) -> bool {
    if node.compensate.is_none() {
        return false;
    }
    match &at.state {
        NodeState::Undoing { .. } | NodeState::UndoRetrying { .. } => true,
        NodeState::Done | NodeState::Waiting { .. } => true,
        NodeState::Failed { .. } => at.effect,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
