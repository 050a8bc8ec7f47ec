//! Table `fl_leases`.

use std::collections::HashSet;

use thunderline_core::{
    FederationId, LeaseId, NodeId, Result, RoundId, TenantId, Timestamp,
    seams::{Bug, planted},
};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::{Round, changed, decode, known};
use crate::{
    plan::Purpose,
    state::{LeaseState, RoundState},
    task::Report,
};

pub(crate) const STATEMENTS: &[&Stmt] = &[
    &INSERT,
    &BY_ID,
    &ANY_OF_NODE,
    &BY_MESSAGE,
    &OF_ROUND,
    &OF_BUFFER,
    &ENDED_IN,
    &UNCOUNTED,
    &OPEN_OF_FEDERATION,
    &WAITING,
    &COUNT_WAITING,
    &COUNT_TAKEN,
    &ISSUED_ON,
    &LAST_ARRIVAL,
    &NEEDED,
    &OPEN_OF_NODE,
    &NODES_WITH_OPEN,
    &CLAIM,
    &ANNOUNCE,
    &END,
    &TAKE,
    &GIVE_BACK,
    &END_OPEN,
    &END_OPEN_OF_FEDERATION,
];

const INSERT: Stmt = Stmt::new(
    "fl.leases.insert",
    "insert into fl_leases (id, tenant, federation, round, node, ordinal, purpose, state, deliveries, issued_at,
        expires_at, version)
     values ($1, $2, $3, $4, $5, $6, $7, 'issued', 0, $8, $9, $10)",
);
const BY_ID: Stmt = Stmt::new("fl.leases.by_id", "select * from fl_leases where id = $1 and tenant = $2");
const ANY_OF_NODE: Stmt = Stmt::new(
    "fl.leases.any_of_node",
    "select id from fl_leases where node = $1 and federation = $2 and tenant = $3 limit 1",
);
const BY_MESSAGE: Stmt = Stmt::new(
    "fl.leases.by_message",
    "select * from fl_leases where message = $1 and node = $2 and tenant = $3",
);
const OF_ROUND: Stmt = Stmt::new(
    "fl.leases.of_round",
    "select * from fl_leases where (round = $1 or ended_in = $1) and tenant = $2
     order by purpose desc, version, ordinal",
);
// What a buffer has to do with: all that is under way, and what ended while it was filled.
const OF_BUFFER: Stmt = Stmt::new(
    "fl.leases.of_buffer",
    "select * from fl_leases
     where tenant = $3 and (ended_in = $2 or (federation = $1 and state in ('issued', 'claimed')))
     order by version, ordinal",
);
const ENDED_IN: Stmt = Stmt::new(
    "fl.leases.ended_in",
    "select * from fl_leases where ended_in = $1 and tenant = $2 order by version, ordinal",
);
// Under way, or accepted and waiting for a buffer.
const UNCOUNTED: Stmt = Stmt::new(
    "fl.leases.uncounted",
    "select * from fl_leases where federation = $1 and ended_in is null and tenant = $2 order by version, ordinal",
);
const OPEN_OF_FEDERATION: Stmt = Stmt::new(
    "fl.leases.open_of_federation",
    "select * from fl_leases where federation = $1 and state in ('issued', 'claimed') order by version, ordinal",
);
const WAITING: Stmt = Stmt::new(
    "fl.leases.waiting",
    "select * from fl_leases where federation = $1 and arrival is not null and ended_in is null
     order by arrival limit $2",
);
const COUNT_WAITING: Stmt = Stmt::new(
    "fl.leases.count_waiting",
    "select count(*) as found from fl_leases where federation = $1 and arrival is not null and ended_in is null",
);
const COUNT_TAKEN: Stmt = Stmt::new(
    "fl.leases.count_taken",
    "select count(*) as found from fl_leases where ended_in = $1 and state = 'released'",
);
const ISSUED_ON: Stmt = Stmt::new(
    "fl.leases.issued_on",
    "select count(*) as found from fl_leases where federation = $1 and version = $2",
);
const LAST_ARRIVAL: Stmt = Stmt::new(
    "fl.leases.last_arrival",
    "select coalesce(max(arrival), 0) as found from fl_leases where federation = $1 and arrival is not null",
);
// Across tenants: for the clean-up, which belongs to the installation.
const NEEDED: Stmt = Stmt::new(
    "fl.leases.needed",
    "select 1 as needed from fl_leases where id = $1 and (state in ('issued', 'claimed')
        or exists (select 1 from fl_updates where lease = fl_leases.id))",
);
// A task that the node has already, but lost, comes before a new one.
const OPEN_OF_NODE: Stmt = Stmt::new(
    "fl.leases.open_of_node",
    "select * from fl_leases where node = $1 and tenant = $2 and state in ('issued', 'claimed')
     order by case state when 'claimed' then 0 else 1 end, issued_at limit 1",
);
const NODES_WITH_OPEN: Stmt = Stmt::new(
    "fl.leases.nodes_with_open",
    "select distinct node from fl_leases where state in ('issued', 'claimed')",
);
const CLAIM: Stmt = Stmt::new(
    "fl.leases.claim",
    "update fl_leases set state = 'claimed', message = $2,
        deliveries = case message when $2 then deliveries + 1 else 1 end,
        claimed_at = coalesce(claimed_at, $3), announced = null
     where id = $1 and state in ('issued', 'claimed')",
);
const ANNOUNCE: Stmt = Stmt::new(
    "fl.leases.announce",
    "update fl_leases set announced = $2 where id = $1 and state = 'claimed'",
);
const END: Stmt = Stmt::new(
    "fl.leases.end",
    "update fl_leases set state = $2, reason = $3, report = $4, ended_at = $5, announced = null, ended_in = $6,
        staleness = $7, arrival = $8
     where id = $1 and state in ('issued', 'claimed')",
);
const TAKE: Stmt = Stmt::new(
    "fl.leases.take",
    "update fl_leases set ended_in = $2, staleness = $3 where id = $1 and state = 'released' and ended_in is null",
);
const GIVE_BACK: Stmt = Stmt::new(
    "fl.leases.give_back",
    "update fl_leases set ended_in = null, staleness = null where ended_in = $1 and state = 'released'",
);
const END_OPEN: Stmt = Stmt::new(
    "fl.leases.end_open",
    "update fl_leases set state = 'dropped', reason = $2, ended_at = $3, announced = null
     where round = $1 and state in ('issued', 'claimed') returning *",
);
const END_OPEN_OF_FEDERATION: Stmt = Stmt::new(
    "fl.leases.end_open_of_federation",
    "update fl_leases set state = 'dropped', reason = $2, ended_at = $3, announced = null, ended_in = $4
     where federation = $1 and state in ('issued', 'claimed') returning *",
);

