//! Step: rounds may begin.

use thunderline_contracts::federation::FederationStarted;
use thunderline_core::{Action, Cx, FederationId, Result, Rule};

use super::about_federation;
use crate::{Federations, rows, state::FederationEvent};

/// Background work only.
pub const ACTION: Action = Action::new("fl.federation.start", Rule::System);

pub(crate) async fn start(cx: &Cx, domain: &Federations, id: FederationId) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let federation = super::federation(&mut write, cx, id).await?;
    let state = federation.state.apply(FederationEvent::Started)?;
    rows::federations::set_state(&mut write, &federation, state, None, cx.now()).await?;
    write.emit(&FederationStarted { federation: id, rounds_total: federation.rounds_total });
    write.commit(&about_federation(id)).await
}
