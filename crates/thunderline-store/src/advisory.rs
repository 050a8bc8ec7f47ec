//! Advisory locks of PostgreSQL: the numbers that names stand for, and connections that hold a lock for as long as they last.

use ring::digest::{SHA256, digest};
use sqlx::{Connection, PgConnection, PgPool};
use thunderline_core::Result;

use crate::failure::explain;

/// The number of a name: the head of its SHA-256.
pub(crate) fn number(name: &str) -> i64 {
    let hash = digest(&SHA256, name.as_bytes());
    let (head, _) = hash.as_ref().split_first_chunk::<8>().expect("a SHA-256 has 32 bytes");
    i64::from_be_bytes(*head)
}

/// A connection beside the pool's, for locks that last until it ends.
pub(crate) async fn connection(pool: &PgPool, what: &'static str) -> Result<PgConnection> {
    PgConnection::connect_with(&pool.connect_options()).await.map_err(|error| explain(what, error))
}
