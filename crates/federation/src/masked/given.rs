//! What a masked client has given, however its lease ends.
//!
//! A masked update is in the sum as soon as its client is on the list of the survivors, whether the client comes to the
//! exchanges that follow or not. So a lease under which it was said ends as released: the client has taken part. But where it
//! was heard while that list was drawn up, it may not be on it; then the lease ends as dropped, and counts nowhere.

use std::{collections::BTreeMap, io::Read};

use thunderline_contracts::federation::UpdateAccepted;
use thunderline_core::{Cx, LeaseId, Result};
use thunderline_objects::{Area, Sha256};
use thunderline_secagg::message::{MaskedInput, Survivors};
use thunderline_store::Write;

use super::{Exchange, area, close::kept, receive::bytes_of, rows};
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

/// Why the lease of a client ends that was heard too late.
pub(crate) const LEFT_OUT: &str = "secure aggregation: its masked update came while the list of those who masked was made, and is not in the sum";

/// What was given under a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// No masked update.
    Nothing,
    /// This one, which is in the sum; or may be, as long as nobody is on the list of the survivors.
    Update(Sha256),
    /// One that is not on the list.
    LeftOut,
}

pub(crate) async fn given(domain: &Federations, write: &mut Write, lease: &Lease) -> Result<Given> {
    if lease.purpose != Purpose::Train {
        return Ok(Given::Nothing);
    }
    let Some(input) = rows::said(write, lease.round, Exchange::Mask, lease.id).await? else {
        return Ok(Given::Nothing);
    };
    let Some(list) = rows::answer(write, lease.round, Exchange::Mask, lease.id).await? else {
        return Ok(Given::Update(input));
    };
    let folder = domain.objects.area(&area(lease.round))?;
    match crate::blocking(move || is_listed(&folder, list, input)).await {
        Ok(true) => Ok(Given::Update(input)),
        Ok(false) => Ok(Given::LeftOut),
        // The round will fail for it. Until then, rather one too many who has taken part than one too few.
        Err(error) => {
            tracing::error!(lease = %lease.id, error = error.chain(), "who has masked cannot be read");
            Ok(Given::Update(input))
        }
    }
}

/// Blocking.
fn is_listed(folder: &Area, list: Sha256, input: Sha256) -> Result<bool> {
    let survivors = kept(Survivors::decode(&bytes_of(folder, Some(list))?))?;
    let mut head = Vec::new();
    folder.open(&input)?.take(MaskedInput::length(0)).read_to_end(&mut head)?;
    Ok(survivors.contains(kept(MaskedInput::sender(&head))?))
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
