//! Third stage: the survivors are judged.

use crate::Refusal;
use crate::client::{Consented, Held, Member};
use crate::keys;
use crate::message::{Consent, Survivors, consent, input};

/// A client that has sent its masked input.
pub struct Masked {
    pub(super) member: Member,
    pub(super) held: Held,
    pub(super) among: Vec<u16>,
    pub(super) sharers: [u8; 32],
    pub(super) words: [u8; 32],
}

impl Masked {
    /// Judges the survivors, and signs them.
    ///
    /// # Errors
    ///
    /// Survivors under another roster; too few, or so few in one stretch of the ring that a part of the sum could be
    /// told; without this client and its own input; or with one who did not sign that it masked among the same sharers.
    pub fn consent(self, survivors: &Survivors) -> Result<(Consented, Consent), Refusal> {
        const NAME: &str = "survivors";
        let Member { roster, identity, place } = &self.member;
        roster.same(NAME, &survivors.roster)?;
        roster.enough("members survive", survivors.survivors.len())?;
        for survivor in &survivors.survivors {
            let member = survivor.member;
            if self.among.binary_search(&member).is_err() {
                return Err(Refusal::Unknown { message: NAME, member });
            }
            let statement = input::statement(roster.digest(), &self.sharers, member, &survivor.words);
            let key = &roster.member(NAME, member)?.identity;
            if !keys::verify(key, &statement, &survivor.signature) {
                return Err(Refusal::Signature { on: "input", member: Some(member) });
            }
        }
        let own = survivors.survivors.iter().find(|survivor| survivor.member == *place);
        if own.is_none_or(|own| own.words != self.words) {
            return Err(Refusal::LeftOut("survivors"));
        }
        roster.connected(survivors.members())?;
        let digest = survivors.digest(&self.sharers);
        let signature = identity.sign(&consent::statement(roster.digest(), &digest, *place));
        let message = Consent { roster: *roster.digest(), from: *place, signature };
        let survivors = survivors.members().collect();
        Ok((Consented { member: self.member, held: self.held, survivors, digest }, message))
    }
}
