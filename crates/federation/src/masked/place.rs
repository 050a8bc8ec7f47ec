//! Where what a client says is collected while it comes, and how long it can be.

use std::ops::RangeInclusive;

use thunderline_core::{Cx, Error, LeaseId, Result};
use thunderline_objects::{Area, Sha256};
use thunderline_secagg::{
    Terms,
    message::{Advertisement, Consent, MaskedInput, Reveal, SealedShares},
};

use super::{Exchange, receive::is_open, rows};
use crate::{
    Federations,
    actions::{self, read},
};

/// Where it is collected.
pub struct Place {
    /// The round's own: it goes with the round.
    pub area: Area,
    /// What was said already.
    pub said: Option<Sha256>,
    /// How many bytes can be said: what has more or fewer is no message of this round.
    pub lengths: RangeInclusive<u64>,
}

/// The place for what the client of this lease says in an exchange that is open, or has said.
///
/// # Errors
/// `not_found` where the lease is another node's; `conflict` where nothing is waited for.
pub async fn place(cx: &Cx, domain: &Federations, id: LeaseId, exchange: Exchange) -> Result<Place> {
    let mut read = domain.db.read(cx, &read::NODE_ACTION).await?;
    let lease = read::own_lease(&mut read, cx, id).await?;
    let said = rows::said(&mut read, lease.round, exchange, id).await?;
    if said.is_none() {
        if !lease.state.is_open() {
            return Err(Error::conflict("the lease has ended"));
        }
        is_open(rows::there(rows::open(&mut read, lease.round).await?)?.exchange, exchange)?;
    }
    let round = actions::round(&mut read, cx, lease.round).await?;
    let federation = actions::federation(&mut read, cx, lease.federation).await?;
    drop(read);
    let session = super::close::session(domain, &federation, &round).await?;
    let area = domain.objects.area(&super::area(lease.round))?;
    Ok(Place { area, said, lengths: lengths(session.terms(), exchange) })
}

/// How many bytes a client says in an exchange of a session of these terms. Who is whose neighbour is not looked at: it is
/// everybody's in a small round, and shares are short.
fn lengths(terms: &Terms, exchange: Exchange) -> RangeInclusive<u64> {
    let neighbours = usize::from(terms.max_members) - 1;
    let exactly = |length: usize| length as u64..=length as u64;
    match exchange {
        Exchange::Advertise => exactly(Advertisement::LENGTH),
        Exchange::Share => SealedShares::length(0) as u64..=SealedShares::length(neighbours) as u64,
        Exchange::Mask => {
            let length = MaskedInput::length(terms.dimension);
            length..=length
        }
        Exchange::Consent => exactly(Consent::LENGTH),
        Exchange::Reveal => Reveal::length(0) as u64..=Reveal::length(neighbours) as u64,
        Exchange::Done => 0..=0,
    }
}
