//! What a session is about, before anybody joins it, and what a client asks of any session.

use std::collections::BTreeSet;

use crate::{Refusal, bounds::MOST_MEMBERS, keys};

/// The terms of a session; every client knows them, and everything that is signed depends on them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// d, how many numbers an input has.
    pub dimension: u32,
    /// Inputs are clipped to ±`clip`, number by number.
    pub clip: f32,
    /// The most that one client's input can weigh.
    pub max_weight: u32,
    /// The fewest members.
    pub min_members: u16,
    /// The most members.
    pub max_members: u16,
    /// How many in a thousand may work with the server.
    pub corrupt: u16,
    /// How many in a thousand may fall away.
    pub dropouts: u16,
}

impl Terms {
    /// That a session could have these terms.
    ///
    /// # Errors
    ///
    /// Says which term is impossible.
    pub fn check(&self) -> Result<(), Refusal> {
        let wrong = |why: &str| Err(Refusal::Terms(why.to_owned()));
        if self.dimension == 0 || self.dimension > 1 << 30 {
            return wrong("dimension must be between 1 and 2^30");
        }
        if !(self.clip.is_finite() && self.clip > 0.0) {
            return wrong("clip must be finite and above 0");
        }
        if self.min_members < 3 || self.max_members < self.min_members {
            return wrong("min_members must be at least 3, and max_members no less");
        }
        if usize::from(self.max_members) > MOST_MEMBERS {
            return wrong("max_members must be at most 16384");
        }
        if self.max_weight == 0
            || u64::from(self.max_weight) * u64::from(self.max_members) > u64::from(u32::MAX)
        {
            return wrong(
                "max_weight must be at least 1, and the weights of all members together below 2^32",
            );
        }
        if self.corrupt > 1000 || self.dropouts > 1000 {
            return wrong("corrupt and dropouts are parts of 1000");
        }
        Ok(())
    }

    fn bytes(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&self.dimension.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.clip.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.max_weight.to_le_bytes());
        let small = [self.min_members, self.max_members, self.corrupt, self.dropouts];
        for (pair, term) in bytes[12..].as_chunks_mut::<2>().0.iter_mut().zip(small) {
            *pair = term.to_le_bytes();
        }
        bytes
    }
}

/// One run of the protocol: its terms, and a name that no other run has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Session {
    id: [u8; 32],
    terms: Terms,
}

impl Session {
    /// The session of these terms in a context that is used once: which federation, which round, which try.
    ///
    /// # Errors
    ///
    /// Terms that no session can have.
    pub fn new(context: &[u8], terms: Terms) -> Result<Self, Refusal> {
        terms.check()?;
        Ok(Self { id: keys::hash("secagg session 1", &[&terms.bytes(), context]), terms })
    }

    /// What everything in this session is bound to.
    #[must_use]
    pub const fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// The terms.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }
}

/// What a client asks, whatever the server says. The client's operator sets it, not the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Floor {
    /// The fewest members among whom this client hides.
    pub members: usize,
    /// How many in a thousand must be assumed to work with the server.
    pub corrupt: u16,
    /// The identities that may be on a roster; `None` takes the server's word for who is a client, and then a server
    /// that makes clients up is not held off.
    pub trusted: Option<BTreeSet<[u8; 32]>>,
}

impl Floor {
    /// That this client takes part under these terms.
    ///
    /// # Errors
    ///
    /// Says which term is below the floor.
    pub fn accepts(&self, terms: &Terms) -> Result<(), Refusal> {
        if terms.corrupt < self.corrupt {
            let (theirs, ours) = (terms.corrupt, self.corrupt);
            let why = format!("corrupt is {theirs} in a thousand, and this client assumes {ours}");
            return Err(Refusal::Terms(why));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        dimension: 10,
        clip: 1.0,
        max_weight: 1000,
        min_members: 3,
        max_members: 10,
        corrupt: 200,
        dropouts: 300,
    };

    #[test]
    fn every_term_and_the_context_make_another_session() {
        let of = |context: &[u8], terms| *Session::new(context, terms).expect("the terms are possible").id();
        let changes: [fn(&mut Terms); 7] = [
            |terms| terms.dimension += 1,
            |terms| terms.clip *= 2.0,
            |terms| terms.max_weight += 1,
            |terms| terms.min_members += 1,
            |terms| terms.max_members += 1,
            |terms| terms.corrupt += 1,
            |terms| terms.dropouts += 1,
        ];
        let mut ids = BTreeSet::from([of(b"round 1", TERMS), of(b"round 2", TERMS)]);
        for change in changes {
            let mut terms = TERMS;
            change(&mut terms);
            ids.insert(of(b"round 1", terms));
        }
        assert_eq!(ids.len(), 9);
    }

    #[test]
    fn impossible_terms_are_refused() {
        let changes: [fn(&mut Terms); 9] = [
            |terms| terms.dimension = 0,
            |terms| terms.clip = f32::NAN,
            |terms| terms.clip = 0.0,
            |terms| terms.min_members = 2,
            |terms| terms.max_members = 2,
            |terms| terms.max_members = 20_000,
            |terms| terms.max_weight = 0,
            |terms| terms.max_weight = u32::MAX / 10 + 1,
            |terms| terms.corrupt = 1001,
        ];
        for change in changes {
            let mut terms = TERMS;
            change(&mut terms);
            assert!(matches!(Session::new(b"", terms), Err(Refusal::Terms(_))), "{terms:?}");
        }
    }
}
