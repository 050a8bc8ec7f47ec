//! Which consumers this process works for. In memory only: whoever ends, however it ends, works for nobody.

use crate::Db;

/// Says that this process works for a consumer, until it is dropped.
#[must_use = "dropping it says that the work is over"]
pub struct Working {
    db: Db,
    consumer: &'static str,
}

impl Db {
    /// Says that this process works for a consumer from now on.
    pub fn work_for(&self, consumer: &'static str) -> Working {
        self.working().push(consumer);
        Working { db: self.clone(), consumer }
    }

    /// Whether this process works for a consumer now.
    #[must_use]
    pub fn works_for(&self, consumer: &str) -> bool {
        self.working().contains(&consumer)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let mut working = self.db.working();
        if let Some(index) = working.iter().position(|known| *known == self.consumer) {
            working.swap_remove(index);
        }
    }
}
