//! Looking at events.

use thunderline_core::{Action, Cx, Envelope, Error, EventId, Result, Role, Rule};

use crate::Flow;

/// People look at events.
pub const ACTION: Action = Action::new("flow.event.read", Rule::AtLeast(Role::Viewer));

/// One event of the caller's tenant, by its id.
///
/// # Errors
/// `not_found`, also where it is not kept any more.
pub async fn get_event(cx: &Cx, flow: &Flow, id: EventId) -> Result<Envelope> {
    ACTION.authorize(cx)?;
    let found = flow.db.event(id).await?.filter(|event| event.tenant == cx.tenant());
    found.ok_or_else(|| Error::not_found(format_args!("event {id}")))
}
