//! How far each consumer of the outbox has come, and what it says about itself.
//!
//! A cursor moves by comparing first: who moves it says from where, so that neither a second process nor an operator who
//! sets it back is overwritten.

use thunderline_core::{Cx, Error, Result, Timestamp};

use crate::{Db, Row, args, engine::Tx};

const ADVANCE: &str = "insert into tl_cursors (consumer, sequence, at) values ($1, $2, $3)
    on conflict (consumer) do update set sequence = excluded.sequence, at = excluded.at
    where tl_cursors.sequence < excluded.sequence";
const SHIFT: &str = "update tl_cursors set sequence = $3, at = $4 where consumer = $1 and sequence = $2";
/// Changes nothing and locks the row.
const HOLD: &str = "update tl_cursors set sequence = sequence where consumer = $1 returning sequence";
const FORGET: &str = "delete from tl_cursors where consumer = $1";
const REGISTER: &str = "insert into tl_cursors (consumer, sequence, at, pipeline, names, registered_at)
    values ($1, 0, $2, $3, $4, $2)
    on conflict (consumer) do update
    set pipeline = excluded.pipeline, names = excluded.names, registered_at = excluded.registered_at";
const LIST: &str =
    "select consumer, sequence, at, pipeline, names, registered_at from tl_cursors order by consumer";

/// A consumer of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// The last event that it has handled, or has seen to be not for it; 0 before the first.
    pub sequence: i64,
    /// When its cursor moved for the last time.
    pub at: Timestamp,
    /// The pipeline that it belongs to; empty where it has never said so.
    pub pipeline: String,
    /// The names of the events that it wants; none: all.
    pub names: Vec<String>,
    /// When a process last began to work for it; the epoch where that was never said.
    pub registered_at: Timestamp,
}

/// Moves a cursor forward; false where it stands there or further already.
pub(crate) async fn advance(tx: &mut Tx, cx: &Cx, consumer: &str, sequence: i64) -> Result<bool> {
    Ok(tx.exec("cursor.advance", ADVANCE, args![consumer, sequence, cx.now()]).await? == 1)
}

/// Moves a cursor; false where it does not stand at `from`.
pub(crate) async fn shift(tx: &mut Tx, cx: &Cx, consumer: &str, from: i64, to: i64) -> Result<bool> {
    Ok(tx.exec("cursor.shift", SHIFT, args![consumer, from, to, cx.now()]).await? == 1)
}

/// Keeps a cursor still until the transaction ends; gives where it stands.
pub(crate) async fn hold(tx: &mut Tx, consumer: &str) -> Result<i64> {
    let row = tx.one("cursor.hold", HOLD, args![consumer]).await?;
    row.ok_or_else(|| Error::not_found(format_args!("consumer {consumer}")))?.get("sequence")
}

pub(crate) async fn forget(tx: &mut Tx, consumer: &str) -> Result<()> {
    tx.exec("cursor.forget", FORGET, args![consumer]).await.map(drop)
}

impl Db {
    /// How far a consumer has come; 0 before its first event.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn cursor(&self, consumer: &str) -> Result<i64> {
        let mut tx = self.pools().begin_read(None).await?;
        let sql = "select sequence from tl_cursors where consumer = $1";
        let row = tx.one("cursor.read", sql, args![consumer]).await?;
        row.map_or(Ok(0), |row| row.get("sequence"))
    }

    /// Notes that there is such a consumer: from now on, events that it has not passed are kept for it.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn register_consumer(
        &self,
        cx: &Cx,
        consumer: &str,
        pipeline: &str,
        names: &[&str],
    ) -> Result<()> {
        let mut tx = self.pools().begin_write(None).await?;
        let row = args![consumer, cx.now(), pipeline, names.join(",")];
        tx.exec("cursor.register", REGISTER, row).await?;
        tx.commit().await
    }

    /// Every consumer that was ever registered and not forgotten, by name. The caller's own action decides who may ask.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn consumers(&self) -> Result<Vec<Consumer>> {
        let mut tx = self.pools().begin_read(None).await?;
        tx.all("cursor.list", LIST, vec![]).await?.iter().map(consumer).collect()
    }
}

fn consumer(row: &Row) -> Result<Consumer> {
    let names: String = row.get("names")?;
    Ok(Consumer {
        name: row.get("consumer")?,
        sequence: row.get("sequence")?,
        at: row.get("at")?,
        pipeline: row.get("pipeline")?,
        names: names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        registered_at: row.get("registered_at")?,
    })
}
