//! Step: no more updates are taken.

use thunderline_core::{Action, Cx, Result, RoundId, Rule, Subject};

use super::end_lease;
use crate::{Federations, rows, state::RoundEvent};

/// Background work only.
pub const ACTION: Action = Action::new("fl.round.close", Rule::System);

pub(crate) async fn close_round(cx: &Cx, domain: &Federations, id: RoundId) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let round = super::round(&mut write, cx, id).await?;
    let state = round.state.clone().apply(RoundEvent::Closed)?;
    rows::rounds::set_state(&mut write, &round, &state, cx.now()).await?;
    let reason = "the round closed before the node delivered";
    let dropped = rows::leases::end_open(&mut write, id, reason, cx.now()).await?;
    end_lease::tell_dropped(&mut write, &dropped, round.number, reason);
    write.commit(&Subject::new("round", id)).await
}
