//! A person decides on a node that waits for one.

use serde_json::{Map, json};
use thunderline_contracts::dag::{NodeCompleted, NodeDecided, NodeFailed};
use thunderline_core::{Action, Cx, Error, ExecutionId, Result, Role, Rule};

use super::about;
use crate::{
    Vine,
    rows::{self, executions::Execution},
    workflow::{
        drive::Drive,
        native::PERSON,
        state::{ExecutionState, NodeEvent, NodeState},
    },
};

/// Who may decide.
pub const ACTION: Action = Action::new("vine.node.decide", Rule::AtLeast(Role::Operator));

/// Approves a node, which is done then; or refuses it, and the execution fails.
///
/// # Errors
/// `not_found` where there is no such execution or node; `conflict` where the node does not wait for a person.
pub async fn decide(
    cx: &Cx,
    vine: &Vine,
    id: ExecutionId,
    node: &str,
    approved: bool,
    comment: &str,
) -> Result<Execution> {
    let mut write = vine.db.write(cx, &ACTION).await?;
    let (execution, nodes) = super::locked(&mut write, cx, id).await?;
    let found = nodes.into_iter().find(|row| row.name == node);
    let mut row = found.ok_or_else(|| Error::not_found(format_args!("node {node} of execution {id}")))?;
    let waits = row.subject.as_deref() == Some(PERSON) && matches!(row.state, NodeState::Waiting { .. });
    if execution.state != ExecutionState::Running || !waits {
        let (state, at) = (execution.state.name(), row.state.name());
        return Err(Error::conflict(format!(
            "node {node} does not wait for a person: it is {at}, and the execution {state}"
        )));
    }
    let by = cx.actor().to_string();
    write.emit(&NodeDecided {
        execution: id,
        node: node.into(),
        approved,
        comment: comment.into(),
        by: by.clone(),
    });
    if approved {
        row.state = row.state.apply(NodeEvent::Completed)?;
        let outputs = Map::from_iter([("by".to_owned(), json!(by)), ("comment".to_owned(), json!(comment))]);
        write.emit(&NodeCompleted { execution: id, node: node.into(), outputs: outputs.clone().into() });
        row.outputs = Some(outputs);
    } else {
        let why = if comment.is_empty() { String::new() } else { format!(": {comment}") };
        let reason = format!("{by} refused it{why}");
        row.state = row.state.apply(NodeEvent::Failed { reason: reason.clone() })?;
        write.emit(&NodeFailed { execution: id, node: node.into(), reason, again: false });
    }
    row.ended_at = Some(cx.now());
    rows::executions::set_node(&mut write, id, &row).await?;
    write.enqueue(&Drive { execution: id });
    write.commit(&about(id)).await?;
    Ok(execution)
}
