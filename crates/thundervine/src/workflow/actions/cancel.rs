//! Stop an execution and undo what it did.

use thunderline_core::{Action, Cx, ExecutionId, Result, Role, Rule};

use super::about;
use crate::{
    Vine,
    rows::{self, executions::Execution},
    workflow::{drive::Drive, state::ExecutionEvent},
};

/// Who may cancel.
pub const ACTION: Action = Action::new("vine.execution.cancel", Rule::AtLeast(Role::Operator));

/// Begins no further node, and undoes what was done, in reverse order.
///
/// # Errors
/// `not_found`; `conflict` where it is over, or ending already.
pub async fn cancel(cx: &Cx, vine: &Vine, id: ExecutionId, reason: &str) -> Result<Execution> {
    let mut write = vine.db.write(cx, &ACTION).await?;
    let (execution, _) = super::locked(&mut write, cx, id).await?;
    let event = ExecutionEvent::Cancelled { reason: reason.into() };
    let state = execution.state.clone().apply(event)?;
    rows::executions::set_state(&mut write, id, &state, cx.now()).await?;
    write.enqueue(&Drive { execution: id });
    write.commit(&about(id)).await?;
    Ok(Execution { state, ..execution })
}
