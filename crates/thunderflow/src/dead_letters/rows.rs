//! Table `flow_dead_letters`.

use std::collections::HashSet;

use thunderline_core::{Envelope, Error, EventId, Result, Subject, TenantId, Timestamp};
use thunderline_store::{Failure, Letter, Query, Row, Stmt, Write, args};
use uuid::Uuid;

/// The class of letters that only wait behind another one.
pub const HELD: &str = "held";
/// Letters handed over at once.
const DUE_AT_ONCE: u32 = 256;
/// Characters of an error's text that are kept.
const REASON: usize = 2_000;

pub(crate) const STATEMENTS: &[&Stmt] = &[
    &ADD,
    &THINGS,
    &DUE,
    &HANDLED,
    &FAILED,
    &WAIT_BEHIND,
    &LIST,
    &BY_ID,
    &MAKE_DUE,
    &MAKE_ALL_DUE,
    &DROP,
    &BLOCKING,
    &COUNTS,
    &PRUNE,
];

/// The same event may be given up again after its consumer was set back.
const ADD: Stmt = Stmt::new(
    "flow.dead_letters.add",
    "insert into flow_dead_letters (id, tenant, consumer, pipeline, sequence, event_id, event_name, subject_kind,
        subject_id, event, state, attempts, class, reason, created_at, failed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting', $11, $12, $13, $14, $15)
     on conflict (consumer, sequence) do update set state = 'waiting', finished_at = null,
        attempts = flow_dead_letters.attempts + excluded.attempts, failed_at = excluded.failed_at,
        class = case when excluded.class = 'held' then flow_dead_letters.class else excluded.class end,
        reason = case when excluded.class = 'held' then flow_dead_letters.reason else excluded.reason end
     returning id",
);
const THINGS: Stmt = Stmt::new(
    "flow.dead_letters.things",
    "select distinct tenant, subject_kind, subject_id from flow_dead_letters
     where consumer = $1 and state in ('waiting', 'due')",
);
const DUE: Stmt = Stmt::new(
    "flow.dead_letters.due",
    "select id, event from flow_dead_letters where consumer = $1 and state = 'due' order by sequence limit $2",
);
const HANDLED: Stmt = Stmt::new(
    "flow.dead_letters.handled",
    "update flow_dead_letters set state = 'replayed', finished_at = $2 where id = $1 and state = 'due'
     returning consumer, event_id",
);
const FAILED: Stmt = Stmt::new(
    "flow.dead_letters.failed",
    "update flow_dead_letters set state = 'waiting', attempts = attempts + 1, class = $2, reason = $3, failed_at = $4
     where id = $1 and state = 'due' returning consumer, tenant, subject_kind, subject_id, sequence",
);
const WAIT_BEHIND: Stmt = Stmt::new(
    "flow.dead_letters.wait_behind",
    "update flow_dead_letters set state = 'waiting'
     where consumer = $1 and tenant = $2 and subject_kind = $3 and subject_id = $4 and sequence > $5 and state = 'due'",
);
const LIST: Stmt = Stmt::new(
    "flow.dead_letters.list",
    "select * from flow_dead_letters
     where tenant = $1 and (consumer = $2 or $2 is null) and (state = $3 or $3 is null)
        and (created_at < $4 or $4 is null)
     order by created_at desc, sequence desc limit $5",
);
const BY_ID: Stmt =
    Stmt::new("flow.dead_letters.by_id", "select * from flow_dead_letters where id = $1 and tenant = $2");
