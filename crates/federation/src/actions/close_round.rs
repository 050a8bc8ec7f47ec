//! Step: no more updates are taken.

use thunderline_contracts::federation::RoundClosed;
use thunderline_core::{
    Action, Cx, Result, RoundId, Rule, Subject, Timestamp,
    seams::{Bug, planted},
};

use thunderline_store::Write;

use super::end_lease;
use crate::{
    Federations,
    masked::given::{self, Given},
    plan::Purpose,
    rows::{self, Lease, Round},
    state::{LeaseState, RoundEvent},
};

/// Background work only.
pub const ACTION: Action = Action::new("fl.round.close", Rule::System);

pub(crate) async fn close_round(cx: &Cx, domain: &Federations, id: RoundId) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let round = super::round(&mut write, cx, id).await?;
    let federation = super::federation(&mut write, cx, round.federation).await?;
    let buffered = federation.spec.strategy.buffer().is_some();
    if buffered {
        write.lock(&super::buffer_lock(federation.id)).await?;
    }
    let state = round.state.clone().apply(RoundEvent::Closed)?;
    rows::rounds::set_state(&mut write, &round, &state, cx.now()).await?;
    let (accepted, why) = if buffered {
        // Who trains goes on: its update is for a later buffer.
        let taken = rows::leases::count_taken(&mut write, id).await?;
        (taken, format!("its buffer of {taken} updates is full"))
    } else {
        if federation.spec.secure_agg.is_some() {
            release_masked(cx, domain, &mut write, &round).await?;
        }
        let leases = rows::leases::of_round(&mut write, id, cx.tenant()).await?;
        let reason = "the round closed before the node delivered";
        let dropped = if planted(Bug::CountLate) {
            Vec::new()
        } else {
            rows::leases::end_open(&mut write, id, reason, cx.now()).await?
        };
        end_lease::tell_dropped(&mut write, &dropped, round.number, reason);
        why(&round, &leases, cx.now())
    };
    write.emit(&RoundClosed {
        federation: round.federation,
        round_id: id,
        round: round.number,
        attempt: round.attempt,
        accepted,
        wanted: round.wanted,
        quorum: round.quorum,
        reason: why,
    });
    write.commit(&Subject::new("round", id)).await
}

/// Who has masked its update and did not come to reveal has taken part for all that.
async fn release_masked(cx: &Cx, domain: &Federations, write: &mut Write, round: &Round) -> Result<()> {
    let leases = rows::leases::of_round(write, round.id, cx.tenant()).await?;
    for lease in leases.iter().filter(|lease| lease.state.is_open()) {
        if let Given::Update(input) = given::given(domain, write, lease).await? {
            given::release(cx, domain, write, round, lease, input).await?;
        }
    }
    Ok(())
}

/// How many updates were taken, and why no more are.
fn why(round: &Round, leases: &[Lease], now: Timestamp) -> (u32, String) {
    let train = || leases.iter().filter(|lease| lease.purpose == Purpose::Train);
    let accepted = train().filter(|lease| lease.state == LeaseState::Released).count() as u32;
    let open = train().filter(|lease| lease.state.is_open()).count();
    let (wanted, quorum) = (round.wanted, round.quorum);
    let why = if accepted >= wanted {
        format!("all {wanted} updates that were wanted are in")
    } else if open > 0 && round.state.deadline().is_some_and(|deadline| now >= deadline) {
        format!("time was up with {accepted} of {wanted} updates; {quorum} suffice")
    } else {
        format!("{accepted} of {wanted} updates are in, {quorum} suffice, and no more can come")
    };
    (accepted, why)
}
