//! What a client is told at the end of an exchange.

use thunderline_core::{Cx, Error, LeaseId, Result};

use super::{Exchange, receive::bytes_of, rows};
use crate::{Federations, actions::read};

/// Where an exchange stands for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Others have not spoken yet.
    Wait,
    /// The exchange is over: this is the answer.
    Answer(Vec<u8>),
}

/// The answer to what a client said, once there is one.
///
/// # Errors
/// `not_found` where the lease is another node's; `conflict` where its round is over, or goes on without it.
pub async fn told(cx: &Cx, domain: &Federations, id: LeaseId, exchange: Exchange) -> Result<Told> {
    let mut read = domain.db.read(cx, &read::NODE_ACTION).await?;
    let lease = read::own_lease(&mut read, cx, id).await?;
    if !lease.state.is_open() {
        let why = lease.state.reason().unwrap_or("the client's update is taken").to_owned();
        return Err(Error::conflict(format!("the lease has ended: {why}")));
    }
    let open = rows::there(rows::open(&mut read, lease.round).await?)?;
    if open.exchange <= exchange {
        return Ok(Told::Wait);
    }
    if rows::said(&mut read, lease.round, exchange, id).await?.is_none() {
        return Err(Error::conflict(format!("'{}' was over before the client spoke", exchange.name())));
    }
    let object = rows::answer(&mut read, lease.round, exchange, id).await?;
    drop(read);
    let area = domain.objects.area(&super::area(lease.round))?;
    crate::blocking(move || bytes_of(&area, object)).await.map(Told::Answer)
}