/// A lease as it is stored.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Its id.
    pub id: LeaseId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Of which federation.
    pub federation: FederationId,
    /// Of which round.
    pub round: RoundId,
    /// Which node's.
    pub node: NodeId,
    /// The place in fold order.
    pub ordinal: u32,
    /// What for.
    pub purpose: Purpose,
    /// Where it stands.
    pub state: LeaseState,
    /// The wire's name for the task message.
    pub message: Option<String>,
    /// How often the task was handed out.
    pub deliveries: u32,
    /// What the node announced that it will upload.
    pub announced: Option<String>,
    /// What was accepted.
    pub report: Option<Report>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When the node first took the task.
    pub claimed_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The version of the model that it was issued on: how many rounds have made it. Absent, as all that follows, where
    /// clients are asked in rounds.
    pub version: Option<u32>,
    /// The round in which it ended: for an update, the one whose buffer took it; absent while it waits for the next buffer.
    pub ended_in: Option<RoundId>,
    /// By how many versions the buffer's model was newer than the lease's.
    pub staleness: Option<u32>,
    /// The how-many-th update of its federation that was accepted.
    pub arrival: Option<i64>,
}

impl Lease {
    /// The number of the round in which it was issued, where it is listed as one of this round.
    #[must_use]
    pub fn issued_in(&self, round: &Round) -> u32 {
        self.version.map_or(round.number, |version| version + 1)
    }

    /// The number of the round that counts its result, where it is listed as one of this round; none where nothing of it counts, or
    /// not yet.
    #[must_use]
    pub fn counted_in(&self, round: &Round) -> Option<u32> {
        let waits = self.version.is_some() && self.ended_in != Some(round.id);
        let failed = matches!(round.state, RoundState::Failed { .. } | RoundState::TimedOut { .. });
        (self.state == LeaseState::Released && !waits && !failed).then_some(round.number)
    }
}

