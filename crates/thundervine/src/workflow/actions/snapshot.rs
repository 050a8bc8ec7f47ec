//! Keep a definition and its execution as they stand.

use serde_json::Value;
use thunderline_core::{Action, Cx, ExecutionId, Result, Role, Rule, Timestamp};

use super::about;
use crate::{Vine, rows, workflow::snapshot};

/// Who may.
pub const ACTION: Action = Action::new("vine.execution.snapshot", Rule::AtLeast(Role::Operator));

/// A snapshot that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Of which execution.
    pub execution: ExecutionId,
    /// The document's digest: the same state gives the same.
    pub sha256: String,
    /// Definition and execution.
    pub document: Value,
    /// When.
    pub at: Timestamp,
}

/// Takes a snapshot. Of a state that was kept already, nothing new is kept.
///
/// # Errors
/// `not_found`.
pub async fn take(cx: &Cx, vine: &Vine, id: ExecutionId) -> Result<Snapshot> {
    let mut write = vine.db.write(cx, &ACTION).await?;
    let (execution, nodes) = super::locked(&mut write, cx, id).await?;
    let document = snapshot::document(&execution, &nodes);
    let (sha256, by, at) = (snapshot::digest(&document), cx.actor().to_string(), cx.now());
    rows::executions::keep_snapshot(&mut write, &execution, &sha256, &document, &by, at).await?;
    write.commit(&about(id)).await?;
    Ok(Snapshot { execution: id, sha256, document, at })
}
