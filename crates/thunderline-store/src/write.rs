//! Writing: data, audit row, events and jobs in one transaction, or nothing.

use thunderline_core::{
    Action, Cx, Decision, Error, Event, Job, Result, Subject, Timestamp,
    seams::{Bug, planted},
};

use crate::{
    Db, Engine, NamedJob, Row, Stmt, Value, advisory, args,
    audit::{self, Outcome},
    cursors,
    engine::Tx,
    jobs::{enqueue, fence},
    listen, outbox, signals,
};

/// A writing transaction whose action the policy has allowed: holding one proves it. Dropping it rolls back.
///
/// Isolation: on SQLite there is one writer at a time. On PostgreSQL the transaction is *read committed*: whoever
/// decides on what it has read first takes [`Write::lock`] on the thing that it decides about, or compares again in the
/// update's `where` and reads the number of changed rows.
///
/// The only way to get one is [`Db::write`]:
/// ```compile_fail
/// # fn forge(db: thunderline_store::Db) -> thunderline_store::Write {
/// thunderline_store::Write { db }
/// # }
/// ```
#[must_use = "dropping it rolls everything back; commit it"]
pub struct Write {
    db: Db,
    tx: Tx,
    cx: Cx,
    action: Action,
    decision: Decision,
    events: Vec<outbox::Pending>,
    jobs: Vec<enqueue::Pending>,
    wakes: Vec<String>,
    key: Option<String>,
    outcome: String,
    completes_job: bool,
    failed: Option<Error>,
}

const CLAIM_KEY: &str = "insert into tl_idempotency (tenant, actor, action, key, digest, outcome, at)
    values ($1, $2, $3, $4, $5, '', $6) on conflict do nothing";
const EARLIER: &str = "select digest, outcome from tl_idempotency
    where tenant = $1 and actor = $2 and action = $3 and key = $4";
const KEEP_OUTCOME: &str = "update tl_idempotency set outcome = $5
    where tenant = $1 and actor = $2 and action = $3 and key = $4";

impl Write {
    pub(crate) fn new(db: Db, tx: Tx, cx: Cx, action: Action, decision: Decision) -> Self {
        let (events, jobs, wakes) = (Vec::new(), Vec::new(), Vec::new());
        let (key, outcome, failed) = (None, String::new(), None);
        let completes_job = false;
        Self { db, tx, cx, action, decision, events, jobs, wakes, key, outcome, completes_job, failed }
    }

    /// The context of the call that this transaction belongs to.
    #[must_use]
    pub fn cx(&self) -> &Cx {
        &self.cx
    }

    /// Runs a statement and returns the number of rows it changed.
    ///
    /// # Errors
    /// `conflict` where something with the same key exists or somebody else was first; `unavailable`; `internal`.
    pub async fn exec(&mut self, statement: &Stmt, args: Vec<Value>) -> Result<u64> {
        self.tx.exec(statement.name, statement.sql, args).await
    }

    /// Runs a statement and returns its rows.
    ///
    /// # Errors
    /// As [`Write::exec`].
    pub async fn all(&mut self, statement: &Stmt, args: Vec<Value>) -> Result<Vec<Row>> {
        self.tx.all(statement.name, statement.sql, args).await
    }

    /// Runs a statement that gives at most one row.
    ///
    /// # Errors
    /// As [`Write::exec`], and `internal` for more than one row.
    pub async fn one(&mut self, statement: &Stmt, args: Vec<Value>) -> Result<Option<Row>> {
        self.tx.one(statement.name, statement.sql, args).await
    }

    /// Waits until no other transaction holds this key and keeps it until the end of this one. Makes decisions about
    /// one thing (`federation:ID`) happen one after another on PostgreSQL; on SQLite they do anyway.
    ///
    /// # Errors
    /// `unavailable` after a wait of seconds; `conflict` where two transactions wait for each other.
    pub async fn lock(&mut self, key: &str) -> Result<()> {
        if self.tx.engine() == Engine::Sqlite {
            return Ok(());
        }
        self.tx
            .one("write.lock", "select pg_advisory_xact_lock($1)", args![advisory::number(key)])
            .await
            .map(drop)
    }

