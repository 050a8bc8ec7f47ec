//! Stop a federation for good.

use thunderline_contracts::federation::FederationCancelled;
use thunderline_core::{Action, Cx, FederationId, Result, Role, Rule};

use super::{about_federation, fail_round};
use crate::{
    Federations, masked,
    rows::{self, Federation},
    state::{FederationEvent, RoundEvent},
};

/// Who may cancel.
pub const ACTION: Action = Action::new("fl.federation.cancel", Rule::AtLeast(Role::Operator));

/// Ends the federation, its running round and every open lease. Models made so far are kept.
///
/// # Errors
/// `not_found`; `conflict` where it is over already.
pub async fn cancel(cx: &Cx, domain: &Federations, id: FederationId, reason: &str) -> Result<Federation> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let federation = super::federation(&mut write, cx, id).await?;
    let state = federation.state.apply(FederationEvent::Cancelled)?;
    rows::federations::set_state(&mut write, &federation, state, Some(reason), cx.now()).await?;
    let why = "the federation was cancelled";
    let round = rows::rounds::newest(&mut write, id, cx.tenant()).await?;
    let uploads = match &round {
        Some(round) => super::end_all(cx, &mut write, &federation, round, why).await?,
        None => Vec::new(),
    };
    let running = round.filter(|round| !round.state.is_over());
    if let Some(round) = &running {
        let ended = round.state.clone().apply(RoundEvent::Failed { reason: why.into() })?;
        rows::rounds::set_state(&mut write, round, &ended, cx.now()).await?;
        masked::rows::forget(&mut write, round.id).await?;
    }
    write.emit(&FederationCancelled { federation: id, reason: reason.into() });
    write.commit(&about_federation(id)).await?;
    super::remove_lease_uploads(domain, uploads).await?;
    if let Some(round) = running {
        fail_round::remove_uploads(domain, round.id).await?;
    }
    Ok(Federation { state, reason: Some(reason.into()), ..federation })
}
