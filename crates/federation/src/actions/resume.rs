//! Let a paused federation go on.

use thunderline_contracts::federation::FederationResumed;
use thunderline_core::{Action, Cx, FederationId, Result, Role, Rule};

use super::about_federation;
use crate::{
    Federations,
    drive::Drive,
    rows::{self, Federation},
    state::FederationEvent,
};

/// Who may resume.
pub const ACTION: Action = Action::new("fl.federation.resume", Rule::AtLeast(Role::Operator));

/// Rounds begin again.
///
/// # Errors
/// `not_found`; `conflict` where its state does not allow it.
pub async fn resume(cx: &Cx, domain: &Federations, id: FederationId) -> Result<Federation> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let federation = super::federation(&mut write, cx, id).await?;
    let state = federation.state.apply(FederationEvent::Resumed)?;
    let reason = federation.reason.as_deref();
    rows::federations::set_state(&mut write, &federation, state, reason, cx.now()).await?;
    write.emit(&FederationResumed { federation: id });
    write.enqueue(&Drive { federation: id });
    write.commit(&about_federation(id)).await?;
    Ok(Federation { state, ..federation })
}