    /// Goes on for another cause: what is told and asked for from now on belongs to this context. The tenant stays the
    /// same; the audit row of [`Write::commit`] tells of the newest context.
    ///
    /// # Errors
    /// `internal` for another tenant: a transaction belongs to one.
    pub fn go_on_for(&mut self, cx: &Cx) -> Result<()> {
        if cx.tenant() != self.cx.tenant() {
            return Err(Error::internal("a transaction belongs to one tenant"));
        }
        self.cx = match self.cx.attempt() {
            Some(attempt) => cx.in_attempt(attempt.clone()),
            None => cx.clone(),
        };
        Ok(())
    }

    /// Tells a fact. It is stored by [`Write::commit`], which also reports an event without a contract and a payload
    /// that does not fit it: nothing is committed then.
    pub fn emit<E: Event>(&mut self, event: &E) {
        match outbox::Pending::new(&self.cx, self.db.contracts(), event) {
            Ok(event) => self.events.push(event),
            Err(error) => {
                self.failed.get_or_insert(error);
            }
        }
    }

    /// Asks for work to be done as soon as this is committed. Where the same job waits already, it stays one job.
    pub fn enqueue<J: Job>(&mut self, job: &J) {
        let now = self.cx.now();
        self.enqueue_at(job, now);
    }

    /// Asks for work to be done at a time. Where the same job waits already, the earlier of both times counts.
    pub fn enqueue_at<J: Job>(&mut self, job: &J, run_at: Timestamp) {
        match enqueue::Pending::new(&self.cx, job, run_at) {
            Ok(job) => self.jobs.push(job),
            Err(error) => self.fail(J::NAME, error),
        }
    }

    /// Asks for work whose kind is known by name only. Where the same job waits already, the earlier of both times counts.
    pub fn enqueue_named(&mut self, job: NamedJob) {
        self.jobs.push(enqueue::Pending::named(&self.cx, job));
    }

    /// Completes the job whose handler this transaction belongs to, together with all that it writes: then the effect
    /// happens exactly once, whatever becomes of the worker. A handler commits nothing after this.
    pub fn complete_job(&mut self) {
        self.completes_job = true;
    }

    /// Wakes, after the commit, those who wait for this key.
    pub fn wake(&mut self, key: &str) {
        self.wakes.push(key.to_owned());
    }

    /// Makes a repeated request harmless: `None` the first time; afterwards the outcome that was kept, and this
    /// transaction is to be dropped. Keys belong to tenant, caller and action.
    ///
    /// # Errors
    /// `invalid` where the key was used for a request with another digest.
    pub async fn claim_key(&mut self, key: &str, request_digest: &str) -> Result<Option<String>> {
        let mut row = self.key_columns(key);
        row.extend(args![request_digest, self.cx.now()]);
        if self.tx.exec("idempotency.claim", CLAIM_KEY, row).await? == 1 {
            self.key = Some(key.to_owned());
            return Ok(None);
        }
        if planted(Bug::SkipIdempotency) {
            return Ok(None);
        }
        let Some(earlier) = self.tx.one("idempotency.earlier", EARLIER, self.key_columns(key)).await? else {
            return Err(Error::conflict("the idempotency key was removed just now; try again"));
        };
        if earlier.get::<String>("digest")? != request_digest {
            let reason = "this key was used for another request";
            return Err(Error::invalid_value("idempotency key", reason, "a fresh key for each request"));
        }
        earlier.get("outcome").map(Some)
    }

    /// What a repetition of this request shall be answered; does nothing where no key was claimed.
    pub fn keep_outcome(&mut self, outcome: String) {
        self.outcome = outcome;
    }

    /// Moves a consumer's cursor over the outbox forward, in the same transaction as what it made of the event.
    ///
    /// # Errors
    /// `conflict` where the cursor stands there or further already: somebody else has handled that event.
    pub async fn advance_cursor(&mut self, consumer: &str, sequence: i64) -> Result<()> {
        if cursors::advance(&mut self.tx, &self.cx, consumer, sequence).await? {
            return Ok(());
        }
        Err(Error::conflict(format!("{consumer} has handled event {sequence} already")))
    }

    /// Moves a consumer's cursor from where it stands, in the same transaction as what it made of the events between. Until
    /// the end of the transaction nobody else moves it.
    ///
    /// # Errors
    /// `conflict` where it stands elsewhere: somebody else has handled those events, or it was set back.
    pub async fn move_cursor(&mut self, consumer: &str, from: i64, to: i64) -> Result<()> {
        if cursors::shift(&mut self.tx, &self.cx, consumer, from, to).await? {
            return Ok(());
        }
        Err(Error::conflict(format!("the cursor of {consumer} is not at {from} any more")))
    }

