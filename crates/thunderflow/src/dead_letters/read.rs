//! Looking at dead letters.

use thunderline_core::{Action, Cx, Result, Role, Rule, Timestamp};
use uuid::Uuid;

use super::rows::{self, DeadLetter, LetterState};
use crate::Flow;

/// Operators: a letter shows an error as the log does.
pub const ACTION: Action = Action::new("flow.dead_letter.read", Rule::AtLeast(Role::Operator));

/// Dead letters, the newest first. `before` continues a listing after the last one's `created_at`.
///
/// # Errors
/// `forbidden`.
pub async fn list_dead_letters(
    cx: &Cx,
    flow: &Flow,
    consumer: Option<&str>,
    state: Option<LetterState>,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<DeadLetter>> {
    let mut read = flow.db.read(cx, &ACTION).await?;
    rows::list(&mut read, cx.tenant(), consumer, state, before, limit).await
}

/// One dead letter with its event.
///
/// # Errors
/// `not_found`.
pub async fn get_dead_letter(cx: &Cx, flow: &Flow, id: Uuid) -> Result<DeadLetter> {
    let mut read = flow.db.read(cx, &ACTION).await?;
    rows::by_id(&mut read, id, cx.tenant()).await
}