const MAKE_DUE: Stmt = Stmt::new(
    "flow.dead_letters.make_due",
    "update flow_dead_letters set state = 'due'
     where consumer = $1 and tenant = $2 and subject_kind = $3 and subject_id = $4 and state = 'waiting'",
);
const MAKE_ALL_DUE: Stmt = Stmt::new(
    "flow.dead_letters.make_all_due",
    "update flow_dead_letters set state = 'due'
     where tenant = $1 and (consumer = $2 or $2 is null) and state = 'waiting'",
);
const DROP: Stmt = Stmt::new(
    "flow.dead_letters.drop",
    "update flow_dead_letters set state = 'dropped', finished_at = $2 where id = $1 and state in ('waiting', 'due')",
);
const BLOCKING: Stmt = Stmt::new(
    "flow.dead_letters.blocking",
    "select count(*) as n from flow_dead_letters
     where consumer = $1 and tenant = $2 and subject_kind = $3 and subject_id = $4
        and state in ('waiting', 'due') and class <> 'held'",
);
const COUNTS: Stmt = Stmt::new(
    "flow.dead_letters.counts",
    "select consumer, count(*) as n from flow_dead_letters where state in ('waiting', 'due') group by consumer",
);
const PRUNE: Stmt =
    Stmt::new("flow.dead_letters.prune", "delete from flow_dead_letters where finished_at < $1");

/// What is to become of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterState {
    /// Nobody has decided yet.
    Waiting,
    /// It is tried again as soon as its consumer comes to it.
    Due,
    /// It was handled after all.
    Replayed,
    /// It will not be handled.
    Dropped,
}

impl LetterState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Due, Self::Replayed, Self::Dropped];

    /// The name in tables and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Due => "due",
            Self::Replayed => "replayed",
            Self::Dropped => "dropped",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// An event that a consumer gave up.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The letter's id.
    pub id: Uuid,
    /// Whose event.
    pub tenant: TenantId,
    /// Who gave it up.
    pub consumer: String,
    /// The consumer's pipeline.
    pub pipeline: String,
    /// The event.
    pub event: Envelope,
    /// What is to become of it.
    pub state: LetterState,
    /// How often it was tried; 0: it only waits behind another letter.
    pub attempts: u32,
    /// The class of the last error; `held` where it only waits.
    pub class: String,
    /// The last error.
    pub reason: String,
    /// When it failed for the first time.
    pub created_at: Timestamp,
    /// When it failed for the last time.
    pub failed_at: Timestamp,
    /// When it was replayed or dropped.
    pub finished_at: Option<Timestamp>,
}

fn from_row(row: &Row) -> Result<DeadLetter> {
    let state: String = row.get("state")?;
    Ok(DeadLetter {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        consumer: row.get("consumer")?,
        pipeline: row.get("pipeline")?,
        event: envelope(row)?,
        state: LetterState::named(&state)
            .ok_or_else(|| Error::internal(format!("dead letter state '{state}' is unknown")))?,
        attempts: row.get("attempts")?,
        class: row.get("class")?,
        reason: row.get("reason")?,
        created_at: row.get("created_at")?,
        failed_at: row.get("failed_at")?,
        finished_at: row.get("finished_at")?,
    })
}

fn envelope(row: &Row) -> Result<Envelope> {
    serde_json::from_str(&row.get::<String>("event")?)
        .map_err(|error| Error::internal("a dead letter's event cannot be read").caused_by(error))
}

pub(crate) async fn held(query: &mut impl Query, consumer: &str) -> Result<HashSet<(TenantId, Subject)>> {
    let rows = query.all(&THINGS, args![consumer]).await?;
    rows.iter()
        .map(|row| {
            let subject = Subject { kind: row.get("subject_kind")?, id: row.get("subject_id")? };
            Ok((row.get("tenant")?, subject))
        })
        .collect()
}

/// Gives the letter's id; a letter of an event that had been given up before keeps its own.
pub(crate) async fn add(write: &mut Write, letter: &Letter<'_>) -> Result<Uuid> {
    let (cx, event) = (write.cx().clone(), letter.event);
    let text = serde_json::to_string(event).expect("an envelope is plain data");
    let (attempts, class, reason, first_at) = match letter.failure {
        Some(failure) => {
            (failure.attempts, failure.class.name(), shortened(&failure.reason), failure.first_at)
        }
        None => (0, HELD, "waits behind an earlier event about the same thing".to_owned(), cx.now()),
    };
    let mut row = args![
        cx.uuid(),
        event.tenant,
        letter.consumer,
        letter.pipeline,
        event.sequence,
        event.id,
        &event.name
    ];
    row.extend(args![&event.subject.kind, &event.subject.id, text]);
    row.extend(args![attempts, class, reason, first_at, cx.now()]);
    let added = write.one(&ADD, row).await?;
    added.ok_or_else(|| Error::internal("a dead letter was not kept"))?.get("id")
}

