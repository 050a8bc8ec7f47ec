//! Step: an exchange is over, and the answers to it are made.

use std::{collections::BTreeMap, sync::Arc};

use thunderline_core::{Action, Cx, Error, ErrorKind, LeaseId, Result, RoundId, Rule, Subject};
use thunderline_objects::{Area, Sha256};
use thunderline_secagg::{
    Refusal, Roster, Session,
    message::{Advertisement, Consent, Consents, Delivery, MaskedInput, SealedShares, Survivor, Survivors},
    server::{Enrolling, Sharing},
};

use super::{
    Exchange, area,
    receive::bytes_of,
    rows::{self, Message, Open},
    terms,
};
use crate::{
    Federations,
    actions::{self, fail_round, node_key},
    aggregate,
    drive::Drive,
    rows::{self as tables, Federation, Round},
};

/// Background work only.
pub const ACTION: Action = Action::new("fl.round.close_exchange", Rule::System);

/// The session of a round.
pub(super) async fn session(domain: &Federations, federation: &Federation, round: &Round) -> Result<Session> {
    let terms = terms::of_round(&federation.spec, round.id, round.wanted);
    let terms = terms.ok_or_else(|| Error::conflict("the federation has no secure aggregation"))?;
    let model: Sha256 =
        round.model_in.as_deref().ok_or_else(|| Error::internal("the round has no model"))?.parse()?;
    let checkpoints = domain.objects.checkpoints()?;
    crate::blocking(move || terms.session(&aggregate::schema(&checkpoints, &model)?)).await
}

pub(crate) async fn close(cx: &Cx, domain: &Federations, id: RoundId, exchange: Exchange) -> Result<()> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    let round = actions::round(&mut read, cx, id).await?;
    let federation = actions::federation(&mut read, cx, round.federation).await?;
    let open = rows::there(rows::open(&mut read, id).await?)?;
    let messages = rows::of_round(&mut read, id).await?;
    let leases = tables::leases::of_round(&mut read, id, cx.tenant()).await?;
    drop(read);
    if open.exchange != exchange {
        return Err(Error::conflict("the exchange was closed meanwhile"));
    }
    let folder = domain.objects.area(&area(id))?;
    let made = async {
        let session = session(domain, &federation, &round).await?;
        crate::blocking(move || answers(&folder, session, &messages, exchange)).await
    };
    let why = match made.await {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(refusal)) => Err(format!("secure aggregation: {refusal}")),
        // What is kept does not get better; a disk may, while there is time.
        Err(error) if error.kind() == ErrorKind::Invalid || cx.now() >= open.deadline => {
            tracing::error!(round = %id, error = error.chain(), "an exchange could not be closed");
            Err(format!("secure aggregation: '{}' could not be closed: {error}", exchange.name()))
        }
        Err(error) => return Err(error),
    };
    let (answers, quorum) = match why {
        Ok(made) => made,
        Err(why) => return fail_round::fail_round(cx, domain, id, &why, false).await,
    };
    let ends = round.state.deadline().ok_or_else(|| Error::conflict("the round is not running"))?;
    let next = exchange.next();
    let deadline = terms::deadline(&federation.spec, next, cx.now(), ends);
    let to = Open { exchange: next, deadline, quorum: quorum.unwrap_or(open.quorum) };
    let mut write = domain.db.write(cx, &ACTION).await?;
    rows::advance(&mut write, id, exchange, to).await?;
    for answer in &answers {
        rows::say(&mut write, id, answer).await?;
    }
    for lease in leases.iter().filter(|lease| lease.state.is_open()) {
        write.wake(&node_key(lease.node));
    }
    write.enqueue_at(&Drive { federation: round.federation }, deadline);
    write.commit(&Subject::new("round", id)).await
}

/// The answers to an exchange, stored, and the quorum of those that follow where it is known now; or why the session cannot
/// go on.
type Made = std::result::Result<(Vec<Message>, Option<u32>), Refusal>;

/// Blocking; repeating it gives the same.
fn answers(area: &Area, session: Session, messages: &[Message], exchange: Exchange) -> Result<Made> {
    let kept = Transcript { area, messages };
    match exchange {
        Exchange::Advertise => roster(&kept, session),
        Exchange::Share => deliveries(&kept, session),
        Exchange::Mask => survivors(&kept),
        Exchange::Consent => consents(&kept),
        Exchange::Reveal | Exchange::Done => Ok(Ok((Vec::new(), None))),
    }
}

/// What was said and told in a round so far.
pub(super) struct Transcript<'a> {
    pub area: &'a Area,
    pub messages: &'a [Message],
}

