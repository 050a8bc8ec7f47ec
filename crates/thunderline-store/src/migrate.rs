//! Forward-only migrations.
//!
//! Each crate with tables hands in its own list; a list is one linear history. The ledger `tl_migrations` remembers
//! what was applied with a checksum of its text. Start is refused where ledger and program disagree: an applied file
//! was edited, one is missing between applied ones, or the database is newer than the program. All that is pending is
//! applied in one transaction, under a lock, so that many processes may start at once.

use std::collections::BTreeMap;

use thunderline_core::{Cx, Error, Result, Sha256};

use crate::{Db, Engine, args, engine::Tx};

/// One step of the schema's history.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Unique in the whole program; each crate has its own range (the store's is below 1000).
    pub version: i64,
    /// What it does, for messages and the ledger.
    pub name: &'static str,
    /// The SQL for SQLite.
    pub sqlite: &'static str,
    /// The SQL for PostgreSQL.
    pub postgres: &'static str,
}

/// A crate's migrations, oldest first.
pub type MigrationSet = &'static [Migration];

/// The store's own tables, `tl_*`. Applied before all others without being named.
pub const STORE_MIGRATIONS: MigrationSet = &[
    Migration::portable(1, "store", include_str!("../migrations/0001_store.sql")),
    Migration::portable(2, "jobs", include_str!("../migrations/0002_jobs.sql")),
    Migration::portable(3, "consumers", include_str!("../migrations/0003_consumers.sql")),
];

const LEDGER: &str = "create table if not exists tl_migrations (
    version bigint primary key, name text not null, checksum text not null, applied_at bigint not null)";

/// The advisory lock that migrating processes take in turn on PostgreSQL; any number that nothing else uses.
const MIGRATION_LOCK: i64 = 0x746c_6d69;

impl Migration {
    /// One text for both engines, with pseudo-types where they differ: `{uuid}`, `{bytes}`, `{json}`, and `{autoid}`
    /// for a primary key that the database counts up.
    #[must_use]
    pub const fn portable(version: i64, name: &'static str, sql: &'static str) -> Self {
        Self { version, name, sqlite: sql, postgres: sql }
    }

    /// The text as the engine gets it.
    #[must_use]
    pub fn sql(&self, engine: Engine) -> String {
        let (text, uuid, bytes, autoid) = match engine {
            Engine::Sqlite => (self.sqlite, "blob", "blob", "integer primary key autoincrement"),
            Engine::Postgres => {
                (self.postgres, "uuid", "bytea", "bigint generated always as identity primary key")
            }
        };
        text.replace("{uuid}", uuid)
            .replace("{bytes}", bytes)
            .replace("{json}", "text")
            .replace("{autoid}", autoid)
    }

    fn checksum(&self, engine: Engine) -> String {
        Sha256::of(self.sql(engine).as_bytes()).to_string()
    }
}

struct Applied {
    name: String,
    checksum: String,
}

impl Db {
    /// Applies what is pending: the store's own tables first, then each set in the order given.
    ///
    /// # Errors
    /// `internal` where the database and the program disagree (altered, missing or unknown migrations), naming the
    /// migration; or where a migration fails, in which case nothing is applied.
    pub async fn migrate(&self, cx: &Cx, sets: &[MigrationSet]) -> Result<()> {
        let mut tx = self.pools().begin_write(None).await?;
        if tx.engine() == Engine::Postgres {
            tx.exec("migrate.patience", "set local lock_timeout = 0", vec![]).await?;
            tx.exec("migrate.patience", "set local statement_timeout = 0", vec![]).await?;
            tx.one("migrate.lock", "select pg_advisory_xact_lock($1)", args![MIGRATION_LOCK]).await?;
        }
        tx.exec("migrate.ledger", LEDGER, vec![]).await?;
        let applied = ledger(&mut tx).await?;
        let engine = tx.engine();
        let pending = pending(engine, sets, &applied)?;
        for migration in &pending {
            tx.script(&format!("migration {} {}", migration.version, migration.name), migration.sql(engine))
                .await?;
            let sql =
                "insert into tl_migrations (version, name, checksum, applied_at) values ($1, $2, $3, $4)";
            let row = args![migration.version, migration.name, migration.checksum(engine), cx.now()];
            tx.exec("migrate.remember", sql, row).await?;
            tracing::info!(version = migration.version, name = migration.name, "migrated");
        }
        tx.commit().await
    }

