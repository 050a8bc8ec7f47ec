//! Let a federation wait.

use thunderline_contracts::federation::FederationPaused;
use thunderline_core::{Action, Cx, FederationId, Result, Role, Rule};

use super::about_federation;
use crate::{
    Federations,
    drive::Drive,
    rows::{self, Federation},
    state::FederationEvent,
};

/// Who may pause.
pub const ACTION: Action = Action::new("fl.federation.pause", Rule::AtLeast(Role::Operator));

/// A running round finishes; no new one begins until the federation is resumed.
///
/// # Errors
/// `not_found`; `conflict` where its state does not allow it.
pub async fn pause(cx: &Cx, domain: &Federations, id: FederationId) -> Result<Federation> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let federation = super::federation(&mut write, cx, id).await?;
    let state = federation.state.apply(FederationEvent::Paused)?;
    let reason = federation.reason.as_deref();
    rows::federations::set_state(&mut write, &federation, state, reason, cx.now()).await?;
    write.emit(&FederationPaused { federation: id });
    write.enqueue(&Drive { federation: id });
    write.commit(&about_federation(id)).await?;
    Ok(Federation { state, ..federation })
}