impl Transcript<'_> {
    /// What clients said in an exchange, by their leases.
    pub fn up(&self, exchange: Exchange) -> impl Iterator<Item = (LeaseId, Result<Vec<u8>>)> {
        let said = self.messages.iter().filter(move |message| message.up && message.exchange == exchange);
        said.filter_map(move |message| Some((message.party?, bytes_of(self.area, Some(message.object)))))
    }

    /// What all were told at the end of an exchange.
    pub fn told_all(&self, exchange: Exchange) -> Result<Vec<u8>> {
        let told =
            |message: &&Message| !message.up && message.exchange == exchange && message.party.is_none();
        bytes_of(self.area, self.messages.iter().find(told).map(|message| message.object))
    }

    /// The roster that all were told.
    pub fn roster(&self, session: Session) -> Result<Arc<Roster>> {
        let roster = Roster::again(session, &self.told_all(Exchange::Advertise)?);
        roster.map(Arc::new).map_err(|refusal| super::refused(&refusal))
    }

    /// Which lease stands at which place of the roster.
    pub fn places(&self, roster: &Roster) -> Result<BTreeMap<u16, LeaseId>> {
        let mut places = BTreeMap::new();
        for (lease, bytes) in self.up(Exchange::Advertise) {
            let own = Advertisement::decode(&bytes?).map_err(|refusal| super::refused(&refusal))?;
            if let Some(place) = place(roster, &own) {
                places.insert(place, lease);
            }
        }
        Ok(places)
    }

    fn to(&self, exchange: Exchange, party: Option<LeaseId>, bytes: &[u8]) -> Result<Message> {
        Ok(Message { exchange, up: false, party, object: self.area.put(bytes)? })
    }
}

/// The place of a client on the roster. Of two with one identity only the one on the roster has a place.
pub(super) fn place(roster: &Roster, own: &Advertisement) -> Option<u16> {
    roster.place(&own.identity).filter(|place| roster.members()[usize::from(*place)] == *own)
}

/// Decodes what was checked when it came.
pub(super) fn kept<T>(decoded: std::result::Result<T, Refusal>) -> Result<T> {
    decoded.map_err(|refusal| Error::new(ErrorKind::Invalid, format!("a kept message is broken: {refusal}")))
}

fn roster(said: &Transcript<'_>, session: Session) -> Result<Made> {
    let mut server = Enrolling::new(session);
    for (lease, bytes) in said.up(Exchange::Advertise) {
        // An identity or a key that another lease has brought: this client finds itself left out.
        if let Err(refusal) = server.take(kept(Advertisement::decode(&bytes?))?) {
            tracing::warn!(%lease, %refusal, "a client is left out of a secure aggregation");
        }
    }
    let server = match server.close() {
        Ok(server) => server,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let quorum = u32::try_from(server.roster().bounds().quorum).expect("a roster has at most 16384 members");
    Ok(Ok((vec![said.to(Exchange::Advertise, None, &server.roster().encode())?], Some(quorum))))
}

fn deliveries(said: &Transcript<'_>, session: Session) -> Result<Made> {
    let roster = said.roster(session)?;
    let places = said.places(&roster)?;
    let mut server = Sharing::new(roster);
    for (_, bytes) in said.up(Exchange::Share) {
        kept(server.take(kept(SealedShares::decode(&bytes?))?))?;
    }
    let server = match server.close() {
        Ok(server) => server,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut answers = Vec::new();
    for &place in server.sharers() {
        let lease = places.get(&place).ok_or_else(|| Error::internal("a sharer has no lease"))?;
        let delivery = kept(server.delivery(place))?;
        answers.push(said.to(Exchange::Share, Some(*lease), &delivery.encode())?);
    }
    Ok(Ok((answers, None)))
}

fn survivors(said: &Transcript<'_>) -> Result<Made> {
    let mut survivors = BTreeMap::new();
    let mut roster = [0; 32];
    for (_, bytes) in said.up(Exchange::Mask) {
        let input = kept(MaskedInput::decode(&bytes?))?;
        roster = input.roster;
        let survivor = Survivor { member: input.from, words: input.digest(), signature: input.signature };
        survivors.insert(input.from, survivor);
    }
    let survivors = Survivors { roster, survivors: survivors.into_values().collect() };
    Ok(Ok((vec![said.to(Exchange::Mask, None, &survivors.encode())?], None)))
}

fn consents(said: &Transcript<'_>) -> Result<Made> {
    let mut signatures = BTreeMap::new();
    let mut roster = [0; 32];
    for (_, bytes) in said.up(Exchange::Consent) {
        let consent = kept(Consent::decode(&bytes?))?;
        roster = consent.roster;
        signatures.insert(consent.from, consent.signature);
    }
    let consents = Consents { roster, signatures: signatures.into_iter().collect() };
    Ok(Ok((vec![said.to(Exchange::Consent, None, &consents.encode())?], None)))
}

/// Who has shared, as any of them was told.
pub(super) fn sharers(said: &Transcript<'_>) -> Result<Vec<u16>> {
    let told = said.messages.iter().find(|message| !message.up && message.exchange == Exchange::Share);
    Ok(kept(Delivery::decode(&bytes_of(said.area, told.map(|message| message.object))?))?.sharers)
}
