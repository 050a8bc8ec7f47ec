//! Advisory locks of PostgreSQL: the numbers that names stand for, and connections that hold a lock for as long as they last.

use sqlx::{Connection, PgConnection, PgPool};
use thunderline_core::{Result, Sha256};

use crate::failure::explain;

/// The number of a name: the head of its SHA-256.
pub(crate) fn number(name: &str) -> i64 {
    i64::from_be_bytes(*Sha256::of(name.as_bytes()).head())
}

/// A connection beside the pool's, for locks that last until it ends.
pub(crate) async fn connection(pool: &PgPool, what: &'static str) -> Result<PgConnection> {
    PgConnection::connect_with(&pool.connect_options()).await.map_err(|error| explain(what, error))
}
