//! Tables `flow_webhooks` and `flow_deliveries`.

use thunderline_core::{Envelope, Error, EventId, Result, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};
use uuid::Uuid;

pub(crate) const STATEMENTS: &[&Stmt] = &[
    &INSERT,
    &LIST,
    &BY_NAME,
    &BY_ID,
    &WANTING,
    &SET_STATE,
    &SET_FAILING,
    &DELETE,
    &QUEUE,
    &HEADS,
    &RECORD,
    &AGAIN,
    &DELIVERIES,
    &PRUNE,
];

const INSERT: Stmt = Stmt::new(
    "flow.webhooks.insert",
    "insert into flow_webhooks (id, tenant, name, url, events, secret, state, reason, created_at, changed_at)
     values ($1, $2, $3, $4, $5, $6, 'enabled', '', $7, $7)",
);
const LIST: Stmt =
    Stmt::new("flow.webhooks.list", "select * from flow_webhooks where tenant = $1 order by name");
const BY_NAME: Stmt =
    Stmt::new("flow.webhooks.by_name", "select * from flow_webhooks where tenant = $1 and name = $2");
const BY_ID: Stmt = Stmt::new("flow.webhooks.by_id", "select * from flow_webhooks where id = $1");
const WANTING: Stmt = Stmt::new(
    "flow.webhooks.wanting",
    "select id, events from flow_webhooks where tenant = $1 and state = 'enabled'",
);
const SET_STATE: Stmt = Stmt::new(
    "flow.webhooks.set_state",
    "update flow_webhooks set state = $2, reason = $3, failing_since = null, changed_at = $4
     where id = $1 and state <> $2",
);
const SET_FAILING: Stmt =
    Stmt::new("flow.webhooks.set_failing", "update flow_webhooks set failing_since = $2 where id = $1");
const DELETE: Stmt = Stmt::new("flow.webhooks.delete", "delete from flow_webhooks where id = $1");

/// An event that its consumer sees again is sent again.
const QUEUE: Stmt = Stmt::new(
    "flow.deliveries.queue",
    "insert into flow_deliveries (id, webhook, tenant, sequence, event_id, event_name, subject_kind, subject_id, state,
        attempts, next_at, error, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', 0, $9, '', $9)
     on conflict (webhook, sequence) do update set state = 'waiting', attempts = 0, next_at = excluded.next_at,
        finished_at = null",
);
/// Of each thing the oldest event that waits, those first whose time comes first.
const HEADS: Stmt = Stmt::new(
    "flow.deliveries.heads",
    "select d.* from flow_deliveries d
     where d.webhook = $1 and d.state = 'waiting' and not exists (select 1 from flow_deliveries e
        where e.webhook = d.webhook and e.state = 'waiting' and e.subject_kind = d.subject_kind
            and e.subject_id = d.subject_id and e.sequence < d.sequence)
     order by d.next_at, d.sequence limit $2",
);
const RECORD: Stmt = Stmt::new(
    "flow.deliveries.record",
    "update flow_deliveries set state = $2, attempts = attempts + 1, next_at = $3, status = $4, error = $5, millis = $6,
        finished_at = $7
     where id = $1",
);
const AGAIN: Stmt = Stmt::new(
    "flow.deliveries.again",
    "update flow_deliveries set state = 'waiting', attempts = 0, next_at = $2, finished_at = null
     where webhook = $1 and state in ('waiting', 'failed')",
);
const DELIVERIES: Stmt = Stmt::new(
    "flow.deliveries.list",
    "select * from flow_deliveries where webhook = $1 and (state = $2 or $2 is null) and (sequence < $3 or $3 is null)
     order by sequence desc limit $4",
);
const PRUNE: Stmt = Stmt::new("flow.deliveries.prune", "delete from flow_deliveries where finished_at < $1");

/// An address that events are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name, unique within the tenant.
    pub name: String,
    /// Where to.
    pub url: String,
    /// Which events, as patterns.
    pub events: Vec<String>,
    /// Whether anything is sent.
    pub enabled: bool,
    /// Why it is disabled.
    pub reason: String,
    /// When it first failed since it last succeeded.
    pub failing_since: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    pub(crate) secret: String,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is to be sent.
    Waiting,
    /// It was taken.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// The name in tables and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Waiting, Self::Delivered, Self::Failed].into_iter().find(|state| state.name() == name)
    }
}

/// One event on its way to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: Uuid,
    /// The event's place in the stream.
    pub sequence: i64,
    /// The event.
    pub event: EventId,
    /// The event's name.
    pub event_name: String,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent next, while it waits.
    pub next_at: Timestamp,
    /// The status of the last answer, if there was one.
    pub status: Option<u16>,
    /// What was wrong with the last attempt.
    pub error: String,
    /// Milliseconds that the last attempt took.
    pub millis: Option<i64>,
    /// When it was taken or given up.
    pub finished_at: Option<Timestamp>,
}

/// What an attempt came to.
pub(crate) struct Record {
    pub state: DeliveryState,
    pub next_at: Timestamp,
    pub status: Option<u16>,
    pub error: String,
    pub millis: i64,
}

