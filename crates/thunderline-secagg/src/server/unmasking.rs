//! Last stage: shares come back, the masks come off the sum.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Refusal;
use crate::message::{Consents, Reveal, Survivors};
use crate::quantise::{Mean, Quantiser};
use crate::roster::Roster;
use crate::server::{check, unmask};

/// A server that takes revealed shares.
pub struct Unmasking {
    roster: Arc<Roster>,
    sharers: Vec<u16>,
    sum: Vec<u32>,
    survivors: Survivors,
    consents: Consents,
    reveals: BTreeMap<u16, Reveal>,
}

/// The sum of the survivors' levels.
#[derive(Clone, Debug, PartialEq)]
pub struct Sum {
    /// The weights' sum, and the numbers' levels summed.
    pub words: Vec<u32>,
    /// Whose inputs are in it.
    pub survivors: Vec<u16>,
    quantiser: Quantiser,
}

impl Sum {
    /// The weighted mean.
    ///
    /// # Errors
    ///
    /// A sum of weights that the survivors cannot have: one of them did not follow the protocol.
    pub fn mean(&self) -> Result<Mean, Refusal> {
        self.quantiser.mean(&self.words, self.survivors.len())
    }
}

impl Unmasking {
    pub(super) const fn new(
        roster: Arc<Roster>,
        sharers: Vec<u16>,
        sum: Vec<u32>,
        survivors: Survivors,
        consents: Consents,
    ) -> Self {
        Self { roster, sharers, sum, survivors, consents, reveals: BTreeMap::new() }
    }

    /// The consents, for each survivor.
    #[must_use]
    pub const fn consents(&self) -> &Consents {
        &self.consents
    }

    /// Takes what a survivor reveals.
    ///
    /// # Errors
    ///
    /// Under another roster, of one who does not survive, a second time, or not about exactly the neighbours.
    pub fn take(&mut self, message: Reveal) -> Result<(), Refusal> {
        check::reveal(&self.roster, &self.sharers, &self.survivors, &message)?;
        if self.reveals.contains_key(&message.from) {
            return Err(Refusal::Twice(message.from));
        }
        self.reveals.insert(message.from, message);
        Ok(())
    }

    /// How many have revealed.
    #[must_use]
    pub fn count(&self) -> usize {
        self.reveals.len()
    }

    /// Whether there are shares enough about everybody. More do no harm.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        let revealed = |member: &u16| self.reveals.contains_key(member);
        self.sharers.iter().all(|&about| {
            let have = self.roster.neighbours(about).iter().filter(|neighbour| revealed(neighbour)).count();
            have >= self.roster.bounds().threshold
        })
    }

    /// Rebuilds the secrets and takes their masks off, on `threads` threads.
    ///
    /// # Errors
    ///
    /// Too few shares of a secret, or shares that do not give what its owner is bound to.
    pub fn close(self, threads: usize) -> Result<Sum, Refusal> {
        let Self { roster, sharers, mut sum, survivors, reveals, .. } = self;
        let masks = unmask::masks(&roster, &sharers, &survivors, &reveals)?;
        unmask::take_off(&mut sum, &masks, threads);
        let quantiser = roster.quantiser();
        Ok(Sum { words: sum, survivors: survivors.members().collect(), quantiser })
    }
}
