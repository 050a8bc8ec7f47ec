//! A dead letter is given up for good.

use thunderline_contracts::flow::DeadLetterDropped;
use thunderline_core::{Action, Cx, Error, Result, Role, Rule, Subject};
use thunderline_store::EVENTS;
use uuid::Uuid;

use super::rows;
use crate::Flow;

/// Admins: what is dropped will not happen.
pub const ACTION: Action = Action::new("flow.dead_letter.drop", Rule::AtLeast(Role::Admin));

/// Drops a letter. Those that only waited behind it, and behind no other one that failed, are handed over. Gives how many.
///
/// # Errors
/// `not_found`; `conflict` where it was replayed or dropped before.
pub async fn drop_letter(cx: &Cx, flow: &Flow, id: Uuid) -> Result<u64> {
    let mut write = flow.db.write(cx, &ACTION).await?;
    let letter = rows::by_id(&mut write, id, cx.tenant()).await?;
    // No relay is in the middle of handing it over, or of putting another one behind it.
    match write.hold_cursor(&letter.consumer).await {
        Ok(_) => {}
        Err(gone) if gone.code() == "not_found" => {}
        Err(other) => return Err(other),
    }
    if !rows::drop_letter(&mut write, id, cx.now()).await? {
        return Err(Error::conflict(format!("dead letter {id} is not waiting any more")));
    }
    let due = match rows::is_blocked(&mut write, &letter).await? {
        true => 0,
        false => rows::make_due(&mut write, &letter).await?,
    };
    write.emit(&DeadLetterDropped { letter: id, consumer: letter.consumer, event: letter.event.id });
    write.wake(EVENTS);
    write.commit(&Subject::new("dead_letter", id)).await?;
    Ok(due)
}
