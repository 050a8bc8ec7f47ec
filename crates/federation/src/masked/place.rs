//! Where what a client says is collected while it comes in pieces.

use thunderline_core::{Cx, Error, LeaseId, Result};
use thunderline_objects::{Area, Sha256};

use super::{Exchange, receive::is_open, rows};
use crate::{Federations, actions::read};

/// Where it is collected.
pub struct Place {
    /// The round's own: it goes with the round.
    pub area: Area,
    /// What was said already.
    pub said: Option<Sha256>,
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
    Ok(Place { area: domain.objects.area(&super::area(lease.round))?, said })
}
