//! First stage: who takes part.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::Refusal;
use crate::message::Advertisement;
use crate::roster::Roster;
use crate::server::Sharing;
use crate::terms::Session;

/// A server that takes advertisements.
pub struct Enrolling {
    session: Session,
    members: BTreeMap<[u8; 32], Advertisement>,
    keys: BTreeSet<[u8; 32]>,
}

impl Enrolling {
    /// Opens a session.
    #[must_use]
    pub const fn new(session: Session) -> Self {
        Self { session, members: BTreeMap::new(), keys: BTreeSet::new() }
    }

    /// Takes an advertisement; whether the identity may take part is for the caller to know.
    ///
    /// # Errors
    ///
    /// One of another session, one that is not signed, has weak keys or somebody else's, or a second of one identity.
    pub fn take(&mut self, message: Advertisement) -> Result<(), Refusal> {
        message.check(&self.session)?;
        let keys = [message.seal_key, message.mask_key];
        if keys[0] == keys[1] || keys.iter().any(|key| self.keys.contains(key)) {
            return Err(Refusal::Duplicate("key"));
        }
        if self.members.contains_key(&message.identity) {
            return Err(Refusal::Duplicate("identity"));
        }
        self.keys.extend(keys);
        self.members.insert(message.identity, message);
        Ok(())
    }

    /// How many have advertised.
    #[must_use]
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// Makes the roster of those who have advertised.
    ///
    /// # Errors
    ///
    /// Too few or too many, or a cohort that does not stand what the terms assume.
    pub fn close(self) -> Result<Sharing, Refusal> {
        let roster = Roster::assemble(self.session, self.members.into_values().collect())?;
        Ok(Sharing::new(Arc::new(roster)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{self, Identity};
    use crate::terms::Terms;

    #[test]
    fn who_brings_a_key_twice_is_left_out_and_the_others_have_a_roster() {
        let terms = Terms {
            dimension: 1,
            clip: 1.0,
            max_weight: 1,
            min_members: 3,
            max_members: 9,
            corrupt: 100,
            dropouts: 0,
            norm: None,
        };
        let session = Session::new(b"", terms).expect("the terms are possible");
        let signed = |number: u8, seal: u8, mask: u8| {
            let identity = Identity::from_seed(&[number; 32]);
            let [seal, mask] = [seal, mask].map(|key| keys::public(&[key; 32]));
            Advertisement::sign(&session, &identity, seal, mask, [0; 32])
        };
        let mut server = Enrolling::new(session);
        assert_eq!(server.take(signed(1, 40, 40)), Err(Refusal::Duplicate("key")));
        for number in 2..5 {
            assert_eq!(server.take(signed(number, 10 + number, 20 + number)), Ok(()));
        }
        assert_eq!(server.take(signed(6, 12, 41)), Err(Refusal::Duplicate("key")));
        assert_eq!(server.take(signed(7, 42, 12)), Err(Refusal::Duplicate("key")));
        assert_eq!(server.count(), 3);
        assert!(server.close().is_ok());
    }
}
