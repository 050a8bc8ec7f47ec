//! Table `fl_rounds`.

use serde::Serialize;
use thunderline_core::{FederationId, Result, RoundId, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::{changed, known};
use crate::state::RoundState;

pub(crate) const STATEMENTS: &[&Stmt] = &[
    &INSERT,
    &BY_ID,
    &STATE,
    &NEWEST,
    &LIST,
    &STATE_BEFORE,
    &SET_STATE,
    &SET_CLIENTS,
    &SET_MODEL_OUT,
    &SET_METRICS,
];

const INSERT: Stmt = Stmt::new(
    "fl.rounds.insert",
    "insert into fl_rounds (id, tenant, federation, number, attempt, state, wanted, quorum, model_in, created_at,
        version)
     values ($1, $2, $3, $4, $5, 'selecting', 0, 0, $6, $7, 1)",
);
const BY_ID: Stmt = Stmt::new("fl.rounds.by_id", "select * from fl_rounds where id = $1 and tenant = $2");
// Across tenants: for the clean-up, which belongs to the installation.
const STATE: Stmt = Stmt::new("fl.rounds.state", "select state from fl_rounds where id = $1");
const NEWEST: Stmt = Stmt::new(
    "fl.rounds.newest",
    "select * from fl_rounds where federation = $1 and tenant = $2 order by number desc, attempt desc limit 1",
);
const LIST: Stmt = Stmt::new(
    "fl.rounds.list",
    "select * from fl_rounds where federation = $1 and tenant = $2 and number > $3 order by number, attempt limit $4",
);
// By the model, not by the round's own state: model and optimiser state go on together, in one commit.
const STATE_BEFORE: Stmt = Stmt::new(
    "fl.rounds.state_before",
    "select state_out from fl_rounds where federation = $1 and tenant = $2 and number < $3 and model_out is not null
     order by number desc, attempt desc limit 1",
);
const SET_STATE: Stmt = Stmt::new(
    "fl.rounds.set_state",
    "update fl_rounds set state = $3, deadline = $4, reason = $5, started_at = coalesce(started_at, $6),
        closed_at = coalesce(closed_at, $7), completed_at = coalesce(completed_at, $8), version = version + 1
     where id = $1 and version = $2",
);
const SET_CLIENTS: Stmt =
    Stmt::new("fl.rounds.set_clients", "update fl_rounds set wanted = $2, quorum = $3 where id = $1");
const SET_MODEL_OUT: Stmt =
    Stmt::new("fl.rounds.set_model_out", "update fl_rounds set model_out = $2, state_out = $3 where id = $1");
const SET_METRICS: Stmt =
    Stmt::new("fl.rounds.set_metrics", "update fl_rounds set metrics = $2 where id = $1");

/// A round as it is stored.
#[derive(Clone, Debug)]
pub struct Round {
    /// Its id.
    pub id: RoundId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Of which federation.
    pub federation: FederationId,
    /// Its number, from 1.
    pub number: u32,
    /// Which try of this number, from 1.
    pub attempt: u32,
    /// Where it stands.
    pub state: RoundState,
    /// How many updates it wants.
    pub wanted: u32,
    /// How many of these suffice.
    pub quorum: u32,
    /// Digest of the model it begins from.
    pub model_in: Option<String>,
    /// Digest of the model it made.
    pub model_out: Option<String>,
    /// Digest of what its strategy's optimiser keeps for the next round.
    pub state_out: Option<String>,
    /// The rollup, as far as it is known.
    pub metrics: Option<String>,
    /// When it began to look for clients.
    pub created_at: Timestamp,
    /// When the leases were issued.
    pub started_at: Option<Timestamp>,
    /// When the last update was taken.
    pub closed_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Counts changes of state.
    pub version: i64,
}