/// How a lease ended where clients are not asked in rounds; nothing where they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ending {
    /// In which round; none while the update waits for the next buffer.
    pub round: Option<RoundId>,
    /// By how many versions the buffer's model was newer.
    pub staleness: Option<u32>,
    /// The how-many-th accepted update this is.
    pub arrival: Option<i64>,
}

fn from_row(row: &Row) -> Result<Lease> {
    let (state, purpose): (String, String) = (row.get("state")?, row.get("purpose")?);
    let report: Option<String> = row.get("report")?;
    Ok(Lease {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        federation: row.get("federation")?,
        round: row.get("round")?,
        node: row.get("node")?,
        ordinal: row.get("ordinal")?,
        purpose: known("fl_leases.purpose", &purpose, Purpose::named(&purpose))?,
        state: known("fl_leases.state", &state, LeaseState::from_parts(&state, row.get("reason")?))?,
        message: row.get("message")?,
        deliveries: row.get("deliveries")?,
        announced: row.get("announced")?,
        report: report.map(|text| decode("fl_leases.report", &text)).transpose()?,
        issued_at: row.get("issued_at")?,
        expires_at: row.get("expires_at")?,
        claimed_at: row.get("claimed_at")?,
        ended_at: row.get("ended_at")?,
        version: row.get("version")?,
        ended_in: row.get("ended_in")?,
        staleness: row.get("staleness")?,
        arrival: row.get("arrival")?,
    })
}

pub(crate) async fn insert(write: &mut Write, lease: &Lease) -> Result<()> {
    let args = args![
        lease.id,
        lease.tenant,
        lease.federation,
        lease.round,
        lease.node,
        lease.ordinal,
        lease.purpose.name(),
        lease.issued_at,
        lease.expires_at,
        lease.version
    ];
    write.exec(&INSERT, args).await?;
    Ok(())
}

pub(crate) async fn by_id(query: &mut impl Query, id: LeaseId, tenant: TenantId) -> Result<Option<Lease>> {
    query.one(&BY_ID, args![id, tenant]).await?.as_ref().map(from_row).transpose()
}

/// True where the node was ever given a task of the federation.
pub(crate) async fn any_of_node(
    query: &mut impl Query,
    node: NodeId,
    federation: FederationId,
    tenant: TenantId,
) -> Result<bool> {
    Ok(query.one(&ANY_OF_NODE, args![node, federation, tenant]).await?.is_some())
}

pub(crate) async fn by_message(
    query: &mut impl Query,
    message: &str,
    node: NodeId,
    tenant: TenantId,
) -> Result<Option<Lease>> {
    query.one(&BY_MESSAGE, args![message, node, tenant]).await?.as_ref().map(from_row).transpose()
}

/// Training leases first, each purpose in fold order.
pub(crate) async fn of_round(query: &mut impl Query, round: RoundId, tenant: TenantId) -> Result<Vec<Lease>> {
    query.all(&OF_ROUND, args![round, tenant]).await?.iter().map(from_row).collect()
}

/// All open leases of a federation and those that ended in this round, in fold order.
pub(crate) async fn of_buffer(
    query: &mut impl Query,
    federation: FederationId,
    round: RoundId,
    tenant: TenantId,
) -> Result<Vec<Lease>> {
    query.all(&OF_BUFFER, args![federation, round, tenant]).await?.iter().map(from_row).collect()
}

/// Where clients are not asked in rounds: what ended in this round, in fold order.
pub(crate) async fn ended_in(query: &mut impl Query, round: RoundId, tenant: TenantId) -> Result<Vec<Lease>> {
    query.all(&ENDED_IN, args![round, tenant]).await?.iter().map(from_row).collect()
}

/// Where clients are not asked in rounds: what no round counts yet, in fold order.
pub(crate) async fn uncounted(
    query: &mut impl Query,
    federation: FederationId,
    tenant: TenantId,
) -> Result<Vec<Lease>> {
    query.all(&UNCOUNTED, args![federation, tenant]).await?.iter().map(from_row).collect()
}

pub(crate) async fn open_of_federation(
    query: &mut impl Query,
    federation: FederationId,
) -> Result<Vec<Lease>> {
    query.all(&OPEN_OF_FEDERATION, args![federation]).await?.iter().map(from_row).collect()
}

