//! Second stage: shares are opened, the input is masked.

use zeroize::Zeroizing;

use crate::Refusal;
use crate::client::{Held, Masked, Member};
use crate::keys::{self, Envelope};
use crate::message::{Delivery, MaskedInput, input, sharers_digest};
use crate::prg::{self, Sign};
use crate::quantise::{Quantised, Quantiser};

/// A client that has sealed its shares.
pub struct Shared {
    pub(super) member: Member,
    pub(super) seal: Zeroizing<[u8; 32]>,
    pub(super) mask: Zeroizing<[u8; 32]>,
    pub(super) own: Zeroizing<[u8; 32]>,
}

impl Shared {
    /// What makes levels of this client's numbers.
    #[must_use]
    pub fn quantiser(&self) -> Quantiser {
        self.member.roster.quantiser()
    }

    /// Opens the shares of the neighbours and masks the input among them.
    ///
    /// # Errors
    ///
    /// A delivery under another roster, of too few, without this client, without a neighbour that is said to have
    /// shared, or with a share that does not open; an input of another quantiser.
    pub fn mask(self, delivery: &Delivery, input: Quantised) -> Result<(Masked, MaskedInput), Refusal> {
        const NAME: &str = "delivery";
        let Member { roster, place, .. } = &self.member;
        let place = *place;
        roster.same(NAME, &delivery.roster)?;
        if input.made_by != roster.quantiser() {
            return Err(Refusal::OtherQuantiser);
        }
        roster.enough("members have shared", delivery.sharers.len())?;
        for &sharer in &delivery.sharers {
            roster.member(NAME, sharer)?;
        }
        if delivery.sharers.binary_search(&place).is_err() {
            return Err(Refusal::LeftOut("sharers"));
        }
        // This also leaves each of them neighbours enough to rebuild its secrets (`Bounds`).
        roster.connected(delivery.sharers.iter().copied())?;
        let mut neighbours = roster.neighbours(place);
        neighbours.retain(|neighbour| delivery.sharers.binary_search(neighbour).is_ok());
        if !neighbours.iter().eq(delivery.sealed.iter().map(|(from, _)| from)) {
            return Err(Refusal::Recipients);
        }
        let mut held = Held::new();
        let mut words = input.words;
        for (from, sealed) in &delivery.sealed {
            let theirs = &roster.members()[usize::from(*from)];
            let envelope = Envelope { context: roster.digest(), from: *from, to: place };
            held.insert(*from, envelope.open(&self.seal, &theirs.seal_key, sealed)?);
            let key = keys::pair_mask(roster.digest(), &self.mask, &theirs.mask_key, (place, *from))?;
            prg::mask(&mut words, &key, pair_sign(place, *from));
        }
        prg::mask(&mut words, &keys::self_mask(roster.digest(), &self.own), Sign::Plus);

        let sharers = sharers_digest(roster.digest(), &delivery.sharers);
        let digest = input::words_digest(&words);
        let statement = input::statement(roster.digest(), &sharers, place, &digest);
        let signature = self.member.identity.sign(&statement);
        let message = MaskedInput { roster: *roster.digest(), from: place, sharers, signature, words };
        let among = delivery.sharers.clone();
        Ok((Masked { member: self.member, held, among, sharers, words: digest }, message))
    }
}

/// Of two neighbours the first on the roster adds their mask and the other takes it off.
pub(crate) const fn pair_sign(member: u16, other: u16) -> Sign {
    if member < other { Sign::Plus } else { Sign::Minus }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::client::Advertised;
    use crate::keys::Identity;
    use crate::server::Enrolling;
    use crate::terms::{Floor, Session, Terms};

    #[test]
    fn an_input_carries_its_own_mask_and_one_with_every_neighbour() {
        let terms = Terms {
            dimension: 7,
            clip: 1.0,
            max_weight: 9,
            min_members: 3,
            max_members: 3,
            corrupt: 0,
            dropouts: 0,
            norm: None,
        };
        let session = Session::new(b"", terms).expect("the terms are possible");
        let clients = [1, 2, 3]
            .map(|seed| Advertised::new(&session, Arc::new(Identity::from_seed(&[seed; 32])), &[seed; 32]));
        let mut server = Enrolling::new(session);
        for client in &clients {
            server.take(client.advertisement().clone()).expect("it is honest");
        }
        let mut server = server.close().expect("three are enough");
        let roster = Arc::clone(server.roster());
        let mut shared = clients.map(|client| {
            let (client, message) =
                client.share(Arc::clone(&roster), &Floor::default()).expect("it is honest");
            server.take(message).expect("it is honest");
            Some(client)
        });
        let server = server.close().expect("all have shared");
        let client = shared.iter_mut().find_map(|client| client.take_if(|client| client.member.place == 1));
        let client = client.expect("somebody is second");
        let (own, mask) = (client.own.clone(), client.mask.clone());
        let input = client.quantiser().quantise(&[0.5; 7], 9, &[4; 32]).expect("it fits");
        let plain = input.words.clone();
        let (_, message) =
            client.mask(&server.delivery(1).expect("it has shared"), input).expect("it is honest");

        // Only when all three are off again, and not before, is the input to be seen.
        let mut words = message.words;
        let hidden = |words: &[u32]| words.iter().zip(&plain).all(|(word, plain)| word != plain);
        let pair = |other: u16| {
            let theirs = &roster.members()[usize::from(other)].mask_key;
            keys::pair_mask(roster.digest(), &mask, theirs, (1, other)).expect("the keys are fine")
        };
        assert!(hidden(&words));
        prg::mask(&mut words, &keys::self_mask(roster.digest(), &own), Sign::Minus);
        assert!(hidden(&words));
        prg::mask(&mut words, &pair(0), Sign::Plus);
        assert!(hidden(&words));
        prg::mask(&mut words, &pair(2), Sign::Minus);
        assert_eq!(words, plain);
    }
}
