//! Throw-away PostgreSQL databases, for tests. They need a superuser's address, which a serving process never has.

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use thunderline_core::{Cx, Error, Result};

use crate::{Db, MigrationSet, failure::explain};

/// The advisory lock under which templates are made; any number that nothing else uses.
const TEMPLATE_LOCK: i64 = 0x746c_7465;

/// The address of another database on the same server.
///
/// # Errors
/// `invalid` where the address names no database.
pub fn sibling(url: &str, database: &str) -> Result<String> {
    let (base, query) = url.split_once('?').map_or((url, ""), |(base, query)| (base, query));
    let (server, _) =
        base.rsplit_once('/').filter(|(server, _)| !server.ends_with('/')).ok_or_else(|| {
            Error::invalid_value("database.url", "names no database", "postgres://USER@HOST/DATABASE")
        })?;
    let separator = if query.is_empty() { "" } else { "?" };
    Ok(format!("{server}/{database}{separator}{query}"))
}

/// Makes a migrated database to copy from, unless it exists; safe among many processes.
///
/// # Errors
/// `unavailable`, or why a migration failed.
pub async fn template(admin_url: &str, name: &str, cx: &Cx, sets: &[MigrationSet]) -> Result<()> {
    let mut admin = connect(admin_url).await?;
    sqlx::query("select pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut admin)
        .await
        .map_err(failed)?;
    let exists = sqlx::query("select 1 from pg_database where datname = $1").bind(name);
    if exists.fetch_optional(&mut admin).await.map_err(failed)?.is_none() {
        let unfinished = format!("{name}_unfinished");
        run(&mut admin, format!("drop database if exists {unfinished} with (force)")).await?;
        run(&mut admin, format!("create database {unfinished}")).await?;
        let db = Db::connect(&sibling(admin_url, &unfinished)?).await?;
        let migrated = db.migrate(cx, sets).await;
        db.close().await;
        migrated?;
        run(&mut admin, format!("alter database {unfinished} rename to {name}")).await?;
    }
    admin.close().await.map_err(failed)
}

/// Makes a database, as a copy of the template where one is given.
///
/// # Errors
/// `unavailable`, `internal`.
pub async fn create(admin_url: &str, name: &str, template: Option<&str>) -> Result<()> {
    let mut admin = connect(admin_url).await?;
    let template = template.unwrap_or("template0");
    run(&mut admin, format!("create database {name} template {template}")).await?;
    admin.close().await.map_err(failed)
}

/// Removes a database, with whoever is still connected to it.
///
/// # Errors
/// `unavailable`, `internal`.
pub async fn remove(admin_url: &str, name: &str) -> Result<()> {
    let mut admin = connect(admin_url).await?;
    run(&mut admin, format!("drop database if exists {name} with (force)")).await?;
    admin.close().await.map_err(failed)
}

/// Cuts all connections to a database, as a crash of the server or the network would.
///
/// # Errors
/// `unavailable`, `internal`.
pub async fn disconnect(admin_url: &str, name: &str) -> Result<()> {
    let mut admin = connect(admin_url).await?;
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
    sqlx::query(cut).bind(name).execute(&mut admin).await.map_err(failed)?;
    admin.close().await.map_err(failed)
}

async fn connect(url: &str) -> Result<PgConnection> {
    let options: PgConnectOptions = url.parse().map_err(failed)?;
    options.connect().await.map_err(failed)
}

/// Names of databases cannot be bound; they come from tests.
async fn run(admin: &mut PgConnection, sql: String) -> Result<()> {
    sqlx::query(AssertSqlSafe(sql)).execute(admin).await.map(drop).map_err(failed)
}

fn failed(error: sqlx::Error) -> Error {
    explain("scratch database", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sibling_keeps_server_and_options() {
        let url = "postgres://tl@localhost/postgres?host=/tmp/x";
        assert_eq!(sibling(url, "t_1").unwrap(), "postgres://tl@localhost/t_1?host=/tmp/x");
        assert_eq!(sibling("postgres://tl@h:1/a", "b").unwrap(), "postgres://tl@h:1/b");
        assert!(sibling("postgres://tl@h", "b").is_err());
    }
}