fn webhook(row: &Row) -> Result<Webhook> {
    let events: String = row.get("events")?;
    Ok(Webhook {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        name: row.get("name")?,
        url: row.get("url")?,
        events: split(&events),
        enabled: row.get::<String>("state")? == "enabled",
        reason: row.get("reason")?,
        failing_since: row.get("failing_since")?,
        created_at: row.get("created_at")?,
        secret: row.get("secret")?,
    })
}

fn delivery(row: &Row) -> Result<Delivery> {
    let state: String = row.get("state")?;
    Ok(Delivery {
        id: row.get("id")?,
        sequence: row.get("sequence")?,
        event: row.get("event_id")?,
        event_name: row.get("event_name")?,
        state: DeliveryState::named(&state)
            .ok_or_else(|| Error::internal(format!("delivery state '{state}' is unknown")))?,
        attempts: row.get("attempts")?,
        next_at: row.get("next_at")?,
        status: row.get("status")?,
        error: row.get("error")?,
        millis: row.get("millis")?,
        finished_at: row.get("finished_at")?,
    })
}

fn split(patterns: &str) -> Vec<String> {
    patterns.split(',').filter(|pattern| !pattern.is_empty()).map(str::to_owned).collect()
}

pub(crate) async fn insert(write: &mut Write, it: &Webhook) -> Result<()> {
    let row = args![it.id, it.tenant, &it.name, &it.url, it.events.join(","), &it.secret, it.created_at];
    write.exec(&INSERT, row).await.map(drop)
}

pub(crate) async fn list(query: &mut impl Query, tenant: TenantId) -> Result<Vec<Webhook>> {
    query.all(&LIST, args![tenant]).await?.iter().map(webhook).collect()
}

pub(crate) async fn by_name(query: &mut impl Query, tenant: TenantId, name: &str) -> Result<Webhook> {
    let row = query.one(&BY_NAME, args![tenant, name]).await?;
    webhook(&row.ok_or_else(|| Error::not_found(format_args!("webhook {name}")))?)
}

pub(crate) async fn by_id(query: &mut impl Query, id: Uuid) -> Result<Option<Webhook>> {
    query.one(&BY_ID, args![id]).await?.as_ref().map(webhook).transpose()
}

/// Enabled webhooks and their patterns.
pub(crate) async fn wanting(query: &mut impl Query, tenant: TenantId) -> Result<Vec<(Uuid, Vec<String>)>> {
    let rows = query.all(&WANTING, args![tenant]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, split(&row.get::<String>("events")?)))).collect()
}

/// False where it is in that state already.
pub(crate) async fn set_state(
    write: &mut Write,
    id: Uuid,
    enabled: bool,
    reason: &str,
    now: Timestamp,
) -> Result<bool> {
    let state = if enabled { "enabled" } else { "disabled" };
    Ok(write.exec(&SET_STATE, args![id, state, reason, now]).await? == 1)
}

pub(crate) async fn set_failing(write: &mut Write, id: Uuid, since: Option<Timestamp>) -> Result<()> {
    write.exec(&SET_FAILING, args![id, since]).await.map(drop)
}

pub(crate) async fn delete(write: &mut Write, id: Uuid) -> Result<()> {
    write.exec(&DELETE, args![id]).await.map(drop)
}

pub(crate) async fn queue(write: &mut Write, webhook: Uuid, event: &Envelope, now: Timestamp) -> Result<()> {
    let mut row = args![write.cx().uuid(), webhook, event.tenant, event.sequence, event.id, &event.name];
    row.extend(args![&event.subject.kind, &event.subject.id, now]);
    write.exec(&QUEUE, row).await.map(drop)
}

pub(crate) async fn heads(query: &mut impl Query, webhook: Uuid, limit: u32) -> Result<Vec<Delivery>> {
    query.all(&HEADS, args![webhook, limit]).await?.iter().map(delivery).collect()
}

pub(crate) async fn record(write: &mut Write, delivery: Uuid, it: &Record, now: Timestamp) -> Result<()> {
    let finished = (it.state != DeliveryState::Waiting).then_some(now);
    let row = args![
        delivery,
        it.state.name(),
        it.next_at,
        it.status.map(i64::from),
        &it.error,
        it.millis,
        finished
    ];
    write.exec(&RECORD, row).await.map(drop)
}

pub(crate) async fn again(write: &mut Write, webhook: Uuid, now: Timestamp) -> Result<u64> {
    write.exec(&AGAIN, args![webhook, now]).await
}

pub(crate) async fn deliveries(
    query: &mut impl Query,
    webhook: Uuid,
    state: Option<DeliveryState>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Delivery>> {
    let row = args![webhook, state.map(DeliveryState::name), before, limit];
    query.all(&DELIVERIES, row).await?.iter().map(delivery).collect()
}

pub(crate) async fn prune(write: &mut Write, before: Timestamp) -> Result<u64> {
    write.exec(&PRUNE, args![before]).await
}
