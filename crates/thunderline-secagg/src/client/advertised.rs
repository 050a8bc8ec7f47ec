//! First stage: keys are made and advertised; the roster is judged.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::client::{Member, Shared};
use crate::keys::{self, Envelope, Identity};
use crate::message::{Advertisement, SealedShares};
use crate::prg::Stream;
use crate::roster::Roster;
use crate::terms::{Floor, Session};
use crate::{Refusal, shamir};

/// A client that has advertised its keys.
pub struct Advertised {
    identity: Arc<Identity>,
    advertisement: Advertisement,
    seal: Zeroizing<[u8; 32]>,
    mask: Zeroizing<[u8; 32]>,
    own: Zeroizing<[u8; 32]>,
    coefficients: Zeroizing<[u8; 32]>,
}

impl Advertised {
    /// Makes the keys of a session. All of the client's secrets follow from `seed`, which is 32 bytes from a
    /// cryptographic generator that were never used before.
    #[must_use]
    pub fn new(session: &Session, identity: Arc<Identity>, seed: &[u8; 32]) -> Self {
        let secret = |purpose: &[u8]| keys::derive(session.id(), seed, &[purpose]);
        let (seal, mask, own) = (secret(b"seal key"), secret(b"mask key"), secret(b"own seed"));
        let commitment = commitment(session.id(), &own);
        let advertisement =
            Advertisement::sign(session, &identity, keys::public(&seal), keys::public(&mask), commitment);
        Self { identity, advertisement, seal, mask, own, coefficients: secret(b"coefficients") }
    }

    /// What to send.
    #[must_use]
    pub const fn advertisement(&self) -> &Advertisement {
        &self.advertisement
    }

    /// Judges the roster, and seals shares for the neighbours that it gives.
    ///
    /// # Errors
    ///
    /// A roster of another session, without this client as it advertised itself, or below its floor.
    pub fn share(self, roster: Arc<Roster>, floor: &Floor) -> Result<(Shared, SealedShares), Refusal> {
        if roster.session().id() != &self.advertisement.session {
            return Err(Refusal::OtherSession("roster"));
        }
        floor.accepts(roster.session().terms())?;
        let (have, need) = (roster.members().len(), floor.members);
        if have < need {
            return Err(Refusal::TooFew { what: "members", have, need });
        }
        if let Some(trusted) = &floor.trusted
            && roster.members().iter().any(|member| !trusted.contains(&member.identity))
        {
            return Err(Refusal::Stranger);
        }
        let place = roster.place(&self.advertisement.identity).ok_or(Refusal::NotEnrolled)?;
        if roster.members()[usize::from(place)] != self.advertisement {
            return Err(Refusal::NotEnrolled);
        }
        let neighbours = roster.neighbours(place);
        let mut drawn = Stream::new(&self.coefficients);
        let threshold = roster.bounds().threshold;
        let own = shamir::split(&self.own, threshold, &neighbours, &mut drawn);
        let mask = shamir::split(&self.mask, threshold, &neighbours, &mut drawn);
        let mut sealed = Vec::with_capacity(neighbours.len());
        for ((&to, own), mask) in neighbours.iter().zip(&own).zip(&mask) {
            let theirs = &roster.members()[usize::from(to)].seal_key;
            let envelope = Envelope { context: roster.digest(), from: place, to };
            sealed.push((to, envelope.seal(&self.seal, theirs, [own, mask])?));
        }
        let message = SealedShares { roster: *roster.digest(), from: place, sealed };
        let member = Member { identity: self.identity, roster, place };
        Ok((Shared { member, seal: self.seal, mask: self.mask, own: self.own }, message))
    }
}

/// What a seed of an own mask is bound to in the advertisement.
pub(crate) fn commitment(session: &[u8; 32], own: &[u8; 32]) -> [u8; 32] {
    keys::hash("own seed 1", &[session, own])
}