fn from_row(row: &Row) -> Result<Round> {
    let state: String = row.get("state")?;
    let parsed = RoundState::from_parts(&state, row.get("deadline")?, row.get("reason")?);
    Ok(Round {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        federation: row.get("federation")?,
        number: row.get("number")?,
        attempt: row.get("attempt")?,
        state: known("fl_rounds.state", &state, parsed)?,
        wanted: row.get("wanted")?,
        quorum: row.get("quorum")?,
        model_in: row.get("model_in")?,
        model_out: row.get("model_out")?,
        state_out: row.get("state_out")?,
        metrics: row.get("metrics")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        closed_at: row.get("closed_at")?,
        completed_at: row.get("completed_at")?,
        version: row.get("version")?,
    })
}

pub(crate) async fn insert(write: &mut Write, round: &Round) -> Result<()> {
    let args = args![
        round.id,
        round.tenant,
        round.federation,
        round.number,
        round.attempt,
        round.model_in.as_deref(),
        round.created_at
    ];
    write.exec(&INSERT, args).await?;
    Ok(())
}

pub(crate) async fn by_id(query: &mut impl Query, id: RoundId, tenant: TenantId) -> Result<Option<Round>> {
    query.one(&BY_ID, args![id, tenant]).await?.as_ref().map(from_row).transpose()
}

/// True where nothing of the round is needed any more; also where there is no such round.
pub(crate) async fn is_over(query: &mut impl Query, id: RoundId) -> Result<bool> {
    let Some(row) = query.one(&STATE, args![id]).await? else { return Ok(true) };
    let state: String = row.get("state")?;
    Ok(["completed", "failed", "timed_out"].contains(&state.as_str()))
}

pub(crate) async fn newest(
    query: &mut impl Query,
    federation: FederationId,
    tenant: TenantId,
) -> Result<Option<Round>> {
    query.one(&NEWEST, args![federation, tenant]).await?.as_ref().map(from_row).transpose()
}

/// In order of number and attempt, beginning after the given number.
pub(crate) async fn list(
    query: &mut impl Query,
    federation: FederationId,
    tenant: TenantId,
    after: u32,
    limit: u32,
) -> Result<Vec<Round>> {
    query.all(&LIST, args![federation, tenant, after, limit]).await?.iter().map(from_row).collect()
}

/// The key that wakes whoever waits for the end of a round.
pub(crate) fn over_key(round: RoundId) -> String {
    format!("over:{round}")
}

/// Stores a new state; a conflict where the round changed since it was read.
pub(crate) async fn set_state(
    write: &mut Write,
    round: &Round,
    state: &RoundState,
    now: Timestamp,
) -> Result<()> {
    let started = matches!(state, RoundState::Running { .. }).then_some(now);
    let closed = matches!(state, RoundState::Aggregating).then_some(now);
    let completed = state.is_over().then_some(now);
    let args = args![
        round.id,
        round.version,
        state.name(),
        state.deadline(),
        state.reason(),
        started,
        closed,
        completed
    ];
    if state.is_over() {
        write.wake(&over_key(round.id));
    }
    changed(write.exec(&SET_STATE, args).await?, "the round")
}

pub(crate) async fn set_clients(write: &mut Write, id: RoundId, wanted: u32, quorum: u32) -> Result<()> {
    changed(write.exec(&SET_CLIENTS, args![id, wanted, quorum]).await?, "the round")
}

/// What the strategy left when the model was made that the round of this number begins from. `None` where no round made it;
/// `Some(None)` where that round's strategy kept nothing.
pub(crate) async fn state_before(
    query: &mut impl Query,
    federation: FederationId,
    number: u32,
    tenant: TenantId,
) -> Result<Option<Option<String>>> {
    query
        .one(&STATE_BEFORE, args![federation, tenant, number])
        .await?
        .map(|row| row.get("state_out"))
        .transpose()
}

pub(crate) async fn set_model_out(
    write: &mut Write,
    id: RoundId,
    model: &str,
    state: Option<&str>,
) -> Result<()> {
    changed(write.exec(&SET_MODEL_OUT, args![id, model, state]).await?, "the round")
}

pub(crate) async fn set_metrics(write: &mut Write, id: RoundId, metrics: &impl Serialize) -> Result<()> {
    let metrics = serde_json::to_string(metrics).expect("a rollup is plain data");
    changed(write.exec(&SET_METRICS, args![id, metrics]).await?, "the round")
}
