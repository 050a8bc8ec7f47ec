//! The call context: who asks, for which tenant, what time it is, where randomness comes from.
//!
//! Everything that would otherwise be a global is handed on through [`Cx`]; that is what lets a test move time, repeat
//! ids and act as anybody.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Attempt, NodeId, TenantId};

/// Where 'now' comes from.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// Where randomness comes from.
pub trait Random: Send + Sync {
    /// Fills the buffer with random bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the wall clock enters")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The operating system's random generator.
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("a kernel that cannot give randomness cannot run a server");
    }
}

/// A clock that stands still until it is moved. For tests and simulations.
pub struct FixedClock(Mutex<Timestamp>);

impl FixedClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Arc<Self> {
        Arc::new(Self(Mutex::new(start)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().expect("no code panics while holding the clock");
        *now += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("no code panics while holding the clock")
    }
}

/// A repeatable generator (SplitMix64, Steele et al. 2014). For tests and simulations; not for keys.
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// The generator that always gives the same bytes for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(seed)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.lock().expect("no code panics while holding the generator");
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// What a person may do, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May look.
    Viewer,
    /// May also submit and steer federations.
    Operator,
    /// May also change the installation.
    Admin,
}

impl Role {
    /// The role's name in tokens, audit rows and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A part of Thunderline itself; the name says which.
    System(&'static str),
    /// A person or a program with a token.
    User {
        /// The token's or account's name.
        name: Arc<str>,
        /// What it may do.
        role: Role,
    },
    /// A training node that proved possession of its key.
    Node(NodeId),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(component) => write!(f, "system:{component}"),
            Self::User { name, .. } => write!(f, "user:{name}"),
            Self::Node(id) => write!(f, "node:{id}"),
        }
    }
}

/// The call context. Cheap to clone.
#[derive(Clone)]
pub struct Cx {
    actor: Actor,
    tenant: TenantId,
    correlation: Uuid,
    causation: Option<Uuid>,
    attempt: Option<Attempt>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Cx {
    /// A context with a fresh correlation id.
    #[must_use]
    pub fn new(actor: Actor, tenant: TenantId, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let (correlation, causation, attempt) = (Uuid::nil(), None, None);
        let mut cx = Self { actor, tenant, correlation, causation, attempt, clock, random };
        cx.correlation = cx.uuid();
        cx
    }

    /// The same clock and randomness for another caller: a new correlation begins.
    #[must_use]
    pub fn for_actor(&self, actor: Actor, tenant: TenantId) -> Self {
        Self::new(actor, tenant, self.clock.clone(), self.random.clone())
    }

    /// The same chain of cause and effect, now acted upon by a part of Thunderline.
    #[must_use]
    pub fn as_system(&self, component: &'static str) -> Self {
        Self { actor: Actor::System(component), ..self.clone() }
    }

    /// The same caller, on the chain of cause and effect that an event or a job carries.
    #[must_use]
    pub fn caused_by(&self, tenant: TenantId, correlation: Uuid, causation: Option<Uuid>) -> Self {
        Self { tenant, correlation, causation, ..self.clone() }
    }

    /// The same caller, as the handler of a job.
    #[must_use]
    pub fn in_attempt(&self, attempt: Attempt) -> Self {
        Self { attempt: Some(attempt), ..self.clone() }
    }

    /// The attempt at a job that this call is part of, if it is.
    #[must_use]
    pub fn attempt(&self) -> Option<&Attempt> {
        self.attempt.as_ref()
    }

    /// Who asks.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// For which tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The id that ties together everything one request set off.
    #[must_use]
    pub fn correlation(&self) -> Uuid {
        self.correlation
    }

    /// The event that directly caused this call, if one did.
    #[must_use]
    pub fn causation(&self) -> Option<Uuid> {
        self.causation
    }

    /// The current time, cut to microseconds: what both databases can hold.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Fills the buffer with random bytes.
    pub fn fill_random(&self, buffer: &mut [u8]) {
        self.random.fill(buffer);
    }

    /// A random number.
    #[must_use]
    pub fn random_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A fresh UUID version 7.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        let mut bytes = [0; 10];
        self.random.fill(&mut bytes);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    /// A fresh id of the wanted type.
    #[must_use]
    pub fn id<I: From<Uuid>>(&self) -> I {
        I::from(self.uuid())
    }
}

impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cx({} in {}, {})", self.actor, self.tenant, self.correlation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cx(seed: u64) -> Cx {
        let clock = FixedClock::new(Timestamp::from_second(1_800_000_000).unwrap());
        Cx::new(Actor::System("test"), TenantId(Uuid::nil()), clock, SeededRandom::new(seed))
    }

    #[test]
    fn the_same_seed_gives_the_same_ids_and_another_seed_others() {
        assert_eq!(cx(1).uuid(), cx(1).uuid());
        assert_ne!(cx(1).uuid(), cx(2).uuid());
    }

    #[test]
    fn fresh_ids_are_version_seven() {
        assert_eq!(cx(1).uuid().get_version_num(), 7);
    }
}
