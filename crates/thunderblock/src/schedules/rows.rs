//! The table of schedules.

use thunderline_core::{Cx, Error, Result, ScheduleId, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::{Missed, Schedule, ScheduleState, missing};

const INSERT: Stmt = Stmt::new(
    "schedule.insert",
    "insert into block_schedules (id, tenant, name, cron, zone, job, key, payload, missed, state, next_at, last_at,
        created_by, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
);
const LIST: Stmt = Stmt::new(
    "schedule.list",
    "select id, name, cron, zone, job, key, payload, missed, state, next_at, last_at, created_by, created_at
    from block_schedules where tenant = $1 order by name",
);
const FIND: Stmt = Stmt::new(
    "schedule.find",
    "select id, name, cron, zone, job, key, payload, missed, state, next_at, last_at, created_by, created_at
    from block_schedules where tenant = $1 and (id = $2 or name = $3)",
);
const DUE: Stmt = Stmt::new(
    "schedule.due",
    "select tenant, id from block_schedules where next_at <= $1 order by next_at limit $2",
);
const SET_STATE: Stmt =
    Stmt::new("schedule.set_state", "update block_schedules set state = $2, next_at = $3 where id = $1");
const FIRE: Stmt = Stmt::new(
    "schedule.fire",
    "update block_schedules set next_at = $3, last_at = $4 where id = $1 and next_at = $2",
);
const DELETE: Stmt = Stmt::new("schedule.delete", "delete from block_schedules where id = $1");

pub(crate) fn statements() -> Vec<&'static Stmt> {
    vec![&INSERT, &LIST, &FIND, &DUE, &SET_STATE, &FIRE, &DELETE]
}

pub(super) async fn insert(write: &mut Write, cx: &Cx, it: &Schedule) -> Result<()> {
    let row = args![
        it.id,
        cx.tenant(),
        &it.name,
        &it.cron,
        &it.zone,
        &it.job,
        &it.key,
        &it.payload,
        it.missed.name(),
        it.state.name(),
        it.next_at,
        it.last_at,
        &it.created_by,
        it.created_at
    ];
    write.exec(&INSERT, row).await.map(drop)
}

pub(super) async fn list(query: &mut impl Query, tenant: TenantId) -> Result<Vec<Schedule>> {
    query.all(&LIST, args![tenant]).await?.iter().map(schedule).collect()
}

/// The schedule of this id or name.
pub(super) async fn find(query: &mut impl Query, tenant: TenantId, which: &str) -> Result<Schedule> {
    let id: Option<ScheduleId> = which.parse().ok();
    let row = query.one(&FIND, args![tenant, id, which]).await?.ok_or_else(|| missing(which))?;
    schedule(&row)
}

/// Schedules that are due, of all tenants.
pub(super) async fn due(
    query: &mut impl Query,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(TenantId, ScheduleId)>> {
    let rows = query.all(&DUE, args![now, limit]).await?;
    rows.iter().map(|row| Ok((row.get("tenant")?, row.get("id")?))).collect()
}

pub(super) async fn set_state(
    write: &mut Write,
    id: ScheduleId,
    state: ScheduleState,
    next_at: Option<Timestamp>,
) -> Result<()> {
    write.exec(&SET_STATE, args![id, state.name(), next_at]).await.map(drop)
}

/// Moves the next time forward; false where somebody else has done so.
pub(super) async fn fire(
    write: &mut Write,
    it: &Schedule,
    next_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
) -> Result<bool> {
    Ok(write.exec(&FIRE, args![it.id, it.next_at, next_at, last_at]).await? == 1)
}

pub(super) async fn delete(write: &mut Write, id: ScheduleId) -> Result<()> {
    write.exec(&DELETE, args![id]).await.map(drop)
}

fn schedule(row: &Row) -> Result<Schedule> {
    let (missed, state): (String, String) = (row.get("missed")?, row.get("state")?);
    let odd = |what: &str| Error::internal(format!("a schedule has the unknown value {what}"));
    Ok(Schedule {
        id: row.get("id")?,
        name: row.get("name")?,
        cron: row.get("cron")?,
        zone: row.get("zone")?,
        job: row.get("job")?,
        key: row.get("key")?,
        payload: row.get("payload")?,
        missed: Missed::named(&missed).ok_or_else(|| odd(&missed))?,
        state: ScheduleState::named(&state).ok_or_else(|| odd(&state))?,
        next_at: row.get("next_at")?,
        last_at: row.get("last_at")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
    })
}
