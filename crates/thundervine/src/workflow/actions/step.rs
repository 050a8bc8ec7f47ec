//! The steps of a plan, one transaction each. Who loses a race to another driver hears a conflict.

use serde_json::{Map, Value};
use thunderline_contracts::dag::{
    NodeCompensated, NodeCompleted, NodeFailed, NodeNotCompensated, NodeNoted, NodeStarted, NodeWaiting,
    WorkflowCancelled, WorkflowCompensated, WorkflowCompleted, WorkflowFailed,
};
use thunderline_core::{Action, Cx, Error, ErrorClass, ExecutionId, Result, Rule, SignedDuration, Timestamp};
use thunderline_store::Write;

use super::about;
use crate::{
    Vine,
    rows::{
        self,
        executions::{Execution, NodeRow},
    },
    workflow::{
        catalogue::Ran,
        definition::Node,
        native::{Does, PERSON},
        plan::{UNDO_ATTEMPTS, pause},
        state::{ExecutionEvent, ExecutionState, NodeEvent, NodeState},
    },
};

/// Background work only.
pub const ACTION: Action = Action::new("vine.execution.step", Rule::System);

/// What came of asking for an action, Vine's own included.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Of a port.
    Port(Ran),
    /// Of one of Vine's own.
    Native(Does),
}

/// A transaction on one execution.
struct Opened {
    write: Write,
    execution: Execution,
    nodes: Vec<NodeRow>,
}

impl Opened {
    async fn at(cx: &Cx, vine: &Vine, id: ExecutionId) -> Result<Self> {
        let mut write = vine.db.write(cx, &ACTION).await?;
        let (execution, nodes) = super::locked(&mut write, cx, id).await?;
        Ok(Self { write, execution, nodes })
    }

    fn node(&self, index: usize) -> (Node, NodeRow) {
        (self.execution.definition.nodes[index].clone(), self.nodes[index].clone())
    }

    async fn keep(mut self, row: &NodeRow) -> Result<()> {
        rows::executions::set_node(&mut self.write, self.execution.id, row).await?;
        self.write.commit(&about(self.execution.id)).await
    }

    async fn turn(mut self, event: ExecutionEvent, now: Timestamp) -> Result<()> {
        let state = self.execution.state.clone().apply(event)?;
        rows::executions::set_state(&mut self.write, self.execution.id, &state, now).await?;
        self.write.commit(&about(self.execution.id)).await
    }
}

/// A node's action is about to be asked for.
pub(crate) async fn begin(cx: &Cx, vine: &Vine, id: ExecutionId, index: usize) -> Result<()> {
    let mut opened = Opened::at(cx, vine, id).await?;
    let (node, mut row) = opened.node(index);
    if row.state == NodeState::Pending && opened.execution.state != ExecutionState::Running {
        return Err(Error::conflict("the execution begins no further node"));
    }
    row.state = row.state.apply(NodeEvent::Began)?;
    if row.begun.is_none() {
        let begun = opened.execution.begun + 1;
        rows::executions::set_begun(&mut opened.write, id, begun).await?;
        row.begun = Some(begun);
        row.started_at = Some(cx.now());
        row.deadline =
            node.timeout.and_then(|seconds| cx.now().checked_add(SignedDuration::from_secs(seconds)).ok());
    }
    opened.write.emit(&NodeStarted {
        execution: id,
        node: node.name,
        action: node.action,
        attempt: row.state.attempt(),
    });
    opened.keep(&row).await
}

