//! The outbox: events, written in the transaction of the action that they tell of, read in commit order.
//!
//! A consumer remembers one number, the sequence of the last event that it has seen. That is only right if no event
//! with a smaller number can appear later. On SQLite there is one writer, so numbers follow commits by themselves. On
//! PostgreSQL numbers are drawn before commits, and two transactions may commit in the other order; therefore the
//! outbox rows are the last thing a transaction writes, under an advisory lock that PostgreSQL holds until the commit
//! is visible. Price: commits that emit events flush one after another. Audit rows, jobs and data do not wait for it.

use sqlx::AssertSqlSafe;
use thunderline_core::{Cx, Envelope, Event, EventId, Result, Subject, TenantId, Timestamp};

use crate::{Db, Engine, Row, Value, args, engine::Tx};

/// The advisory lock under which outbox rows are numbered; any number that nothing else uses.
const OUTBOX_LOCK: i64 = 0x746c_6f75;

const INSERT: &str = "insert into tl_outbox
    (id, name, version, tenant, actor, subject_kind, subject_id, correlation, causation, at, payload)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

const ADVANCE: &str = "insert into tl_cursors (consumer, sequence, at) values ($1, $2, $3)
    on conflict (consumer) do update set sequence = excluded.sequence, at = excluded.at
    where tl_cursors.sequence < excluded.sequence";

/// An event on its way into the outbox.
pub(crate) struct Pending {
    id: EventId,
    name: &'static str,
    version: u32,
    subject: Subject,
    at: Timestamp,
    payload: String,
}

impl Pending {
    pub(crate) fn new<E: Event>(cx: &Cx, event: &E) -> Result<Self, serde_json::Error> {
        let payload = serde_json::to_string(event)?;
        let (subject, at) = (event.subject(), cx.now());
        Ok(Self { id: cx.id(), name: E::NAME, version: E::VERSION, subject, at, payload })
    }
}

/// Which events to read; what is empty or `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// With one of these names.
    pub names: Vec<String>,
    /// About this thing.
    pub subject: Option<Subject>,
    /// Of this tenant.
    pub tenant: Option<TenantId>,
}

impl EventFilter {
    /// Events with one of these names.
    #[must_use]
    pub fn named(names: &[&str]) -> Self {
        Self { names: names.iter().map(|&name| name.to_owned()).collect(), ..Self::default() }
    }

    /// Events about one thing.
    #[must_use]
    pub fn about(subject: Subject) -> Self {
        Self { subject: Some(subject), ..Self::default() }
    }
}

/// Must be the last thing before the commit: see the module's text.
pub(crate) async fn append(tx: &mut Tx, cx: &Cx, events: Vec<Pending>) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    if tx.engine() == Engine::Postgres {
        tx.one("outbox.lock", "select pg_advisory_xact_lock($1)", args![OUTBOX_LOCK]).await?;
    }
    for event in events {
        let row = args![
            event.id,
            event.name,
            event.version,
            cx.tenant(),
            cx.actor().to_string(),
            event.subject.kind,
            event.subject.id,
            cx.correlation(),
            cx.causation(),
            event.at,
            event.payload
        ];
        tx.exec("outbox.insert", INSERT, row).await?;
    }
    Ok(())
}

/// Moves a consumer's cursor forward; false where it stands there or further already.
pub(crate) async fn advance(tx: &mut Tx, cx: &Cx, consumer: &str, sequence: i64) -> Result<bool> {
    Ok(tx.exec("cursor.advance", ADVANCE, args![consumer, sequence, cx.now()]).await? == 1)
}

impl Db {
    /// Events after the given sequence, oldest first. The caller's own action decides who may ask.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn events(&self, after: i64, limit: u32, filter: &EventFilter) -> Result<Vec<Envelope>> {
        let mut args = args![after, limit];
        let mut sql = String::from(
            "select sequence, id, name, version, tenant, actor, subject_kind, subject_id, correlation, causation, \
             at, payload from tl_outbox where sequence > $1",
        );
        let mut bind = |value: Value| {
            args.push(value);
            format!("${}", args.len())
        };
        if !filter.names.is_empty() {
            let names = filter.names.iter().map(|name| bind(name.into())).collect::<Vec<_>>().join(", ");
            sql.push_str(&format!(" and name in ({names})"));
        }
        if let Some(subject) = &filter.subject {
            let (kind, id) = (bind((&subject.kind).into()), bind((&subject.id).into()));
            sql.push_str(&format!(" and subject_kind = {kind} and subject_id = {id}"));
        }
        if let Some(tenant) = filter.tenant {
            sql.push_str(&format!(" and tenant = {}", bind(tenant.into())));
        }
        sql.push_str(" order by sequence limit $2");
        let mut tx = self.pools().begin_read(None).await?;
        let rows = tx.all("outbox.read", AssertSqlSafe(sql), args).await?;
        rows.iter().map(envelope).collect()
    }

    /// The sequence of the newest event; 0 while there is none.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn last_sequence(&self) -> Result<i64> {
        let mut tx = self.pools().begin_read(None).await?;
        let row = tx.one("outbox.last", "select max(sequence) as last from tl_outbox", vec![]).await?;
        row.map_or(Ok(None), |row| row.get::<Option<i64>>("last")).map(Option::unwrap_or_default)
    }

    /// How far a consumer has come; 0 before its first event.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn cursor(&self, consumer: &str) -> Result<i64> {
        let mut tx = self.pools().begin_read(None).await?;
        let sql = "select sequence from tl_cursors where consumer = $1";
        let row = tx.one("cursor.read", sql, args![consumer]).await?;
        row.map_or(Ok(0), |row| row.get("sequence"))
    }
}

fn envelope(row: &Row) -> Result<Envelope> {
    Ok(Envelope {
        sequence: row.get("sequence")?,
        id: row.get("id")?,
        name: row.get("name")?,
        version: row.get("version")?,
        tenant: row.get("tenant")?,
        actor: row.get("actor")?,
        subject: Subject { kind: row.get("subject_kind")?, id: row.get("subject_id")? },
        correlation: row.get("correlation")?,
        causation: row.get("causation")?,
        time: row.get("at")?,
        payload: row.get("payload")?,
    })
}
