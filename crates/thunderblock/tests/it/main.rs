//! What keeps the system itself, on both engines.

mod jobs;
mod registry;
mod schedules;

use serde::{Deserialize, Serialize};
use thunderblock::Block;
use thunderline_core::{Job, Result};
use thunderline_store::tables_of;
use thunderline_testkit::{MigrationSet, TestDb, both};

const MIGRATIONS: &[MigrationSet] = &[thunderblock::MIGRATIONS];

/// A kind of job that some other domain might have.
#[derive(Serialize, Deserialize)]
struct Tidy {
    room: String,
}

impl Job for Tidy {
    const NAME: &'static str = "t.room.tidy";
    fn key(&self) -> String {
        self.room.clone()
    }
}

fn block(t: &TestDb) -> Block {
    Block::new(t.db().clone()).with_jobs([Tidy::NAME])
}

both!(every_statement_is_understood, async |t: TestDb| {
    t.db().prepare_all(&thunderblock::statements()).await?;
});

#[test]
fn every_statement_stays_in_its_own_tables() {
    for statement in thunderblock::statements() {
        let tables = tables_of(statement.sql);
        assert!(!tables.is_empty(), "{} names no table", statement.name);
        assert!(tables.iter().all(|table| table.starts_with("block_")), "{}: {tables:?}", statement.name);
    }
}
