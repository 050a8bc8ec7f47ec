//! Table `fl_federations`.

use thunderline_core::{FederationId, Result, RunId, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::{changed, decode, known};
use crate::{spec::FederationSpec, state::FederationState};

pub(crate) const STATEMENTS: &[&Stmt] =
    &[&INSERT, &BY_ID, &BY_RUN, &LIST, &ACTIVE, &SET_STATE, &SET_PROGRESS, &SET_MODEL];

const INSERT: Stmt = Stmt::new(
    "fl.federations.insert",
    "insert into fl_federations (id, tenant, name, document, spec, state, run_id, rounds_total, completed_rounds,
        failures, created_by, created_at, version)
     values ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $9, $10, 1)",
);
const BY_ID: Stmt =
    Stmt::new("fl.federations.by_id", "select * from fl_federations where id = $1 and tenant = $2");
const BY_RUN: Stmt =
    Stmt::new("fl.federations.by_run", "select * from fl_federations where run_id = $1 and tenant = $2");
const LIST: Stmt = Stmt::new(
    "fl.federations.list",
    "select * from fl_federations
     where tenant = $1 and (state = $2 or $2 is null) and (created_at < $3 or $3 is null)
     order by created_at desc, id desc limit $4",
);
const ACTIVE: Stmt = Stmt::new(
    "fl.federations.active",
    "select id, tenant from fl_federations where state in ('created', 'running', 'paused') order by created_at",
);
const SET_STATE: Stmt = Stmt::new(
    "fl.federations.set_state",
    "update fl_federations set state = $3, reason = $4, started_at = coalesce(started_at, $5),
        completed_at = coalesce(completed_at, $6), version = version + 1
     where id = $1 and version = $2",
);
const SET_PROGRESS: Stmt = Stmt::new(
    "fl.federations.set_progress",
    "update fl_federations set completed_rounds = $2, failures = $3, reason = $4 where id = $1",
);
const SET_MODEL: Stmt =
    Stmt::new("fl.federations.set_model", "update fl_federations set model = $2 where id = $1");

/// A federation as it is stored.
#[derive(Clone, Debug)]
pub struct Federation {
    /// Its id.
    pub id: FederationId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What people call it.
    pub name: String,
    /// The document as it was submitted.
    pub document: String,
    /// What it is to do.
    pub spec: FederationSpec,
    /// Where it stands.
    pub state: FederationState,
    /// Why it failed or was cancelled; before that, why its last round failed, until one is completed.
    pub reason: Option<String>,
    /// The federation as the wire numbers runs.
    pub run: RunId,
    /// Rounds to run.
    pub rounds_total: u32,
    /// Rounds completed.
    pub completed_rounds: u32,
    /// Rounds that failed since the last completed one.
    pub failures: u32,
    /// Digest of the current global model.
    pub model: Option<String>,
    /// Who submitted it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When its first round began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Counts changes of state.
    pub version: i64,
}

fn from_row(row: &Row) -> Result<Federation> {
    let (spec, state): (String, String) = (row.get("spec")?, row.get("state")?);
    Ok(Federation {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        name: row.get("name")?,
        document: row.get("document")?,
        spec: decode("fl_federations.spec", &spec)?,
        state: known("fl_federations.state", &state, FederationState::named(&state))?,
        reason: row.get("reason")?,
        run: row.get("run_id")?,
        rounds_total: row.get("rounds_total")?,
        completed_rounds: row.get("completed_rounds")?,
        failures: row.get("failures")?,
        model: row.get("model")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        completed_at: row.get("completed_at")?,
        version: row.get("version")?,
    })
}

pub(crate) async fn insert(write: &mut Write, federation: &Federation) -> Result<()> {
    let spec = serde_json::to_string(&federation.spec).expect("a spec is plain data");
    let args = args![
        federation.id,
        federation.tenant,
        federation.name.as_str(),
        federation.document.as_str(),
        spec,
        federation.state.name(),
        federation.run,
        federation.rounds_total,
        federation.created_by.as_str(),
        federation.created_at
    ];
    write.exec(&INSERT, args).await?;
    Ok(())
}

pub(crate) async fn by_id(
    query: &mut impl Query,
    id: FederationId,
    tenant: TenantId,
) -> Result<Option<Federation>> {
    query.one(&BY_ID, args![id, tenant]).await?.as_ref().map(from_row).transpose()
}

pub(crate) async fn by_run(
    query: &mut impl Query,
    run: RunId,
    tenant: TenantId,
) -> Result<Option<Federation>> {
    query.one(&BY_RUN, args![run, tenant]).await?.as_ref().map(from_row).transpose()
}

/// The newest first; `before` continues a listing.
pub(crate) async fn list(
    query: &mut impl Query,
    tenant: TenantId,
    state: Option<FederationState>,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<Federation>> {
    let args = args![tenant, state.map(FederationState::name), before, limit];
    query.all(&LIST, args).await?.iter().map(from_row).collect()
}

/// Every federation of every tenant that is not over.
pub(crate) async fn active(query: &mut impl Query) -> Result<Vec<(FederationId, TenantId)>> {
    let rows = query.all(&ACTIVE, args![]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("tenant")?))).collect()
}

/// Stores a new state; a conflict where the federation changed since it was read.
pub(crate) async fn set_state(
    write: &mut Write,
    federation: &Federation,
    state: FederationState,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    let started = (state == FederationState::Running).then_some(now);
    let completed = state.is_over().then_some(now);
    if state.is_over() {
        crate::privacy::rows::forget_key(write, federation.id).await?;
    }
    let args = args![federation.id, federation.version, state.name(), reason, started, completed];
    changed(write.exec(&SET_STATE, args).await?, "the federation")
}

/// How far it is; `reason` is why its last round failed, if that is so.
pub(crate) async fn set_progress(
    write: &mut Write,
    id: FederationId,
    completed: u32,
    failures: u32,
    reason: Option<&str>,
) -> Result<()> {
    changed(write.exec(&SET_PROGRESS, args![id, completed, failures, reason]).await?, "the federation")
}

pub(crate) async fn set_model(write: &mut Write, id: FederationId, model: &str) -> Result<()> {
    changed(write.exec(&SET_MODEL, args![id, model]).await?, "the federation")
}
