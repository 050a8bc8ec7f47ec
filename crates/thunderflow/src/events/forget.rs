//! A consumer that is no more is forgotten.

use thunderline_contracts::flow::ConsumerForgotten;
use thunderline_core::{Action, Cx, Result, Role, Rule, Subject};

use crate::Flow;

/// Admins: one that runs begins with the oldest event again.
pub const ACTION: Action = Action::new("flow.consumer.forget", Rule::AtLeast(Role::Admin));

/// Forgets a consumer, so that events are not kept for it any longer.
///
/// # Errors
/// `not_found`.
pub async fn forget(cx: &Cx, flow: &Flow, consumer: &str) -> Result<()> {
    let mut write = flow.db.write(cx, &ACTION).await?;
    write.forget_cursor(consumer).await?;
    write.emit(&ConsumerForgotten { consumer: consumer.to_owned() });
    write.commit(&Subject::new("consumer", consumer)).await
}
