//! Updates go into the buffer of a round: part of the steps that take a result and that begin a round.

use thunderline_contracts::federation::UpdateAccepted;
use thunderline_core::{Cx, Error, Result, Timestamp};
use thunderline_numerics::strategy::Buffer;
use thunderline_store::Write;

use super::{accepted, buffer_lock};
use crate::{
    buffer::{self, Filling, Place},
    layout::UpdateLayout,
    rows::{self, Federation, Lease, Round, leases::Ending},
    state::LeaseState,
    task::Report,
};

/// Where an update goes, and where it is now. After this, nobody else changes the federation's buffer until the commit.
pub(crate) async fn place(
    cx: &Cx,
    write: &mut Write,
    federation: &Federation,
    lease: &Lease,
    buffer: &Buffer,
) -> Result<(Place, Round)> {
    write.lock(&buffer_lock(federation.id)).await?;
    let newest = rows::rounds::newest(write, federation.id, cx.tenant()).await?;
    let round = newest.ok_or_else(|| Error::internal("a lease was issued without a round"))?;
    let filling = Filling {
        round: round.number,
        state: &round.state,
        taken: rows::leases::count_taken(write, round.id).await?,
        waiting: rows::leases::count_waiting(write, federation.id).await?,
    };
    let version = version(lease)?;
    Ok((buffer::place(buffer, federation.rounds_total, &filling, version), round))
}

pub(crate) fn version(lease: &Lease) -> Result<u32> {
    lease.version.ok_or_else(|| Error::internal("a lease does not say on which version it was issued"))
}

/// Releases the lease: its update is in the round's buffer, or waits for the next one where `staleness` is none.
pub(crate) async fn release(
    write: &mut Write,
    federation: &Federation,
    lease: &Lease,
    (report, update): (&Report, &UpdateLayout),
    (round, staleness): (&Round, Option<u32>),
    now: Timestamp,
) -> Result<()> {
    let arrival = rows::leases::last_arrival(write, federation.id).await? + 1;
    let ending = Ending { round: staleness.map(|_| round.id), staleness, arrival: Some(arrival) };
    rows::leases::end(write, lease.id, &LeaseState::Released, Some(report), now, ending).await?;
    rows::updates::insert(write, lease.id, lease.round, update).await?;
    if let Some(staleness) = staleness {
        tell_taken(write, federation, round, lease, (report, update), staleness);
    }
    Ok(())
}

/// The buffer of a round that begins takes what waits for it, the first to come first.
pub(crate) async fn take_waiting(
    write: &mut Write,
    federation: &Federation,
    round: &Round,
    buffer: &Buffer,
) -> Result<()> {
    for lease in rows::leases::waiting(write, federation.id, buffer.size).await? {
        let staleness = buffer::staleness(round.number, version(&lease)?);
        rows::leases::take(write, lease.id, round.id, staleness).await?;
        let lost = || Error::internal("an accepted update is gone");
        let update = rows::updates::of_lease(write, lease.id).await?.ok_or_else(lost)?;
        let report = lease.report.as_ref().ok_or_else(lost)?;
        tell_taken(write, federation, round, &lease, (report, &update), staleness);
    }
    Ok(())
}

/// Told when a buffer takes the update, so that the round is known in which it counts.
fn tell_taken(
    write: &mut Write,
    federation: &Federation,
    round: &Round,
    lease: &Lease,
    (report, update): (&Report, &UpdateLayout),
    staleness: u32,
) {
    write.emit(&UpdateAccepted {
        update_sha256: Some(update.digest().to_string()),
        max_examples: Some(federation.spec.update.max_examples),
        staleness: Some(staleness),
        ..accepted(round, lease, report)
    });
}
