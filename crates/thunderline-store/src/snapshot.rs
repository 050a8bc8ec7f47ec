//! Copies of a whole SQLite database that are consistent while others write, and what can be read off such a file.
//!
//! PostgreSQL has its own tools for this (`pg_dump`, base backups), which know far more than could be repeated here.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row as _, SqliteConnection, sqlite::SqliteConnectOptions,
};
use thunderline_core::{Error, Result};

use crate::{Db, engine::Pools, failure::explain};

/// What a database file holds, as far as can be said without knowing any domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Every applied migration: version and name.
    pub migrations: BTreeMap<i64, String>,
    /// The sequence of the newest event.
    pub outbox: i64,
    /// How many rows each table has.
    pub rows: BTreeMap<String, i64>,
}

impl Db {
    /// Writes one state of the database into a new file; writers go on meanwhile. The file is not yet forced to disk.
    ///
    /// # Errors
    /// `conflict` on PostgreSQL; `internal` where the file exists or cannot be written.
    pub async fn snapshot_into(&self, file: &Path) -> Result<()> {
        let Pools::Sqlite { writer, .. } = self.pools() else {
            return Err(Error::conflict("only SQLite databases are copied as a file"));
        };
        // A connection of its own: the pools' readers refuse every kind of writing, and there is one writer.
        let mut connection =
            writer.connect_options().connect().await.map_err(|e| explain("snapshot.connect", e))?;
        let copied = sqlx::query("vacuum into $1").bind(text(file)?).execute(&mut connection).await;
        let _closed = connection.close().await;
        copied.map(drop).map_err(|error| {
            Error::internal(format!("the database could not be copied to {}", file.display()))
                .caused_by(explain("snapshot", error))
        })
    }

    /// The database's file; none on PostgreSQL.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let Pools::Sqlite { writer, .. } = self.pools() else { return None };
        Some(writer.connect_options().get_filename().to_owned())
    }

    /// What the engine's quick look at the whole file finds wrong; nothing on PostgreSQL, which checks its pages itself.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn quick_check(&self) -> Result<Vec<String>> {
        let Pools::Sqlite { writer, .. } = self.pools() else { return Ok(Vec::new()) };
        let mut connection =
            writer.connect_options().connect().await.map_err(|e| explain("check.connect", e))?;
        let found = findings(&mut connection, "pragma quick_check(20)").await;
        let _closed = connection.close().await;
        found
    }
}

/// Checks a database file thoroughly, and says what it holds. Nobody may be writing it; nothing is written.
///
/// # Errors
/// `invalid` where the file is no sound database.
pub async fn inspect(file: &Path) -> Result<Inventory> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(true);
    let unsound = |error: sqlx::Error| {
        let reason = format!("{} is no sound database: {error}", file.display());
        Error::invalid_value("database", reason, "a file that Thunderline wrote")
    };
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(unsound)?;
    let looked = look(&mut connection).await;
    let _closed = connection.close().await;
    let (found, inventory) = looked.map_err(unsound)?;
    match found.first() {
        None => Ok(inventory),
        Some(first) => {
            let reason = format!("{} fails its integrity check: {first}", file.display());
            Err(Error::invalid_value("database", reason, "an undamaged file"))
        }
    }
}

async fn look(connection: &mut SqliteConnection) -> Result<(Vec<String>, Inventory), sqlx::Error> {
    let found = raw_findings(connection, "pragma integrity_check(20)").await?;
    let rows = sqlx::query("select version, name from tl_migrations").fetch_all(&mut *connection).await?;
    let migrations = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let migrations = migrations.collect::<Result<_, sqlx::Error>>()?;
    let newest = "select coalesce(max(sequence), 0) from tl_outbox";
    let outbox = sqlx::query(newest).fetch_one(&mut *connection).await?.try_get(0)?;
    let tables = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'";
    let mut rows = BTreeMap::new();
    for table in sqlx::query(tables).fetch_all(&mut *connection).await? {
        let table: String = table.try_get(0)?;
        let count = AssertSqlSafe(format!("select count(*) from \"{}\"", table.replace('"', "\"\"")));
        rows.insert(table, sqlx::query(count).fetch_one(&mut *connection).await?.try_get(0)?);
    }
    Ok((found, Inventory { migrations, outbox, rows }))
}

async fn findings(connection: &mut SqliteConnection, pragma: &'static str) -> Result<Vec<String>> {
    raw_findings(connection, pragma).await.map_err(|error| explain("check", error))
}

async fn raw_findings(
    connection: &mut SqliteConnection,
    pragma: &'static str,
) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query(pragma).fetch_all(connection).await?;
    let lines = rows.iter().map(|row| row.try_get::<String, _>(0)).collect::<Result<Vec<_>, _>>()?;
    Ok(if lines == ["ok"] { Vec::new() } else { lines })
}

/// Moves the numbering of events on in a database file that nobody uses, so that none of the next events gets a number
/// that an event had in a life of this database that its restored copy does not remember.
///
/// # Errors
/// `internal` where the file cannot be written.
pub async fn skip_sequences(file: &Path, by: i64) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = options.connect().await.map_err(|e| explain("skip.connect", e))?;
    let sql = "update sqlite_sequence set seq = seq + $1 where name = 'tl_outbox'";
    let moved = sqlx::query(sql).bind(by).execute(&mut connection).await;
    let _closed = connection.close().await;
    moved.map(drop).map_err(|error| explain("skip", error))
}

fn text(file: &Path) -> Result<&str> {
    file.to_str().ok_or_else(|| {
        Error::invalid_value("path", format!("{} is not UTF-8", file.display()), "a name in UTF-8")
    })
}
