//! Step: all rounds are done.

use thunderline_contracts::federation::FederationCompleted;
use thunderline_core::{Action, Cx, Error, FederationId, Result, Rule};

use super::about_federation;
use crate::{Federations, rows, state::FederationEvent};

/// Background work only.
pub const ACTION: Action = Action::new("fl.federation.complete", Rule::System);

pub(crate) async fn complete(cx: &Cx, domain: &Federations, id: FederationId) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let federation = super::federation(&mut write, cx, id).await?;
    let state = federation.state.apply(FederationEvent::Completed)?;
    let last = rows::rounds::newest(&mut write, id, cx.tenant()).await?;
    let last = last.ok_or_else(|| Error::internal("a federation without rounds cannot be complete"))?;
    let artifact = rows::artifacts::of_round(&mut write, last.id, cx.tenant()).await?;
    let artifact = artifact.ok_or_else(|| Error::internal("the last round left no model"))?;
    rows::federations::set_state(&mut write, &federation, state, None, cx.now()).await?;
    let why = "all rounds are done";
    let uploads = super::end_all(cx, &mut write, &federation, &last, why).await?;
    write.emit(&FederationCompleted {
        federation: id,
        rounds_total: federation.rounds_total,
        artifact: artifact.id,
        uri: artifact.uri,
        sha256: artifact.sha256.to_string(),
    });
    write.commit(&about_federation(id)).await?;
    super::remove_lease_uploads(domain, uploads).await
}
