//! Second stage: shares are passed on, unread.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Refusal;
use crate::message::SealedShares;
use crate::roster::Roster;
use crate::server::{Collecting, check};

/// A server that takes sealed shares.
pub struct Sharing {
    roster: Arc<Roster>,
    shares: BTreeMap<u16, SealedShares>,
}

impl Sharing {
    /// The stage under a roster.
    #[must_use]
    pub const fn new(roster: Arc<Roster>) -> Self {
        Self { roster, shares: BTreeMap::new() }
    }

    /// The roster, for everybody on it.
    #[must_use]
    pub const fn roster(&self) -> &Arc<Roster> {
        &self.roster
    }

    /// Takes a member's sealed shares.
    ///
    /// # Errors
    ///
    /// Under another roster, of nobody on this one, a second time, or for others than the neighbours.
    pub fn take(&mut self, message: SealedShares) -> Result<(), Refusal> {
        check::shares(&self.roster, &message)?;
        if self.shares.contains_key(&message.from) {
            return Err(Refusal::Twice(message.from));
        }
        self.shares.insert(message.from, message);
        Ok(())
    }

    /// How many have shared.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shares.len()
    }

    /// Goes on with those who have shared.
    ///
    /// # Errors
    ///
    /// Too few.
    pub fn close(self) -> Result<Collecting, Refusal> {
        self.roster.enough("members have shared", self.shares.len())?;
        self.roster.connected(self.shares.keys().copied())?;
        Ok(Collecting::new(self.roster, self.shares))
    }
}