/// A node's action was asked for: this is what came of it.
pub(crate) async fn record(
    cx: &Cx,
    vine: &Vine,
    id: ExecutionId,
    index: usize,
    effect: Result<Effect>,
) -> Result<()> {
    let mut opened = Opened::at(cx, vine, id).await?;
    let (node, mut row) = opened.node(index);
    match effect {
        Ok(Effect::Port(Ran::Done(outputs))) => completed(cx, &mut opened.write, id, &mut row, outputs)?,
        Ok(Effect::Port(Ran::Waiting { subject, words, outputs })) => {
            row.outputs = Some(outputs);
            waits(&mut opened.write, id, &mut row, None, Some(subject), words)?;
        }
        Ok(Effect::Native(Does::Until(until))) => {
            waits(&mut opened.write, id, &mut row, Some(until), None, format!("{until}"))?;
        }
        Ok(Effect::Native(Does::Ask(question))) => {
            waits(&mut opened.write, id, &mut row, None, Some(PERSON.into()), question)?;
        }
        Ok(Effect::Native(Does::Say(message, data))) => {
            opened.write.emit(&NodeNoted { execution: id, node: node.name.clone(), message, data });
            completed(cx, &mut opened.write, id, &mut row, Map::new())?;
        }
        Err(error) => {
            tracing::warn!(execution = %id, node = node.name, error = error.chain(), "an action failed");
            let again = is_passing(&error) && row.state.attempt() <= node.retries;
            let at = again.then(|| later(cx, row.state.attempt() + 1));
            failed_try(cx, &mut opened.write, id, &mut row, &error.to_string(), at, false)?;
        }
    }
    opened.keep(&row).await
}

/// Whether a failure may pass by itself.
fn is_passing(error: &Error) -> bool {
    matches!(error.class(), ErrorClass::Transient | ErrorClass::Timeout | ErrorClass::Dependency)
}

fn later(cx: &Cx, attempt: u32) -> Timestamp {
    cx.now().checked_add(pause(attempt)).unwrap_or_else(|_| cx.now())
}

fn completed(
    cx: &Cx,
    write: &mut Write,
    id: ExecutionId,
    row: &mut NodeRow,
    outputs: Map<String, Value>,
) -> Result<()> {
    row.state = row.state.clone().apply(NodeEvent::Completed)?;
    let mut all = row.outputs.take().unwrap_or_default();
    all.extend(outputs);
    write.emit(&NodeCompleted { execution: id, node: row.name.clone(), outputs: all.clone().into() });
    row.outputs = Some(all);
    row.ended_at = Some(cx.now());
    Ok(())
}

fn waits(
    write: &mut Write,
    id: ExecutionId,
    row: &mut NodeRow,
    until: Option<Timestamp>,
    subject: Option<String>,
    words: String,
) -> Result<()> {
    row.state = row.state.clone().apply(NodeEvent::Waits { until })?;
    write.emit(&NodeWaiting { execution: id, node: row.name.clone(), waits_for: words.clone() });
    row.subject = subject;
    row.waits_for = Some(words);
    Ok(())
}

/// `again` is when the next try begins; `anew` says that it has another effect.
fn failed_try(
    cx: &Cx,
    write: &mut Write,
    id: ExecutionId,
    row: &mut NodeRow,
    reason: &str,
    again: Option<Timestamp>,
    anew: bool,
) -> Result<()> {
    row.state = row.state.clone().apply(match again {
        Some(at) => NodeEvent::Retried { at, anew },
        None => NodeEvent::Failed { reason: reason.into() },
    })?;
    row.reason = Some(reason.into());
    if again.is_none() {
        row.ended_at = Some(cx.now());
    }
    let again = again.is_some();
    write.emit(&NodeFailed { execution: id, node: row.name.clone(), reason: reason.into(), again });
    Ok(())
}

/// A node's wait is over, and well.
pub(crate) async fn finish(
    cx: &Cx,
    vine: &Vine,
    id: ExecutionId,
    index: usize,
    outputs: Map<String, Value>,
) -> Result<()> {
    let mut opened = Opened::at(cx, vine, id).await?;
    let (_, mut row) = opened.node(index);
    completed(cx, &mut opened.write, id, &mut row, outputs)?;
    opened.keep(&row).await
}

/// What a node waited for ended badly, or too late.
pub(crate) async fn failed(
    cx: &Cx,
    vine: &Vine,
    id: ExecutionId,
    index: usize,
    reason: &str,
    again: Option<Timestamp>,
) -> Result<()> {
    let mut opened = Opened::at(cx, vine, id).await?;
    let (_, mut row) = opened.node(index);
    failed_try(cx, &mut opened.write, id, &mut row, reason, again, true)?;
    opened.keep(&row).await
}

/// A node is not done any more.
pub(crate) async fn skip(cx: &Cx, vine: &Vine, id: ExecutionId, index: usize) -> Result<()> {
    let opened = Opened::at(cx, vine, id).await?;
    let (_, mut row) = opened.node(index);
    row.state = row.state.apply(NodeEvent::Skipped)?;
    row.ended_at = Some(cx.now());
    opened.keep(&row).await
}

