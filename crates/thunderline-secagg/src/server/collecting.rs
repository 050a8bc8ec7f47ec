//! Third stage: masked inputs are summed as they come, and not kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Refusal;
use crate::message::{Delivery, MaskedInput, SealedShares, Survivor, Survivors};
use crate::roster::Roster;
use crate::server::{Consenting, check};

/// A server that takes masked inputs.
pub struct Collecting {
    roster: Arc<Roster>,
    shares: BTreeMap<u16, SealedShares>,
    sharers: Vec<u16>,
    sum: Vec<u32>,
    survivors: BTreeMap<u16, Survivor>,
}

impl Collecting {
    pub(super) fn new(roster: Arc<Roster>, shares: BTreeMap<u16, SealedShares>) -> Self {
        let sharers: Vec<u16> = shares.keys().copied().collect();
        let sum = vec![0; roster.quantiser().words()];
        Self { roster, shares, sharers, sum, survivors: BTreeMap::new() }
    }

    /// The stage of a server that was restarted after it had passed the shares on: of these, in ascending order.
    #[must_use]
    pub fn again(roster: Arc<Roster>, sharers: Vec<u16>) -> Self {
        Self { sharers, ..Self::new(roster, BTreeMap::new()) }
    }

    /// Everybody who has shared, in ascending order.
    #[must_use]
    pub fn sharers(&self) -> &[u16] {
        &self.sharers
    }

    /// What was sealed for one who has shared.
    ///
    /// # Errors
    ///
    /// One who has not.
    pub fn delivery(&self, to: u16) -> Result<Delivery, Refusal> {
        if !self.shares.contains_key(&to) {
            return Err(Refusal::Unknown { message: "delivery", member: to });
        }
        let sealed = self.roster.neighbours(to).into_iter().filter_map(|from| {
            let theirs = &self.shares.get(&from)?.sealed;
            let found = theirs.binary_search_by_key(&to, |(to, _)| *to).ok()?;
            Some((from, theirs[found].1))
        });
        Ok(Delivery {
            roster: *self.roster.digest(),
            sharers: self.sharers.clone(),
            sealed: sealed.collect(),
        })
    }

    /// Adds a masked input to the sum.
    ///
    /// # Errors
    ///
    /// Under another roster or among other sharers, of one who has not shared, of another length, a second time, or with
    /// a signature that does not fit.
    pub fn take(&mut self, message: &MaskedInput) -> Result<(), Refusal> {
        let survivor = check::input(&self.roster, &self.sharers, message)?;
        if self.survivors.contains_key(&survivor.member) {
            return Err(Refusal::Twice(survivor.member));
        }
        for (sum, word) in self.sum.iter_mut().zip(&message.words) {
            *sum = sum.wrapping_add(*word);
        }
        self.survivors.insert(survivor.member, survivor);
        Ok(())
    }

    /// How many inputs are in the sum.
    #[must_use]
    pub fn count(&self) -> usize {
        self.survivors.len()
    }

    /// Goes on with those whose inputs are in the sum.
    ///
    /// # Errors
    ///
    /// Too few, or too few in a stretch of the ring.
    pub fn close(self) -> Result<Consenting, Refusal> {
        self.roster.enough("members survive", self.survivors.len())?;
        self.roster.connected(self.survivors.keys().copied())?;
        let survivors =
            Survivors { roster: *self.roster.digest(), survivors: self.survivors.into_values().collect() };
        Ok(Consenting::new(self.roster, self.sharers, self.sum, survivors))
    }
}
