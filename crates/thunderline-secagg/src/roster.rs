//! Everybody who takes part, as all of them see it.

use std::collections::BTreeSet;

use crate::bounds::Bounds;
use crate::codec::{Reader, Writer};
use crate::message::Advertisement;
use crate::neighbours::Ring;
use crate::quantise::Quantiser;
use crate::terms::Session;
use crate::{Refusal, keys};

const KIND: u8 = 2;

/// The members of a session in the order of their identities. A value of this type was checked whole: every signature,
/// that no identity and no key is there twice, and that the cohort stands what the terms assume.
#[derive(Clone, Debug, PartialEq)]
pub struct Roster {
    session: Session,
    members: Vec<Advertisement>,
    digest: [u8; 32],
    bounds: Bounds,
    ring: Ring,
}

impl Roster {
    /// Checks advertisements that are in the order of their identities.
    ///
    /// # Errors
    ///
    /// Says what is wrong with them.
    pub fn new(session: Session, members: Vec<Advertisement>) -> Result<Self, Refusal> {
        if let Some(pair) = members.array_windows().find(|[left, right]| left.identity >= right.identity) {
            let same = pair[0].identity == pair[1].identity;
            return Err(if same { Refusal::Duplicate("identity") } else { Refusal::Unordered });
        }
        let distinct: BTreeSet<_> =
            members.iter().flat_map(|member| [member.seal_key, member.mask_key]).collect();
        if distinct.len() < 2 * members.len() {
            return Err(Refusal::Duplicate("key"));
        }
        members.iter().try_for_each(|member| member.check(&session))?;
        Self::assemble(session, members)
    }

    /// The roster of advertisements that were checked one by one as they came.
    pub(crate) fn assemble(session: Session, members: Vec<Advertisement>) -> Result<Self, Refusal> {
        let terms = session.terms();
        let (have, need) = (members.len(), usize::from(terms.min_members));
        if have < need {
            return Err(Refusal::TooFew { what: "members", have, need });
        }
        let most = usize::from(terms.max_members);
        if have > most {
            return Err(Refusal::TooMany { have, most });
        }
        let bounds = Bounds::of(have, terms.corrupt, terms.dropouts)?;
        let bytes = encoded(&session, &members);
        let digest = keys::hash("roster 1", &[&bytes]);
        let ring = Ring::new(&bounds, &keys::hash("ring 1", &[&digest]));
        Ok(Self { session, members, digest, bounds, ring })
    }

    /// The roster as it travels.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encoded(&self.session, &self.members)
    }

    /// Reads and checks a roster.
    ///
    /// # Errors
    ///
    /// Bytes that are no roster, or a roster that does not hold.
    pub fn decode(session: Session, bytes: &[u8]) -> Result<Self, Refusal> {
        Self::new(session, read(&session, bytes)?)
    }

    /// Reads a roster that the caller itself has made and kept: signatures are not checked again.
    ///
    /// # Errors
    ///
    /// Bytes that are no roster of this session.
    pub fn again(session: Session, bytes: &[u8]) -> Result<Self, Refusal> {
        Self::assemble(session, read(&session, bytes)?)
    }

    /// The session.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The members.
    #[must_use]
    pub fn members(&self) -> &[Advertisement] {
        &self.members
    }

    /// What everything after it is bound to.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The numbers of this cohort.
    #[must_use]
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// How this cohort's numbers become levels.
    #[must_use]
    pub fn quantiser(&self) -> Quantiser {
        Quantiser::new(self.session.terms(), self.members.len())
    }

    /// The place of an identity.
    #[must_use]
    pub fn place(&self, identity: &[u8; 32]) -> Option<u16> {
        let place = self.members.binary_search_by(|member| member.identity.cmp(identity)).ok()?;
        Some(u16::try_from(place).expect("a roster has at most 16384 members"))
    }

    /// The neighbours of a member, in ascending order.
    #[must_use]
    pub fn neighbours(&self, member: u16) -> Vec<u16> {
        self.ring.neighbours(member)
    }

    pub(crate) fn member(&self, message: &'static str, member: u16) -> Result<&Advertisement, Refusal> {
        self.members.get(usize::from(member)).ok_or(Refusal::Unknown { message, member })
    }

    /// That `have` are as many as must be left.
    pub(crate) fn enough(&self, what: &'static str, have: usize) -> Result<(), Refusal> {
        let need = self.bounds.quorum;
        if have < need { Err(Refusal::TooFew { what, have, need }) } else { Ok(()) }
    }

    /// That no part of the survivors stands apart from the rest.
    pub(crate) fn connected(&self, survivors: impl IntoIterator<Item = u16>) -> Result<(), Refusal> {
        let need = self.bounds.least;
        match self.ring.thinnest(survivors) {
            Some(have) if have < need => Err(Refusal::Thin { have, need }),
            _ => Ok(()),
        }
    }

    pub(crate) fn same(&self, message: &'static str, digest: &[u8; 32]) -> Result<(), Refusal> {
        if digest == &self.digest { Ok(()) } else { Err(Refusal::OtherRoster(message)) }
    }
}

fn encoded(session: &Session, members: &[Advertisement]) -> Vec<u8> {
    let mut writer = Writer::new(KIND, 34 + members.len() * Advertisement::BODY);
    writer.bytes(session.id()).count(members.len());
    members.iter().for_each(|member| member.write(&mut writer));
    writer.done()
}

fn read(session: &Session, bytes: &[u8]) -> Result<Vec<Advertisement>, Refusal> {
    let mut reader = Reader::new("roster", KIND, bytes)?;
    if reader.array()? != *session.id() {
        return Err(Refusal::OtherSession("roster"));
    }
    let members = reader.list(Advertisement::BODY, |reader| Advertisement::read(reader, *session.id()))?;
    reader.end()?;
    Ok(members)
}
