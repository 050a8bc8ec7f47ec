//! Assertions about what a write left behind. They panic with what was found.

use std::fmt::Display;

use thunderline_core::{Envelope, Event};
use thunderline_store::{
    AuditEntry, AuditFilter, EventFilter, JobEntry, JobFilter, JobState, MigrationSet, Outcome, Stmt,
    tables_of,
};

use crate::TestDb;

/// More rows than any test leaves.
const ALL: u32 = 100_000;

impl TestDb {
    /// All events, oldest first.
    pub async fn events(&self) -> Vec<Envelope> {
        self.db().events(0, ALL, &EventFilter::default()).await.expect("events can be read")
    }

    /// The payloads of all events of one kind, oldest first.
    pub async fn events_of<E: Event>(&self) -> Vec<E> {
        let events = self.db().events(0, ALL, &EventFilter::named(&[E::NAME])).await;
        let events = events.expect("events can be read");
        events.iter().map(|event| event.decode().expect("a payload fits its contract")).collect()
    }

    /// The whole audit, newest first.
    pub async fn audit(&self) -> Vec<AuditEntry> {
        self.db().audit(&AuditFilter::default(), ALL).await.expect("the audit can be read")
    }

    /// Jobs in a state (`available`, `running`, …).
    pub async fn jobs(&self, state: &str) -> Vec<JobEntry> {
        let state = JobState::named(state).unwrap_or_else(|| panic!("jobs are never {state}"));
        let filter = JobFilter { state: Some(state), ..JobFilter::default() };
        self.db().jobs().list(&filter, ALL).await.expect("jobs can be read")
    }

    /// The outbox holds exactly events of these names, in this order.
    pub async fn assert_events<const N: usize>(&self, names: [&str; N]) {
        let found: Vec<_> = self.events().await.into_iter().map(|event| event.name).collect();
        assert_eq!(found, names, "events in the outbox");
    }

    /// The audit says that this action was done to this thing.
    pub async fn assert_audited(&self, action: &str, subject_id: impl Display) {
        let (audit, id) = (self.audit().await, subject_id.to_string());
        let found = audit
            .iter()
            .any(|row| row.action == action && row.subject.id == id && row.outcome == Outcome::Done);
        assert!(found, "no audit row says that {action} was done to {id}: {audit:#?}");
    }

    /// The audit says that this action was refused.
    pub async fn assert_denied(&self, action: &str) {
        let audit = self.audit().await;
        let found = audit.iter().any(|row| row.action == action && row.outcome == Outcome::Denied);
        assert!(found, "no audit row says that {action} was refused: {audit:#?}");
    }

    /// Exactly jobs of these names wait, in whatever order.
    pub async fn assert_jobs<const N: usize>(&self, names: [&str; N]) {
        let mut found: Vec<_> = self.jobs("available").await.into_iter().map(|job| job.name).collect();
        let mut wanted = names.map(str::to_owned);
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "jobs that wait");
    }

    /// The engine accepts every statement, and all of them touch only tables with the domain's prefix (`fl_`).
    pub async fn assert_statements(&self, prefix: &str, statements: &[&Stmt]) {
        for statement in statements {
            assert_own_tables(prefix, statement.name, statement.sql);
        }
        self.db().prepare_all(statements).await.unwrap_or_else(|error| panic!("{}", error.chain()));
    }

    /// The migrations touch only tables with the domain's prefix.
    pub fn assert_migrations(&self, prefix: &str, migrations: MigrationSet) {
        for migration in migrations {
            assert_own_tables(prefix, migration.name, &migration.sql(self.engine()));
        }
    }
}

fn assert_own_tables(prefix: &str, what: &str, sql: &str) {
    for table in tables_of(sql) {
        assert!(table.starts_with(prefix), "{what} touches {table}, which is not of {prefix}*");
    }
}
