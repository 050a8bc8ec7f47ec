//! Last stage: shares are given away, one about each neighbour.

use crate::Refusal;
use crate::client::{Held, Member};
use crate::keys;
use crate::message::{Consents, Reveal, consent};

/// A client that has signed the survivors.
pub struct Consented {
    pub(super) member: Member,
    pub(super) held: Held,
    pub(super) survivors: Vec<u16>,
    pub(super) digest: [u8; 32],
}

impl Consented {
    /// Checks that enough survivors were shown the same survivors, and reveals: about a survivor its share of the own
    /// mask, about anybody else its share of the mask key, never both.
    ///
    /// # Errors
    ///
    /// Consents under another roster, of one who does not survive, with a signature that does not fit, or too few.
    pub fn reveal(self, consents: &Consents) -> Result<Reveal, Refusal> {
        const NAME: &str = "consents";
        let Member { roster, place, .. } = &self.member;
        roster.same(NAME, &consents.roster)?;
        roster.enough("survivors consent", consents.signatures.len())?;
        for (member, signature) in &consents.signatures {
            if self.survivors.binary_search(member).is_err() {
                return Err(Refusal::Unknown { message: NAME, member: *member });
            }
            let statement = consent::statement(roster.digest(), &self.digest, *member);
            if !keys::verify(&roster.member(NAME, *member)?.identity, &statement, signature) {
                return Err(Refusal::Signature { on: "survivors", member: Some(*member) });
            }
        }
        let shares = self
            .held
            .iter()
            .map(|(&about, [own, mask])| {
                let survives = self.survivors.binary_search(&about).is_ok();
                (about, if survives { **own } else { **mask })
            })
            .collect();
        Ok(Reveal { roster: *roster.digest(), from: *place, shares })
    }
}
