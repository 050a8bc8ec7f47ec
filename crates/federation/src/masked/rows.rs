//! Tables `fl_masked_rounds` and `fl_masked_messages`.

use std::collections::BTreeSet;

use thunderline_core::{Error, LeaseId, Result, RoundId, Timestamp};
use thunderline_objects::Sha256;
use thunderline_store::{Query, Stmt, Write, args};

use super::{Exchange, Masked};
use crate::rows::{changed, known};

pub(crate) const STATEMENTS: &[&Stmt] =
    &[&BEGIN, &STATE, &ADVANCE, &SAY, &OF_ROUND, &WHO, &AWAITED, &ONE, &FORGET_MESSAGES, &FORGET_ROUND];

const BEGIN: Stmt = Stmt::new(
    "fl.masked.begin",
    "insert into fl_masked_rounds (round, exchange, deadline, quorum) values ($1, 'advertise', $2, $3)",
);
const STATE: Stmt =
    Stmt::new("fl.masked.state", "select exchange, deadline, quorum from fl_masked_rounds where round = $1");
const ADVANCE: Stmt = Stmt::new(
    "fl.masked.advance",
    "update fl_masked_rounds set exchange = $3, deadline = $4, quorum = $5 where round = $1 and exchange = $2",
);
const SAY: Stmt = Stmt::new(
    "fl.masked.say",
    "insert into fl_masked_messages (round, exchange, way, party, object) values ($1, $2, $3, $4, $5)
     on conflict do nothing",
);
const OF_ROUND: Stmt = Stmt::new(
    "fl.masked.of_round",
    "select exchange, way, party, object from fl_masked_messages where round = $1 order by exchange, way, party",
);
const WHO: Stmt = Stmt::new(
    "fl.masked.who",
    "select party from fl_masked_messages where round = $1 and exchange = $2 and way = 'up'",
);
const AWAITED: Stmt = Stmt::new(
    "fl.masked.awaited",
    "select (select count(*) from fl_leases where round = $1 and purpose = 'train' and state in ('issued', 'claimed')) as open,
        (select count(*) from fl_masked_messages where round = $1 and exchange = $2 and way = 'up') as said",
);
const ONE: Stmt = Stmt::new(
    "fl.masked.one",
    "select object from fl_masked_messages where round = $1 and exchange = $2 and way = $3 and party = $4",
);
const FORGET_MESSAGES: Stmt =
    Stmt::new("fl.masked.forget_messages", "delete from fl_masked_messages where round = $1");
const FORGET_ROUND: Stmt =
    Stmt::new("fl.masked.forget_round", "delete from fl_masked_rounds where round = $1");

/// What one party said, or was told.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub exchange: Exchange,
    /// Whether a client said it.
    pub up: bool,
    /// The lease; `None` for what all are told.
    pub party: Option<LeaseId>,
    pub object: Sha256,
}

/// Which exchange of a round is open, until when, and how many must speak in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    pub exchange: Exchange,
    pub deadline: Timestamp,
    pub quorum: u32,
}

pub(crate) async fn begin(write: &mut Write, round: RoundId, deadline: Timestamp, quorum: u32) -> Result<()> {
    write.exec(&BEGIN, args![round, deadline, quorum]).await?;
    Ok(())
}

pub(crate) async fn open(query: &mut impl Query, round: RoundId) -> Result<Option<Open>> {
    let Some(row) = query.one(&STATE, args![round]).await? else { return Ok(None) };
    let name: String = row.get("exchange")?;
    let exchange = known("fl_masked_rounds.exchange", &name, Exchange::named(&name))?;
    Ok(Some(Open { exchange, deadline: row.get("deadline")?, quorum: row.get("quorum")? }))
}

/// Goes on to the next exchange; a conflict where somebody else has done so.
pub(crate) async fn advance(write: &mut Write, round: RoundId, from: Exchange, to: Open) -> Result<()> {
    let args = args![round, from.name(), to.exchange.name(), to.deadline, to.quorum];
    changed(write.exec(&ADVANCE, args).await?, "the round's secure aggregation")
}