    /// Checks, without writing, that exactly these migrations are applied: what a process that must not migrate does
    /// at its start.
    ///
    /// # Errors
    /// As [`Db::migrate`], and `unavailable` where migrations are pending.
    pub async fn check_migrations(&self, sets: &[MigrationSet]) -> Result<()> {
        let mut tx = self.pools().begin_read(None).await?;
        let catalogue = match tx.engine() {
            Engine::Sqlite => "select 1 as found from sqlite_master where name = 'tl_migrations'",
            Engine::Postgres => "select 1 as found where to_regclass('tl_migrations') is not null",
        };
        let ledger_exists = tx.one("migrate.find_ledger", catalogue, vec![]).await?.is_some();
        let applied = if ledger_exists { ledger(&mut tx).await? } else { BTreeMap::new() };
        match pending(tx.engine(), sets, &applied)?.first() {
            None => Ok(()),
            Some(first) => Err(Error::unavailable(format!(
                "migration {} ({}) is not applied yet: run the migrations first",
                first.version, first.name
            ))),
        }
    }
}

async fn ledger(tx: &mut Tx) -> Result<BTreeMap<i64, Applied>> {
    let sql = "select version, name, checksum from tl_migrations order by version";
    let rows = tx.all("migrate.read_ledger", sql, vec![]).await?;
    rows.iter()
        .map(|row| {
            Ok((row.get("version")?, Applied { name: row.get("name")?, checksum: row.get("checksum")? }))
        })
        .collect()
}

/// What is to be applied, in order; or why the program must not touch this database.
fn pending(
    engine: Engine,
    sets: &[MigrationSet],
    applied: &BTreeMap<i64, Applied>,
) -> Result<Vec<&'static Migration>> {
    let mut known = BTreeMap::new();
    let mut pending = Vec::new();
    for set in std::iter::once(&STORE_MIGRATIONS).chain(sets) {
        let mut waiting: Option<&Migration> = None;
        let mut last = 0;
        for migration in *set {
            let version = migration.version;
            if version <= last || known.insert(version, migration.name).is_some() {
                return Err(Error::internal(format!(
                    "migration {version} ({}) is out of order or its version is taken",
                    migration.name
                )));
            }
            last = version;
            match (applied.get(&version), waiting) {
                (None, _) => {
                    waiting = waiting.or(Some(migration));
                    pending.push(migration);
                }
                (Some(_), Some(missing)) => {
                    return Err(Error::internal(format!(
                        "migration {} ({}) is missing: {version} ({}), which comes after it, is applied already",
                        missing.version, missing.name, migration.name
                    )));
                }
                (Some(row), None) if row.checksum != migration.checksum(engine) => {
                    return Err(Error::internal(format!(
                        "migration {version} ({}) was altered after it was applied; write a new one instead",
                        migration.name
                    )));
                }
                (Some(_), None) => {}
            }
        }
    }
    if let Some((version, row)) = applied.iter().find(|(version, _)| !known.contains_key(version)) {
        return Err(Error::internal(format!(
            "migration {version} ({}) is applied but unknown: the database is newer than this program",
            row.name
        )));
    }
    Ok(pending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudo_types_become_the_engines_own() {
        let migration = Migration::portable(5, "x", "create table x (id {autoid}, who {uuid}, what {bytes})");
        assert!(migration.sql(Engine::Sqlite).contains("who blob, what blob"));
        assert!(migration.sql(Engine::Postgres).contains("who uuid, what bytea"));
        assert_ne!(migration.checksum(Engine::Sqlite), migration.checksum(Engine::Postgres));
    }

    #[test]
    fn versions_must_be_unique_and_ascending() {
        const ONE: MigrationSet = &[Migration::portable(1001, "one", "")];
        const DOWN: MigrationSet = &[Migration::portable(1003, "b", ""), Migration::portable(1002, "a", "")];
        let none = BTreeMap::new();
        assert!(pending(Engine::Sqlite, &[ONE, ONE], &none).is_err());
        assert!(pending(Engine::Sqlite, &[DOWN], &none).is_err());
        let fresh = pending(Engine::Sqlite, &[ONE], &none).unwrap();
        let fresh: Vec<_> = fresh.iter().map(|migration| migration.version).collect();
        let own = STORE_MIGRATIONS.iter().map(|migration| migration.version);
        assert_eq!(fresh, own.chain([1001]).collect::<Vec<_>>());
    }
}
