//! What a masked client has given, however its lease ends.
//!
//! A masked update is in the sum as soon as its client is on the list of the survivors, whether the client comes to the
//! exchanges that follow or not. So a lease under which it was said ends as released: the client has taken part.

use std::collections::BTreeMap;

use thunderline_contracts::federation::UpdateAccepted;
use thunderline_core::{Cx, LeaseId, Result};
use thunderline_objects::Sha256;
use thunderline_secagg::message::MaskedInput;
use thunderline_store::Write;

use super::{Exchange, area, rows};
use crate::{
    Federations, actions,
    plan::Purpose,
    rows::{self as tables, Lease, Round, leases::Ending},
    state::LeaseEvent,
    task::{NUM_EXAMPLES, Report},
};

/// Held by whoever ends a lease of a masked round, and by whoever takes what its client says: of two at once, one sees the other.
pub(crate) fn lock(lease: LeaseId) -> String {
    format!("masked lease {lease}")
}

/// The masked update that was taken under this lease, if any was.
pub(crate) async fn given(write: &mut Write, lease: &Lease) -> Result<Option<Sha256>> {
    if lease.purpose != Purpose::Train {
        return Ok(None);
    }
    rows::said(write, lease.round, Exchange::Mask, lease.id).await
}

/// Ends the lease of a client whose masked update was taken.
pub(crate) async fn release(
    cx: &Cx,
    domain: &Federations,
    write: &mut Write,
    round: &Round,
    lease: &Lease,
    input: Sha256,
) -> Result<()> {
    let released = lease.state.clone().apply(LeaseEvent::Released)?;
    let folder = domain.objects.area(&area(round.id))?;
    let wire_bytes = crate::blocking(move || folder.length(&input)).await?;
    // Nothing of one client is known but that it took part.
    let metrics = BTreeMap::from([(NUM_EXAMPLES.to_owned(), 1.0)]);
    let plain_bytes = wire_bytes.saturating_sub(MaskedInput::length(0));
    // Of the exchanges, the masked update alone: it is nearly all.
    let report = Report { num_examples: 1.0, metrics, bytes: plain_bytes, plain_bytes, wire_bytes };
    tables::leases::end(write, lease.id, &released, Some(&report), cx.now(), Ending::default()).await?;
    write.emit(&UpdateAccepted {
        update_sha256: Some(input.to_string()),
        ..actions::accepted(round, lease, &report)
    });
    Ok(())
}
