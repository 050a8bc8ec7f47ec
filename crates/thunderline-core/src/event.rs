//! Events: facts that happened, told in the past tense.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{Error, EventId, Result, TenantId};

/// What an event, an audit row or an action is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// `federation`, `round`, `lease`, `node`, …
    pub kind: String,
    /// The thing's id, in the form in which listings print it.
    pub id: String,
}

impl Subject {
    /// Names a thing.
    pub fn new(kind: &str, id: impl std::fmt::Display) -> Self {
        Self { kind: kind.into(), id: id.to_string() }
    }
}

/// A kind of fact. Payloads live in `thunderline-contracts`; a released payload is never edited, a new version is added.
pub trait Event: Serialize + DeserializeOwned {
    /// `domain.noun.past`, for example `fl.round.started`.
    const NAME: &'static str;
    /// The payload's version, from 1.
    const VERSION: u32 = 1;
    /// What it is about. Events of one subject are delivered in order.
    fn subject(&self) -> Subject;
}

/// Which events may be told, and in which form. What a database asks before it takes an event.
pub trait Contracts: Send + Sync {
    /// Compares an event with its contract.
    ///
    /// # Errors
    /// `internal` where there is no contract of this name and version, or the payload does not fit it: the program tells
    /// something that nobody was promised.
    fn check(&self, name: &str, version: u32, payload: &serde_json::Value) -> Result<()>;
}

/// An event as it is stored and delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The position in the outbox: strictly increasing in commit order. What cursors count.
    pub sequence: i64,
    /// The event's own id.
    pub id: EventId,
    /// [`Event::NAME`].
    pub name: String,
    /// [`Event::VERSION`].
    pub version: u32,
    /// Whose event.
    pub tenant: TenantId,
    /// Who did it.
    pub actor: String,
    /// What it is about.
    pub subject: Subject,
    /// Ties together everything that one request set off.
    pub correlation: Uuid,
    /// The event that directly caused this one.
    pub causation: Option<Uuid>,
    /// When.
    pub time: Timestamp,
    /// The fact itself.
    pub payload: serde_json::Value,
}

impl Envelope {
    /// The payload as the type it was written as.
    ///
    /// # Errors
    /// `internal` where the stored payload does not fit the type: a contract was edited instead of versioned.
    pub fn decode<E: Event>(&self) -> Result<E> {
        serde_json::from_value(self.payload.clone()).map_err(|error| {
            Error::internal(format!("event {} v{} does not fit its contract", self.name, self.version))
                .caused_by(error)
        })
    }
}
