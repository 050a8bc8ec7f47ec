//! A consumer that is no more is forgotten.

use thunderline_contracts::flow::ConsumerForgotten;
use thunderline_core::{Action, Cx, Error, Result, Role, Rule, Subject};

use crate::Flow;

/// Admins: one that comes back begins with the oldest event again.
pub const ACTION: Action = Action::new("flow.consumer.forget", Rule::AtLeast(Role::Admin));

/// Forgets a consumer, so that events are not kept for it any longer.
///
/// # Errors
/// `not_found`; `conflict` while this process works for it.
pub async fn forget(cx: &Cx, flow: &Flow, consumer: &str) -> Result<()> {
    ACTION.authorize(cx)?;
    if flow.db.works_for(consumer) {
        return Err(Error::conflict(format!(
            "{consumer} is at work here, and would begin with the oldest event again; 'events replay' sets it to another place"
        )));
    }
    let mut write = flow.db.write(cx, &ACTION).await?;
    write.forget_cursor(consumer).await?;
    write.emit(&ConsumerForgotten { consumer: consumer.to_owned() });
    write.commit(&Subject::new("consumer", consumer)).await
}
