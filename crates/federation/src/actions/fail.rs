//! Step: a federation cannot go on.

use thunderline_contracts::federation::FederationFailed;
use thunderline_core::{Action, Cx, FederationId, Result, Rule};

use super::about_federation;
use crate::{Federations, rows, state::FederationEvent};

/// Background work only.
pub const ACTION: Action = Action::new("fl.federation.fail", Rule::System);

pub(crate) async fn fail(cx: &Cx, domain: &Federations, id: FederationId, reason: &str) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let federation = super::federation(&mut write, cx, id).await?;
    let state = federation.state.apply(FederationEvent::Failed)?;
    rows::federations::set_state(&mut write, &federation, state, Some(reason), cx.now()).await?;
    let uploads = match rows::rounds::newest(&mut write, id, cx.tenant()).await? {
        Some(last) => super::end_all(cx, &mut write, &federation, &last, "the federation failed").await?,
        None => Vec::new(),
    };
    write.emit(&FederationFailed { federation: id, reason: reason.into() });
    write.commit(&about_federation(id)).await?;
    super::remove_lease_uploads(domain, uploads).await
}
