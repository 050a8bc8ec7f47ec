//! Dead letters are tried again.

use thunderline_core::{Action, Cx, Error, Result, Role, Rule, Subject};
use thunderline_store::EVENTS;
use uuid::Uuid;

use super::rows::{self, LetterState};
use crate::Flow;

/// Operators.
pub const ACTION: Action = Action::new("flow.dead_letter.replay", Rule::AtLeast(Role::Operator));

/// Has a letter tried again, together with all that wait with it: those of the same consumer about the same thing, in the
/// order of their events. Gives how many.
///
/// # Errors
/// `not_found`; `conflict` where it was replayed or dropped.
pub async fn replay(cx: &Cx, flow: &Flow, id: Uuid) -> Result<u64> {
    let mut write = flow.db.write(cx, &ACTION).await?;
    let letter = rows::by_id(&mut write, id, cx.tenant()).await?;
    if matches!(letter.state, LetterState::Replayed | LetterState::Dropped) {
        return Err(Error::conflict(format!("dead letter {id} is {}", letter.state.name())));
    }
    let due = rows::make_due(&mut write, &letter).await?;
    write.wake(EVENTS);
    write.commit(&Subject::new("dead_letter", id)).await?;
    Ok(due)
}

/// Has all waiting letters tried again, of one consumer or of all. Gives how many.
///
/// # Errors
/// `forbidden`.
pub async fn replay_all(cx: &Cx, flow: &Flow, consumer: Option<&str>) -> Result<u64> {
    let mut write = flow.db.write(cx, &ACTION).await?;
    let due = rows::make_all_due(&mut write, cx.tenant(), consumer).await?;
    write.wake(EVENTS);
    write.commit(&Subject::new("consumer", consumer.unwrap_or("*"))).await?;
    Ok(due)
}