/// Keeps a message; whether it is the first of this party in this exchange.
pub(crate) async fn say(write: &mut Write, round: RoundId, message: &Message) -> Result<bool> {
    let way = if message.up { "up" } else { "down" };
    let party = party(message.party);
    let args = args![round, message.exchange.name(), way, party, message.object.to_string()];
    Ok(write.exec(&SAY, args).await? == 1)
}

pub(crate) async fn of_round(query: &mut impl Query, round: RoundId) -> Result<Vec<Message>> {
    let rows = query.all(&OF_ROUND, args![round]).await?;
    rows.iter()
        .map(|row| {
            let (name, way): (String, String) = (row.get("exchange")?, row.get("way")?);
            let (party, object): (String, String) = (row.get("party")?, row.get("object")?);
            let exchange = known("fl_masked_messages.exchange", &name, Exchange::named(&name))?;
            let party = if party == "all" { None } else { Some(party.parse()?) };
            Ok(Message { exchange, up: way == "up", party, object: object.parse()? })
        })
        .collect()
}

/// What a lease said in an exchange.
pub(crate) async fn said(
    query: &mut impl Query,
    round: RoundId,
    exchange: Exchange,
    lease: LeaseId,
) -> Result<Option<Sha256>> {
    one(query, round, exchange, "up", Some(lease)).await
}

/// What a lease is told at the end of an exchange: its own answer, else everybody's.
pub(crate) async fn answer(
    query: &mut impl Query,
    round: RoundId,
    exchange: Exchange,
    lease: LeaseId,
) -> Result<Option<Sha256>> {
    match one(query, round, exchange, "down", Some(lease)).await? {
        None => one(query, round, exchange, "down", None).await,
        own => Ok(own),
    }
}

async fn one(
    query: &mut impl Query,
    round: RoundId,
    exchange: Exchange,
    way: &str,
    lease: Option<LeaseId>,
) -> Result<Option<Sha256>> {
    let row = query.one(&ONE, args![round, exchange.name(), way, party(lease)]).await?;
    row.map(|row| row.get::<String>("object")?.parse()).transpose()
}

fn party(lease: Option<LeaseId>) -> String {
    lease.map_or_else(|| "all".to_owned(), |lease| lease.to_string())
}

/// Who has spoken in an exchange.
async fn who(query: &mut impl Query, round: RoundId, exchange: Exchange) -> Result<BTreeSet<LeaseId>> {
    let rows = query.all(&WHO, args![round, exchange.name()]).await?;
    rows.iter().map(|row| row.get::<String>("party")?.parse()).collect()
}

/// Whether somebody is still to speak in an exchange, as far as counting tells: where it says so, that is so, but for leases that
/// a plan ends first. A plan knows exactly; it costs far more, and there are as many messages as clients.
pub(crate) async fn are_awaited(query: &mut impl Query, round: RoundId, exchange: Exchange) -> Result<bool> {
    let Some(row) = query.one(&AWAITED, args![round, exchange.name()]).await? else { return Ok(false) };
    let (open, said): (i64, i64) = (row.get("open")?, row.get("said")?);
    // In the last exchange a lease ends with what is said under it.
    Ok(if exchange == Exchange::Reveal { open > 0 } else { open > said })
}

/// What a plan needs of a round's messages.
pub(crate) async fn view(query: &mut impl Query, round: RoundId) -> Result<Option<Masked>> {
    let Some(open) = open(query, round).await? else { return Ok(None) };
    let said = who(query, round, open.exchange).await?;
    let invited = match open.exchange.before() {
        Some(before) => Some(who(query, round, before).await?),
        None => None,
    };
    Ok(Some(Masked { exchange: open.exchange, deadline: open.deadline, quorum: open.quorum, invited, said }))
}

/// Forgets a round that is over; its area goes with its uploads.
pub(crate) async fn forget(write: &mut Write, round: RoundId) -> Result<()> {
    write.exec(&FORGET_MESSAGES, args![round]).await?;
    write.exec(&FORGET_ROUND, args![round]).await?;
    Ok(())
}

/// A round's row that must be there.
pub(crate) fn there(open: Option<Open>) -> Result<Open> {
    open.ok_or_else(|| Error::conflict("the round has no secure aggregation under way"))
}