/// What undoes a node is about to be asked for.
pub(crate) async fn begin_undo(cx: &Cx, vine: &Vine, id: ExecutionId, index: usize) -> Result<()> {
    let opened = Opened::at(cx, vine, id).await?;
    let (_, mut row) = opened.node(index);
    row.state = row.state.apply(NodeEvent::UndoBegan)?;
    opened.keep(&row).await
}

/// What undoes a node was asked for: this is what came of it.
pub(crate) async fn record_undo(
    cx: &Cx,
    vine: &Vine,
    id: ExecutionId,
    index: usize,
    effect: Result<Effect>,
) -> Result<()> {
    let mut opened = Opened::at(cx, vine, id).await?;
    let (node, mut row) = opened.node(index);
    let action = node.compensate.map(|compensation| compensation.action).unwrap_or_default();
    match effect {
        Ok(effect) => {
            if let Effect::Native(Does::Say(message, data)) = effect {
                opened.write.emit(&NodeNoted { execution: id, node: node.name.clone(), message, data });
            }
            row.state = row.state.apply(NodeEvent::Undone)?;
            opened.write.emit(&NodeCompensated { execution: id, node: node.name, action });
        }
        Err(error) => {
            let reason = error.to_string();
            tracing::warn!(execution = %id, node = node.name, error = error.chain(), "an action was not undone");
            let tries = UNDO_ATTEMPTS.max(node.retries + 1);
            if is_passing(&error) && row.state.attempt() < tries {
                let at = later(cx, row.state.attempt() + 1);
                row.state = row.state.apply(NodeEvent::UndoRetried { at })?;
            } else {
                row.state = row.state.apply(NodeEvent::UndoFailed { reason: reason.clone() })?;
                opened.write.emit(&NodeNotCompensated {
                    execution: id,
                    node: node.name,
                    action,
                    reason: reason.clone(),
                });
            }
            row.reason = Some(reason);
        }
    }
    opened.keep(&row).await
}

/// Every node is done.
pub(crate) async fn complete(cx: &Cx, vine: &Vine, id: ExecutionId) -> Result<()> {
    let mut opened = Opened::at(cx, vine, id).await?;
    let workflow = opened.execution.workflow.clone();
    opened.write.emit(&WorkflowCompleted { execution: id, workflow });
    opened.turn(ExecutionEvent::Completed, cx.now()).await
}

/// A node failed for good: from now on what was done is undone.
pub(crate) async fn fail(cx: &Cx, vine: &Vine, id: ExecutionId, reason: &str) -> Result<()> {
    let opened = Opened::at(cx, vine, id).await?;
    opened.turn(ExecutionEvent::Failed { reason: reason.into() }, cx.now()).await
}

/// Nothing is left to undo, but what is `stuck`.
pub(crate) async fn end(cx: &Cx, vine: &Vine, id: ExecutionId, stuck: Option<String>) -> Result<()> {
    let mut opened = Opened::at(cx, vine, id).await?;
    let workflow = opened.execution.workflow.clone();
    let event = match &stuck {
        None => ExecutionEvent::Undone,
        Some(reason) => ExecutionEvent::Stuck { reason: reason.clone() },
    };
    let mut undone: Vec<_> = opened.nodes.iter().filter(|node| node.state == NodeState::Undone).collect();
    undone.sort_by_key(|node| std::cmp::Reverse(node.begun));
    let undone: Vec<_> = undone.into_iter().map(|node| node.name.clone()).collect();
    if stuck.is_none() && !undone.is_empty() {
        opened.write.emit(&WorkflowCompensated { execution: id, workflow: workflow.clone(), undone });
    }
    let over = opened.execution.state.clone().apply(event.clone())?;
    let reason = over.reason().unwrap_or_default().to_owned();
    if matches!(over, ExecutionState::Cancelled { .. }) {
        opened.write.emit(&WorkflowCancelled { execution: id, workflow, reason });
    } else {
        opened.write.emit(&WorkflowFailed { execution: id, workflow, reason, halted: stuck.is_some() });
    }
    opened.turn(event, cx.now()).await
}
