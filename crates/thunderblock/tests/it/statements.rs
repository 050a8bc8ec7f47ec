//! The domain's SQL: understood by both engines, and confined to its own tables.

use thunderline_store::tables_of;
use thunderline_testkit::{TestDb, both};

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
