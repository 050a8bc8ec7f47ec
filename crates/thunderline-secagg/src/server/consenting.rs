//! Fourth stage: the survivors say that they were all shown the same survivors.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Refusal;
use crate::message::{Consent, Consents, Survivors};
use crate::roster::Roster;
use crate::server::{Unmasking, check};

/// A server that takes consents.
pub struct Consenting {
    roster: Arc<Roster>,
    sharers: Vec<u16>,
    sum: Vec<u32>,
    survivors: Survivors,
    consents: BTreeMap<u16, [u8; 64]>,
}

impl Consenting {
    pub(super) const fn new(
        roster: Arc<Roster>,
        sharers: Vec<u16>,
        sum: Vec<u32>,
        survivors: Survivors,
    ) -> Self {
        Self { roster, sharers, sum, survivors, consents: BTreeMap::new() }
    }

    /// The survivors, for each of them.
    #[must_use]
    pub const fn survivors(&self) -> &Survivors {
        &self.survivors
    }

    /// Takes a survivor's consent.
    ///
    /// # Errors
    ///
    /// Under another roster, of one who does not survive, a second time, or with a signature that does not fit.
    pub fn take(&mut self, message: &Consent) -> Result<(), Refusal> {
        check::consent(&self.roster, &self.sharers, &self.survivors, message)?;
        if self.consents.contains_key(&message.from) {
            return Err(Refusal::Twice(message.from));
        }
        self.consents.insert(message.from, message.signature);
        Ok(())
    }

    /// How many have consented.
    #[must_use]
    pub fn count(&self) -> usize {
        self.consents.len()
    }

    /// Goes on with the consents.
    ///
    /// # Errors
    ///
    /// Too few.
    pub fn close(self) -> Result<Unmasking, Refusal> {
        self.roster.enough("survivors consent", self.consents.len())?;
        let consents =
            Consents { roster: *self.roster.digest(), signatures: self.consents.into_iter().collect() };
        Ok(Unmasking::new(self.roster, self.sharers, self.sum, self.survivors, consents))
    }
}
