//! How long events and what belongs to them are kept.

use thunderline_core::{Action, Cx, Result, Rule, SignedDuration};

use super::publish;
use crate::{Flow, blackboard, dead_letters, webhooks};

/// Background work only.
pub const ACTION: Action = Action::new("flow.event.retain", Rule::System);

/// How long events are kept, at least: those that a registered consumer has not passed stay, however old.
pub const EVENTS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long letters are kept that were replayed or dropped, and ids of facts that were told from outside.
pub const LETTERS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long deliveries are kept that were taken or given up.
pub const DELIVERIES_KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Events removed in one transaction: the writer is not held for long.
const AT_ONCE: u32 = 2_000;

/// Removes events that are older than they must be. Gives how many.
///
/// # Errors
/// Those of writing.
pub async fn retain(cx: &Cx, flow: &Flow, kept: SignedDuration) -> Result<u64> {
    ACTION.authorize(cx)?;
    let mut removed = 0;
    loop {
        let some = flow.db.forget_events(cx.now() - kept, AT_ONCE).await?;
        removed += some;
        if some < AT_ONCE.into() {
            break;
        }
    }
    let mut write = flow.db.write(cx, &ACTION).await?;
    let before = cx.now() - LETTERS_KEPT;
    dead_letters::rows::prune(&mut write, before).await?;
    publish::prune(&mut write, before).await?;
    webhooks::rows::prune(&mut write, cx.now() - DELIVERIES_KEPT).await?;
    blackboard::rows::expire(&mut write, cx.now()).await?;
    write.commit_derived().await?;
    Ok(removed)
}
