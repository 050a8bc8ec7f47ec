//! Looking workflows and executions up.

use thunderline_core::{Action, Cx, Error, ExecutionId, Result, Role, Rule, Timestamp};

use crate::{Vine, rows};

pub use crate::rows::{
    executions::{Execution, NodeRow},
    workflows::Workflow,
};

/// Who may look.
pub const ACTION: Action = Action::new("vine.workflow.read", Rule::AtLeast(Role::Viewer));

/// The states that executions can be listed by.
pub const STATES: [&str; 7] =
    ["running", "failing", "cancelling", "completed", "failed", "cancelled", "halted"];

/// The newest version of each workflow whose name comes after that.
///
/// # Errors
/// Those of reading.
pub async fn workflows(cx: &Cx, vine: &Vine, after: &str, limit: u32) -> Result<Vec<Workflow>> {
    let mut read = vine.db.read(cx, &ACTION).await?;
    rows::workflows::list(&mut read, cx.tenant(), after, limit).await
}

/// One workflow: this version, or the newest.
///
/// # Errors
/// `not_found`.
pub async fn workflow(cx: &Cx, vine: &Vine, name: &str, version: Option<u32>) -> Result<Workflow> {
    let mut read = vine.db.read(cx, &ACTION).await?;
    let found = rows::workflows::find(&mut read, cx.tenant(), name, version).await?;
    found.ok_or_else(|| Error::not_found(format_args!("the workflow {name}")))
}

/// Executions, the newest first.
///
/// # Errors
/// `invalid` for a state that does not exist.
pub async fn executions(
    cx: &Cx,
    vine: &Vine,
    workflow: Option<&str>,
    state: Option<&str>,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<Execution>> {
    if let Some(state) = state.filter(|state| !STATES.contains(state)) {
        return Err(Error::invalid_value("state", format!("'{state}' is not a state"), STATES.join(", ")));
    }
    let mut read = vine.db.read(cx, &ACTION).await?;
    rows::executions::list(&mut read, cx.tenant(), workflow, state, before, limit).await
}

/// One execution and its nodes.
///
/// # Errors
/// `not_found`.
pub async fn execution(cx: &Cx, vine: &Vine, id: ExecutionId) -> Result<(Execution, Vec<NodeRow>)> {
    let mut read = vine.db.read(cx, &ACTION).await?;
    let found = rows::executions::by_id(&mut read, id, cx.tenant()).await?;
    let execution = found.ok_or_else(|| super::missing(id))?;
    let nodes = rows::executions::nodes(&mut read, id).await?;
    Ok((execution, nodes))
}
