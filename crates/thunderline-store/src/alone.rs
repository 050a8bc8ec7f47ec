//! Being the only process of a name among those that share a database.
//!
//! On PostgreSQL the name is an advisory lock in a connection of its own: when the process ends, however it ends, the
//! server ends the connection and frees the name. On SQLite one process works on the database; every name is free.

use std::time::Duration;

use sqlx::PgConnection;
use thunderline_core::Result;
use tokio::time::sleep;

use crate::{Db, advisory, engine::Pools, failure::explain};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// A machine that lost its power says no goodbye: the database asks it for a sign of life, and gives it up after 11 s.
const KEEPALIVE: &str =
    "set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3";

/// A name that is nobody else's until this is dropped, or its connection is lost: then it is not taken again.
#[must_use = "dropping it frees the name"]
pub struct Alone(#[expect(dead_code, reason = "held for its lock, not used")] Option<PgConnection>);

impl Db {
    /// Takes a name; `None` where another process still has it after so much patience. Takes one connection.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn be_alone(&self, name: &str, patience: Duration) -> Result<Option<Alone>> {
        let Pools::Postgres(pool) = self.pools() else { return Ok(Some(Alone(None))) };
        let mut connection = advisory::connection(pool, "name.take").await?;
        let kept = sqlx::raw_sql(KEEPALIVE).execute(&mut connection).await;
        kept.map_err(|e| explain("name.keepalive", e))?;
        let number = advisory::number(&format!("server:{name}"));
        let mut tries = patience.as_millis() / PAUSE.as_millis();
        while !try_lock(&mut connection, number).await? {
            if tries == 0 {
                return Ok(None);
            }
            tries -= 1;
            sleep(PAUSE).await;
        }
        Ok(Some(Alone(Some(connection))))
    }
}

async fn try_lock(connection: &mut PgConnection, number: i64) -> Result<bool> {
    sqlx::query_scalar("select pg_try_advisory_lock($1)")
        .bind(number)
        .fetch_one(connection)
        .await
        .map_err(|e| explain("name.lock", e))
}