/// Accepted updates that wait for a buffer, in the order in which they were accepted.
pub(crate) async fn waiting(
    query: &mut impl Query,
    federation: FederationId,
    limit: u32,
) -> Result<Vec<Lease>> {
    query.all(&WAITING, args![federation, limit]).await?.iter().map(from_row).collect()
}

pub(crate) async fn count_waiting(query: &mut impl Query, federation: FederationId) -> Result<u32> {
    counted(query.one(&COUNT_WAITING, args![federation]).await?)
}

/// How many updates the round's buffer has taken.
pub(crate) async fn count_taken(query: &mut impl Query, round: RoundId) -> Result<u32> {
    counted(query.one(&COUNT_TAKEN, args![round]).await?)
}

/// How many leases were issued on this version.
pub(crate) async fn issued_on(query: &mut impl Query, federation: FederationId, version: u32) -> Result<u32> {
    counted(query.one(&ISSUED_ON, args![federation, version]).await?)
}

pub(crate) async fn last_arrival(query: &mut impl Query, federation: FederationId) -> Result<i64> {
    let row = query.one(&LAST_ARRIVAL, args![federation]).await?;
    row.map_or(Ok(0), |row| row.get("found"))
}

fn counted(row: Option<Row>) -> Result<u32> {
    row.map_or(Ok(0), |row| row.get("found"))
}

/// True where the lease's upload is awaited, or waits to be folded.
pub(crate) async fn needed(query: &mut impl Query, id: LeaseId) -> Result<bool> {
    Ok(query.one(&NEEDED, args![id]).await?.is_some())
}

pub(crate) async fn open_of_node(
    query: &mut impl Query,
    node: NodeId,
    tenant: TenantId,
) -> Result<Option<Lease>> {
    query.one(&OPEN_OF_NODE, args![node, tenant]).await?.as_ref().map(from_row).transpose()
}

pub(crate) async fn claim(write: &mut Write, id: LeaseId, message: &str, now: Timestamp) -> Result<()> {
    changed(write.exec(&CLAIM, args![id, message, now]).await?, "the lease")
}

pub(crate) async fn announce(write: &mut Write, id: LeaseId, announced: &str) -> Result<()> {
    changed(write.exec(&ANNOUNCE, args![id, announced]).await?, "the lease")
}

/// Ends an open lease; a conflict where it has ended already.
pub(crate) async fn end(
    write: &mut Write,
    id: LeaseId,
    state: &LeaseState,
    report: Option<&Report>,
    now: Timestamp,
    ending: Ending,
) -> Result<()> {
    let report = report.map(|report| serde_json::to_string(report).expect("a report is plain data"));
    let Ending { round, staleness, arrival } = ending;
    let args = args![id, state.name(), state.reason(), report, now, round, staleness, arrival];
    let ended = write.exec(&END, args).await?;
    if planted(Bug::ReleaseTwice) {
        return Ok(());
    }
    changed(ended, "the lease")
}

/// A buffer takes an update that waited for it.
pub(crate) async fn take(write: &mut Write, id: LeaseId, round: RoundId, staleness: u32) -> Result<()> {
    changed(write.exec(&TAKE, args![id, round, staleness]).await?, "the lease")
}

/// The updates of a buffer that will not be filled wait for the next one.
pub(crate) async fn give_back(write: &mut Write, round: RoundId) -> Result<()> {
    write.exec(&GIVE_BACK, args![round]).await.map(drop)
}

/// Ends every open lease of a round and gives those that were.
pub(crate) async fn end_open(
    write: &mut Write,
    round: RoundId,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<Lease>> {
    write.all(&END_OPEN, args![round, reason, now]).await?.iter().map(from_row).collect()
}

/// Ends every open lease of a federation and gives those that were. `round` is that of their [`Ending`].
pub(crate) async fn end_open_of_federation(
    write: &mut Write,
    federation: FederationId,
    reason: &str,
    now: Timestamp,
    round: Option<RoundId>,
) -> Result<Vec<Lease>> {
    let args = args![federation, reason, now, round];
    write.all(&END_OPEN_OF_FEDERATION, args).await?.iter().map(from_row).collect()
}

/// The nodes of every tenant that have a lease which is not over.
pub(crate) async fn nodes_with_open(query: &mut impl Query) -> Result<HashSet<NodeId>> {
    let rows = query.all(&NODES_WITH_OPEN, args![]).await?;
    rows.iter().map(|row| row.get("node")).collect()
}