    /// Puts a consumer's cursor somewhere else, also back. Gives where it stood.
    ///
    /// # Errors
    /// `not_found` where there is no such consumer.
    pub async fn set_cursor(&mut self, consumer: &str, sequence: i64) -> Result<i64> {
        let before = cursors::hold(&mut self.tx, consumer).await?;
        cursors::shift(&mut self.tx, &self.cx, consumer, before, sequence).await?;
        Ok(before)
    }

    /// Waits until nobody moves a consumer's cursor, and keeps it still until the end of the transaction.
    ///
    /// # Errors
    /// `not_found` where there is no such consumer.
    pub async fn hold_cursor(&mut self, consumer: &str) -> Result<i64> {
        cursors::hold(&mut self.tx, consumer).await
    }

    /// Forgets a consumer that is no more: events are not kept for it any longer. One that runs registers itself again
    /// and begins with the oldest event that is kept.
    ///
    /// # Errors
    /// `not_found` where there is no such consumer.
    pub async fn forget_cursor(&mut self, consumer: &str) -> Result<()> {
        cursors::hold(&mut self.tx, consumer).await?;
        cursors::forget(&mut self.tx, consumer).await
    }

    /// Commits data, audit row, events and jobs together, and then sends the wake-ups.
    ///
    /// # Errors
    /// As [`Write::exec`], and `conflict` where the caller is a job's handler that lost its job; nothing is committed then.
    pub async fn commit(mut self, subject: &Subject) -> Result<()> {
        let (action, rule) = (self.action.name, &self.decision.rule);
        audit::insert(&mut self.tx, &self.cx, action, rule, subject, Outcome::Done).await?;
        self.finish().await
    }

    /// Commits without an audit row: for what is derived from facts that are audited already (projections, cursors) or
    /// is no decision of anybody (heartbeats).
    ///
    /// # Errors
    /// As [`Write::commit`].
    pub async fn commit_derived(self) -> Result<()> {
        self.finish().await
    }

    async fn finish(mut self) -> Result<()> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let Some(key) = self.key.take() {
            let mut row = self.key_columns(&key);
            row.extend(args![std::mem::take(&mut self.outcome)]);
            self.tx.exec("idempotency.keep", KEEP_OUTCOME, row).await?;
        }
        if !self.jobs.is_empty() || self.completes_job {
            self.wakes.push(signals::JOBS.to_owned());
        }
        if !self.events.is_empty() {
            self.wakes.push(signals::EVENTS.to_owned());
        }
        self.wakes.sort_unstable();
        self.wakes.dedup();
        let attempt = self.cx.attempt().cloned();
        match &attempt {
            Some(attempt) if self.completes_job => fence::complete(&mut self.tx, &self.cx, attempt).await?,
            Some(attempt) => fence::check(&mut self.tx, attempt).await?,
            None if self.completes_job => return Err(Error::internal("no job is there to be completed")),
            None => {}
        }
        enqueue::insert(&mut self.tx, self.jobs).await?;
        if self.tx.engine() == Engine::Postgres {
            listen::announce(&mut self.tx, &self.wakes).await?;
        }
        if planted(Bug::EventsApart) {
            self.tx.commit().await?;
            self.tx = self.db.pools().begin_write(Some(self.cx.tenant())).await?;
        }
        outbox::append(&mut self.tx, self.events).await?;
        let committed = self.tx.commit().await;
        if !planted(Bug::AcknowledgeEarly) {
            committed?;
        }
        if let Some(attempt) = attempt.filter(|_| self.completes_job) {
            attempt.set_completed();
        }
        for key in &self.wakes {
            self.db.signals().notify(key);
        }
        Ok(())
    }

    pub(crate) fn tx(&mut self) -> &mut Tx {
        &mut self.tx
    }

    /// Runs a statement over the store's own tables.
    pub(crate) async fn store(
        &mut self,
        name: &'static str,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<u64> {
        self.tx.exec(name, sql, args).await
    }

    fn key_columns(&self, key: &str) -> Vec<Value> {
        args![self.cx.tenant(), self.cx.actor().to_string(), self.action.name, key]
    }

    fn fail(&mut self, what: &str, error: serde_json::Error) {
        let failure = Error::internal(format!("{what} cannot be written as JSON")).caused_by(error);
        self.failed.get_or_insert(failure);
    }
}
