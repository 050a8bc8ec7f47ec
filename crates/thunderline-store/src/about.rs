//! What was last heard about a thing.

use thunderline_core::{Result, Subject};

use crate::{Db, args};

impl Db {
    /// The sequence of the newest event about a thing; 0 where there is none.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn last_about(&self, subject: &Subject) -> Result<i64> {
        let mut tx = self.pools().begin_read(None).await?;
        let sql = "select max(sequence) as last from tl_outbox where subject_kind = $1 and subject_id = $2";
        let row = tx.one("outbox.last_about", sql, args![&subject.kind, &subject.id]).await?;
        row.map_or(Ok(None), |row| row.get::<Option<i64>>("last")).map(Option::unwrap_or_default)
    }
}
