//! The outbox: events, written in the transaction of the action that they tell of, read in commit order.
//!
//! A consumer remembers one number, the sequence of the last event that it has seen. That is only right if no event
//! with a smaller number can appear later. On SQLite there is one writer, so numbers follow commits by themselves. On
//! PostgreSQL numbers are drawn before commits, and two transactions may commit in the other order; therefore the
//! outbox rows are the last thing a transaction writes, under an advisory lock that PostgreSQL holds until the commit
//! is visible. Price: commits that emit events flush one after another. Audit rows, jobs and data do not wait for it.

use sqlx::AssertSqlSafe;
use thunderline_core::{
    Contracts, Cx, Envelope, Error, Event, EventId, Result, Subject, TenantId, Timestamp,
};

use crate::{
    Db, Engine, Row, Value, args,
    engine::Tx,
    placeholders::{TOGETHER, placeholders},
};

/// The advisory lock under which outbox rows are numbered; any number that nothing else uses.
const OUTBOX_LOCK: i64 = 0x746c_6f75;

const INSERT: &str = "insert into tl_outbox
    (id, name, version, tenant, actor, subject_kind, subject_id, correlation, causation, at, payload) values ";
const COLUMNS: usize = 11;

/// Not the newest one, whose number tells where the outbox ends.
const FORGET: &str = "delete from tl_outbox where sequence in (
    select sequence from tl_outbox where at < $1
    and sequence <= (select coalesce(min(sequence), $3) from tl_cursors)
    and sequence < (select max(sequence) from tl_outbox)
    order by sequence limit $2)";

const READ: &str = "select sequence, id, name, version, tenant, actor, subject_kind, subject_id, correlation,
    causation, at, payload from tl_outbox";

/// An event on its way into the outbox.
pub(crate) struct Pending {
    cx: Cx,
    id: EventId,
    name: &'static str,
    version: u32,
    subject: Subject,
    at: Timestamp,
    payload: String,
}

impl Pending {
    /// The event, compared with its contract.
    pub(crate) fn new<E: Event>(cx: &Cx, contracts: Option<&dyn Contracts>, event: &E) -> Result<Self> {
        let payload = serde_json::to_value(event).map_err(|error| {
            Error::internal(format!("event {} cannot be written as JSON", E::NAME)).caused_by(error)
        })?;
        let contracts = contracts.ok_or_else(|| {
            Error::internal(format!("event {} was told before the contracts were known", E::NAME))
        })?;
        contracts.check(E::NAME, E::VERSION, &payload)?;
        let (subject, at, payload) = (event.subject(), cx.now(), payload.to_string());
        Ok(Self { cx: cx.clone(), id: cx.id(), name: E::NAME, version: E::VERSION, subject, at, payload })
    }

    fn columns(self) -> [Value; COLUMNS] {
        let Self { cx, id, name, version, subject, at, payload } = self;
        [
            id.into(),
            name.into(),
            version.into(),
            cx.tenant().into(),
            cx.actor().to_string().into(),
            subject.kind.into(),
            subject.id.into(),
            cx.correlation().into(),
            cx.causation().into(),
            at.into(),
            payload.into(),
        ]
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
pub(crate) async fn append(tx: &mut Tx, mut events: Vec<Pending>) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    if tx.engine() == Engine::Postgres {
        tx.one("outbox.lock", "select pg_advisory_xact_lock($1)", args![OUTBOX_LOCK]).await?;
    }
    while !events.is_empty() {
        let rest = events.split_off(events.len().min(TOGETHER));
        // Both engines number the rows in the order in which they stand there.
        let sql = format!("{INSERT}{}", placeholders(events.len(), COLUMNS));
        let row = events.into_iter().flat_map(Pending::columns).collect();
        tx.exec("outbox.insert", AssertSqlSafe(sql), row).await?;
        events = rest;
    }
    Ok(())
}

impl Db {
    /// Events after the given sequence, oldest first. The caller's own action decides who may ask.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn events(&self, after: i64, limit: u32, filter: &EventFilter) -> Result<Vec<Envelope>> {
        let mut args = args![after, limit];
        let mut sql = format!("{READ} where sequence > $1");
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

    /// How many events with one of these names, all where there are none, come after the given sequence. The caller's own action
    /// decides who may ask.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn count_events(&self, after: i64, names: &[String]) -> Result<i64> {
        let mut args = args![after];
        let mut sql = String::from("select count(*) as events from tl_outbox where sequence > $1");
        if !names.is_empty() {
            args.extend(names.iter().map(Value::from));
            let places: Vec<_> = (2..=args.len()).map(|place| format!("${place}")).collect();
            sql.push_str(&format!(" and name in ({})", places.join(", ")));
        }
        let mut tx = self.pools().begin_read(None).await?;
        let row = tx.one("outbox.count", AssertSqlSafe(sql), args).await?;
        row.map_or(Ok(0), |row| row.get("events"))
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

    /// The sequence of the oldest event that is kept; 0 while there is none.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn first_sequence(&self) -> Result<i64> {
        let mut tx = self.pools().begin_read(None).await?;
        let row = tx.one("outbox.first", "select min(sequence) as first from tl_outbox", vec![]).await?;
        row.map_or(Ok(None), |row| row.get::<Option<i64>>("first")).map(Option::unwrap_or_default)
    }

    /// One event by its id. The caller's own action decides who may ask.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn event(&self, id: EventId) -> Result<Option<Envelope>> {
        let mut tx = self.pools().begin_read(None).await?;
        let row = tx.one("outbox.by_id", AssertSqlSafe(format!("{READ} where id = $1")), args![id]).await?;
        row.as_ref().map(envelope).transpose()
    }

    /// Forgets up to `most` events that happened before a time and that every registered consumer has passed; never the
    /// newest one. Gives how many. The caller's own rule decides how long they are kept.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn forget_events(&self, before: Timestamp, most: u32) -> Result<u64> {
        let mut tx = self.pools().begin_write(None).await?;
        let forgotten = tx.exec("outbox.forget", FORGET, args![before, most, i64::MAX]).await?;
        tx.commit().await?;
        Ok(forgotten)
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
