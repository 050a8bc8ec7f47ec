//! Wake-ups between processes that share a PostgreSQL database (`listen` / `notify`).
//!
//! Lossy like all [signals](crate::Signals): they only shorten the wait until the next look. After a lost connection
//! everybody is woken once, since nobody knows what was missed.

use sqlx::postgres::PgListener;
use thunderline_core::{Error, Result};

use crate::{
    Db, args,
    engine::{Pools, Tx},
    failure::explain,
};

/// The notification channel.
const CHANNEL: &str = "tl_wake";
/// PostgreSQL's limit for one notification is 8000 bytes.
const PAYLOAD: usize = 7_000;

/// Hears the wake-ups of other processes from the moment it is made.
pub struct Listener {
    db: Db,
    /// `None` on SQLite, where all writers are in this process.
    driver: Option<PgListener>,
}

impl Db {
    /// Begins to listen to other processes. Takes one connection.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn listen(&self) -> Result<Listener> {
        let driver = match self.pools() {
            Pools::Sqlite { .. } => None,
            Pools::Postgres(pool) => {
                let mut driver = PgListener::connect_with(pool).await.map_err(lost)?;
                driver.listen(CHANNEL).await.map_err(lost)?;
                Some(driver)
            }
        };
        Ok(Listener { db: self.clone(), driver })
    }
}

impl Listener {
    /// Passes wake-ups on to this process's signals until it is dropped.
    ///
    /// # Errors
    /// `unavailable` where the connection is lost for good.
    pub async fn run(self) -> Result<()> {
        let Some(mut driver) = self.driver else { return std::future::pending().await };
        loop {
            match driver.try_recv().await.map_err(lost)? {
                Some(notification) => {
                    for key in notification.payload().lines() {
                        self.db.signals().notify(key);
                    }
                }
                None => self.db.signals().notify_all(),
            }
        }
    }
}

fn lost(error: sqlx::Error) -> Error {
    explain("listen", error)
}

/// Tells other processes once this transaction is committed.
pub(crate) async fn announce(tx: &mut Tx, keys: &[String]) -> Result<()> {
    for payload in payloads(keys) {
        tx.one("wake.announce", "select pg_notify($1, $2)", args![CHANNEL, payload]).await?;
    }
    Ok(())
}

/// The keys, one a line, in as few notifications as they fit into; a key that fits into none is left out.
fn payloads(keys: &[String]) -> Vec<String> {
    let mut payloads: Vec<String> = Vec::new();
    for key in keys.iter().filter(|key| key.len() <= PAYLOAD) {
        match payloads.last_mut() {
            Some(last) if last.len() + 1 + key.len() <= PAYLOAD => {
                last.push('\n');
                last.push_str(key);
            }
            _ => payloads.push(key.clone()),
        }
    }
    payloads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_travel_together_up_to_the_limit() {
        let keys = |lengths: &[usize]| lengths.iter().map(|&length| "k".repeat(length)).collect::<Vec<_>>();
        assert_eq!(payloads(&["jobs".into(), "node:1".into()]), ["jobs\nnode:1"]);
        assert!(payloads(&[]).is_empty());
        let lengths: Vec<_> =
            payloads(&keys(&[4_000, 3_000, 2_999, 9_000])).iter().map(String::len).collect();
        assert_eq!(lengths, [4_000, 6_000], "4000 + 1 + 3000 is one byte too long");
    }
}
