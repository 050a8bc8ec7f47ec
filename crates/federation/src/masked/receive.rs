//! Take what a client says in an exchange.

use std::sync::Arc;

use thunderline_core::{Action, Cx, Error, LeaseId, Result, Rule, Subject};
use thunderline_objects::{Area, Sha256};
use thunderline_secagg::{
    Refusal, Roster, Session,
    message::{Advertisement, Consent, Delivery, MaskedInput, Reveal, SealedShares, Survivors},
    server::{Enrolling, check},
};

use super::{
    Exchange, given, refused,
    rows::{self, Message},
};
use crate::{
    Federations,
    actions::{self, hand_over, read},
};

/// The node whose lease it is.
pub const ACTION: Action = Action::new("fl.lease.say", Rule::Node);

/// Checks a message, keeps it, and has the federation driven where nobody else is waited for. With a client's last one its lease
/// is released: what the client could give it has given. Saying the same again changes nothing.
///
/// # Errors
/// `not_found` where the lease is another node's; `conflict` where the exchange is not open, the lease has ended, or the
/// client said something else before; `invalid` where the message does not fit.
pub async fn receive(
    cx: &Cx,
    domain: &Federations,
    id: LeaseId,
    exchange: Exchange,
    bytes: Vec<u8>,
) -> Result<()> {
    let mut read = domain.db.read(cx, &read::NODE_ACTION).await?;
    let lease = read::own_lease(&mut read, cx, id).await?;
    let digest = Sha256::of(&bytes);
    if let Some(before) = rows::said(&mut read, lease.round, exchange, id).await? {
        return if before == digest { Ok(()) } else { Err(said_otherwise(exchange)) };
    }
    if !lease.state.is_open() {
        return Err(Error::conflict("the lease has ended"));
    }
    let round = actions::round(&mut read, cx, lease.round).await?;
    let federation = actions::federation(&mut read, cx, lease.federation).await?;
    let open = rows::there(rows::open(&mut read, lease.round).await?)?;
    is_open(open.exchange, exchange)?;
    let known = Known {
        own: rows::said(&mut read, round.id, Exchange::Advertise, id).await?,
        roster: rows::answer(&mut read, round.id, Exchange::Advertise, id).await?,
        delivery: rows::answer(&mut read, round.id, Exchange::Share, id).await?,
        survivors: rows::answer(&mut read, round.id, Exchange::Mask, id).await?,
    };
    drop(read);
    let session = super::close::session(domain, &federation, &round).await?;
    let area = domain.objects.area(&super::area(round.id))?;
    crate::blocking(move || {
        check(&area, &session, &known, exchange, &bytes)?;
        // What was said must survive a power cut as its row does.
        area.put(&bytes)
    })
    .await?;

    let mut write = domain.db.write(cx, &ACTION).await?;
    write.lock(&given::lock(id)).await?;
    let lease = read::own_lease(&mut write, cx, id).await?;
    if !lease.state.is_open() {
        return Err(Error::conflict("the lease has ended"));
    }
    let open = rows::there(rows::open(&mut write, round.id).await?)?;
    is_open(open.exchange, exchange)?;
    if !rows::say(&mut write, round.id, &Message { exchange, up: true, party: Some(id), object: digest })
        .await?
    {
        return Err(said_otherwise(exchange));
    }
    if exchange == Exchange::Reveal {
        let input = rows::said(&mut write, round.id, Exchange::Mask, id).await?;
        let input = input.ok_or_else(|| Error::internal("a client reveals, but has masked nothing"))?;
        given::release(cx, domain, &mut write, &round, &lease, input).await?;
    }
    write.commit(&Subject::new("lease", id)).await?;

    // After the commit, so that of two who speak at once the later one sees both. Deadlines and leases that end have wake-ups of
    // their own; a crash in between costs no more than the pause of the sweep.
    let mut read = domain.db.read(cx, &read::NODE_ACTION).await?;
    let awaited = rows::are_awaited(&mut read, round.id, exchange).await?;
    drop(read);
    if awaited {
        return Ok(());
    }
    hand_over::hand_over(&cx.as_system("federation"), domain, round.federation).await
}

pub(super) fn said_otherwise(exchange: Exchange) -> Error {
    Error::conflict(format!(
        "the client has said something else in '{}': who is started anew in mid-round has other secrets, and sits the round out",
        exchange.name()
    ))
}

pub(super) fn is_open(open: Exchange, wanted: Exchange) -> Result<()> {
    if open == wanted {
        Ok(())
    } else {
        Err(Error::conflict(format!("'{}' is not open; '{}' is", wanted.name(), open.name())))
    }
}

/// What was said and told before, as far as a message is checked against it.
struct Known {
    own: Option<Sha256>,
    roster: Option<Sha256>,
    delivery: Option<Sha256>,
    survivors: Option<Sha256>,
}

/// Blocking.
fn check(area: &Area, session: &Session, known: &Known, exchange: Exchange, bytes: &[u8]) -> Result<()> {
    let refuse = |refusal: Refusal| refused(&refusal);
    if exchange == Exchange::Advertise {
        let message = Advertisement::decode(bytes).map_err(refuse)?;
        return Enrolling::new(*session).take(message).map_err(refuse);
    }
    let roster = Arc::new(Roster::again(*session, &bytes_of(area, known.roster)?).map_err(refuse)?);
    let own = Advertisement::decode(&bytes_of(area, known.own)?).map_err(refuse)?;
    let place = super::close::place(&roster, &own).ok_or_else(|| refused(&Refusal::NotEnrolled))?;
    let speaks = |from: u16| {
        if from == place {
            Ok(())
        } else {
            Err(refused(&Refusal::Unknown { message: "message", member: from }))
        }
    };
    if exchange == Exchange::Share {
        let message = SealedShares::decode(bytes).map_err(refuse)?;
        speaks(message.from)?;
        return check::shares(&roster, &message).map_err(refuse);
    }
    let sharers = Delivery::decode(&bytes_of(area, known.delivery)?).map_err(refuse)?.sharers;
    if exchange == Exchange::Mask {
        let message = MaskedInput::decode(bytes).map_err(refuse)?;
        speaks(message.from)?;
        return check::input(&roster, &sharers, &message).map(drop).map_err(refuse);
    }
    let survivors = Survivors::decode(&bytes_of(area, known.survivors)?).map_err(refuse)?;
    if exchange == Exchange::Consent {
        let message = Consent::decode(bytes).map_err(refuse)?;
        speaks(message.from)?;
        return check::consent(&roster, &sharers, &survivors, &message).map_err(refuse);
    }
    let message = Reveal::decode(bytes).map_err(refuse)?;
    speaks(message.from)?;
    check::reveal(&roster, &sharers, &survivors, &message).map_err(refuse)
}

/// A kept message, whole.
pub(super) fn bytes_of(area: &Area, object: Option<Sha256>) -> Result<Vec<u8>> {
    use std::io::Read;
    let object = object.ok_or_else(|| Error::conflict("the client has no part in this exchange"))?;
    let mut bytes = Vec::new();
    area.open(&object)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