pub(crate) async fn due(query: &mut impl Query, consumer: &str) -> Result<Vec<(Uuid, Envelope)>> {
    let rows = query.all(&DUE, args![consumer, DUE_AT_ONCE]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, envelope(row)?))).collect()
}

/// The consumer and the event, where the letter was due.
pub(crate) async fn handled(
    write: &mut Write,
    id: Uuid,
    now: Timestamp,
) -> Result<Option<(String, EventId)>> {
    let row = write.one(&HANDLED, args![id, now]).await?;
    row.map(|row| Ok((row.get("consumer")?, row.get("event_id")?))).transpose()
}

pub(crate) async fn failed(write: &mut Write, id: Uuid, failure: &Failure, now: Timestamp) -> Result<()> {
    let row = args![id, failure.class.name(), shortened(&failure.reason), now];
    let Some(row) = write.one(&FAILED, row).await? else { return Ok(()) };
    let (tenant, consumer): (TenantId, String) = (row.get("tenant")?, row.get("consumer")?);
    let (kind, thing): (String, String) = (row.get("subject_kind")?, row.get("subject_id")?);
    let behind = args![consumer, tenant, kind, thing, row.get::<i64>("sequence")?];
    write.exec(&WAIT_BEHIND, behind).await.map(drop)
}

pub(crate) async fn list(
    query: &mut impl Query,
    tenant: TenantId,
    consumer: Option<&str>,
    state: Option<LetterState>,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<DeadLetter>> {
    let row = args![tenant, consumer, state.map(LetterState::name), before, limit];
    query.all(&LIST, row).await?.iter().map(from_row).collect()
}

pub(crate) async fn by_id(query: &mut impl Query, id: Uuid, tenant: TenantId) -> Result<DeadLetter> {
    let row = query.one(&BY_ID, args![id, tenant]).await?;
    from_row(&row.ok_or_else(|| Error::not_found(format_args!("dead letter {id}")))?)
}

/// Makes all waiting letters of one consumer about one thing due; gives how many.
pub(crate) async fn make_due(write: &mut Write, letter: &DeadLetter) -> Result<u64> {
    write.exec(&MAKE_DUE, thing(letter)).await
}

pub(crate) async fn make_all_due(write: &mut Write, tenant: TenantId, consumer: Option<&str>) -> Result<u64> {
    write.exec(&MAKE_ALL_DUE, args![tenant, consumer]).await
}

/// False where it was replayed or dropped before.
pub(crate) async fn drop_letter(write: &mut Write, id: Uuid, now: Timestamp) -> Result<bool> {
    Ok(write.exec(&DROP, args![id, now]).await? == 1)
}

/// True where a letter about the same thing is left that failed by itself.
pub(crate) async fn is_blocked(write: &mut Write, letter: &DeadLetter) -> Result<bool> {
    let row = write.one(&BLOCKING, thing(letter)).await?;
    Ok(row.map_or(Ok(0), |row| row.get::<i64>("n"))? > 0)
}

/// How many letters of each consumer are neither replayed nor dropped.
pub(crate) async fn counts(query: &mut impl Query) -> Result<Vec<(String, i64)>> {
    let rows = query.all(&COUNTS, args![]).await?;
    rows.iter().map(|row| Ok((row.get("consumer")?, row.get("n")?))).collect()
}

pub(crate) async fn prune(write: &mut Write, before: Timestamp) -> Result<u64> {
    write.exec(&PRUNE, args![before]).await
}

fn thing(letter: &DeadLetter) -> Vec<thunderline_store::Value> {
    let subject = &letter.event.subject;
    args![&letter.consumer, letter.tenant, &subject.kind, &subject.id]
}

fn shortened(text: &str) -> String {
    text.chars().take(REASON).collect()
}
