//! Seeing that a worker is dead before its leases run out.
//!
//! On PostgreSQL a worker holds an advisory lock in a connection of its own. When its process dies, however it dies, the
//! server ends the connection and frees the lock; any other worker that looks then ends the dead one's leases. This
//! only shortens the wait: the fencing tokens make sure of the rest, also where a living worker lost its connection.
//! On SQLite one process works on the database, and takes over at its start.

use sqlx::{Connection, PgConnection};
use thunderline_core::{Cx, Error, Result, SignedDuration};

use super::Jobs;
use crate::{Db, advisory, args, engine::Pools, failure::explain, signals};

/// The first half of the advisory locks; any number that nothing else uses.
const CLASS: i32 = 0x746c_776b;
/// Draws before a free number is given up.
const DRAWS: u32 = 8;

const APPEAR: &str = "insert into tl_workers (name, lock, appeared_at) values ($1, $2, $3)
    on conflict (name) do update set lock = excluded.lock, appeared_at = excluded.appeared_at";

const BURY: &str = "with dead as (
        delete from tl_workers w where not exists (
            select 1 from pg_locks l
            where l.locktype = 'advisory' and l.objsubid = 2 and l.classid::bigint = $2 and l.objid::bigint = w.lock
                and l.database = (select oid from pg_database where datname = current_database()))
        returning name)
    update tl_jobs set lease_until = $1
    where state = 'running' and lease_until > $1 and worker in (select name from dead)";

/// A worker that can be seen to be alive until this is dropped.
pub struct Presence {
    db: Db,
    name: String,
    /// `None` on SQLite.
    connection: Option<PgConnection>,
}

impl Jobs {
    /// Lets other workers see that the one of this name is alive. The name must be nobody else's. Takes one connection.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn appear(&self, cx: &Cx, name: &str) -> Result<Presence> {
        let Pools::Postgres(pool) = self.0.pools() else {
            return Ok(Presence { db: self.0.clone(), name: name.to_owned(), connection: None });
        };
        let mut connection = advisory::connection(pool, "appear").await?;
        let lock = lock(cx, &mut connection).await?;
        // Only now, with the lock held, may others look whether it is.
        let mut tx = self.0.pools().begin_write(None).await?;
        tx.exec("worker.appear", APPEAR, args![name, lock, cx.now()]).await?;
        tx.commit().await?;
        Ok(Presence { db: self.0.clone(), name: name.to_owned(), connection: Some(connection) })
    }
}

/// Takes a lock that nobody holds.
async fn lock(cx: &Cx, connection: &mut PgConnection) -> Result<i32> {
    for _ in 0..DRAWS {
        let number = i32::try_from(cx.random_u64() >> 33).expect("31 bits are left");
        let taken: bool = sqlx::query_scalar("select pg_try_advisory_lock($1, $2)")
            .bind(CLASS)
            .bind(number)
            .fetch_one(&mut *connection)
            .await
            .map_err(|e| explain("worker.lock", e))?;
        if taken {
            return Ok(number);
        }
    }
    Err(Error::unavailable("no number is free for this worker"))
}

impl Presence {
    /// Ends the leases of workers that are dead, and gives how many those were.
    ///
    /// # Errors
    /// `unavailable` where the connection is lost: others may take this worker for dead now, and it must appear again.
    pub async fn look(&mut self, cx: &Cx) -> Result<u64> {
        let Some(connection) = &mut self.connection else { return Ok(0) };
        let past = cx.now() - SignedDuration::from_micros(1);
        let ended = sqlx::query(BURY)
            .bind(past.as_microsecond())
            .bind(i64::from(CLASS))
            .execute(connection)
            .await
            .map_err(|e| explain("worker.bury", e))?
            .rows_affected();
        if ended > 0 {
            self.db.signals().notify(signals::JOBS);
        }
        Ok(ended)
    }

    /// Says goodbye.
    ///
    /// # Errors
    /// `unavailable`; then others find out by themselves.
    pub async fn leave(self) -> Result<()> {
        let Some(connection) = self.connection else { return Ok(()) };
        let mut tx = self.db.pools().begin_write(None).await?;
        tx.exec("worker.leave", "delete from tl_workers where name = $1", args![self.name]).await?;
        tx.commit().await?;
        connection.close().await.map_err(|e| explain("worker.leave", e))
    }
}
