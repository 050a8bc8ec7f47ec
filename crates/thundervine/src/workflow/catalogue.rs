//! The actions that a node may name.
//!
//! Vine itself has `wait`, `approve` and `note`. Everything that touches another domain is a [`StepAction`], injected where the
//! server is composed, so that this crate names no other domain.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::BoxFuture;
use serde_json::{Map, Value};
use thunderline_core::{Cx, Problem, Result};

use super::native::{self, Native};

/// What a value of an input must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A time: `30s`, `15m`, `2h`, `7d`, or seconds as a number.
    Duration,
    /// Text, or a group of keys.
    Document,
    /// Anything.
    Any,
}

impl Kind {
    /// What is allowed, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Duration => "a time: 30s, 15m, 2h, 7d",
            Self::Document => "a document: text or a group of keys",
            Self::Any => "any value",
        }
    }
}

/// A value that an action takes.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it must be.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// What it means.
    pub help: &'static str,
}

/// A value that an action gives, for later nodes to refer to as `${node.name}`.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Its name.
    pub name: &'static str,
    /// A value of the right form, put in its place while a definition is checked.
    pub sample: &'static str,
}

/// An action as the catalogue describes it.
#[derive(Clone, Copy, Debug)]
pub struct ActionSpec {
    /// `domain.verb`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// What it takes.
    pub input: &'static [Field],
    /// What it gives.
    pub outputs: &'static [Output],
}

/// What came of asking for an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Ran {
    /// It is done.
    Done(Map<String, Value>),
    /// It is under way. It is over when `subject` is told to be: see [`super::project`].
    Waiting {
        /// What is awaited: `federation:0197…`.
        subject: String,
        /// The same in words.
        words: String,
        /// What is known already; what undoes the node may refer to it.
        outputs: Map<String, Value>,
    },
}

/// An action that leaves this domain.
pub trait StepAction: Send + Sync {
    /// What it is.
    fn spec(&self) -> &'static ActionSpec;

    /// What is wrong with an input, as far as that can be known beforehand; paths are relative to the input. References are
    /// replaced by samples.
    fn check(&self, _input: &Map<String, Value>) -> Vec<Problem> {
        Vec::new()
    }

    /// Does it. Asked again with the same key, which may happen after a crash, it must have no second effect and give the
    /// same outcome.
    fn run(&self, cx: Cx, key: String, input: Map<String, Value>) -> BoxFuture<'static, Result<Ran>>;
}

/// Every action that a node may name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Catalogue(Arc<BTreeMap<&'static str, Arc<dyn StepAction>>>);

/// An action of the catalogue.
pub(crate) enum Found {
    /// Vine's own.
    Native(Native),
    /// A port.
    Port(Arc<dyn StepAction>),
}

impl Catalogue {
    /// Vine's own actions, and these.
    #[must_use]
    pub fn new(ports: Vec<Arc<dyn StepAction>>) -> Self {
        Self(Arc::new(ports.into_iter().map(|port| (port.spec().name, port)).collect()))
    }

    pub(crate) fn find(&self, name: &str) -> Option<Found> {
        Native::named(name).map(Found::Native).or_else(|| self.0.get(name).cloned().map(Found::Port))
    }

    /// Every action, by name.
    #[must_use]
    pub fn specs(&self) -> Vec<&'static ActionSpec> {
        let mut specs: Vec<_> =
            native::SPECS.iter().copied().chain(self.0.values().map(|port| port.spec())).collect();
        specs.sort_by_key(|spec| spec.name);
        specs
    }

    /// Their names, for messages.
    #[must_use]
    pub fn names(&self) -> String {
        self.specs().iter().map(|spec| spec.name).collect::<Vec<_>>().join(", ")
    }
}

impl Found {
    pub(crate) fn spec(&self) -> &'static ActionSpec {
        match self {
            Self::Native(native) => native.spec(),
            Self::Port(port) => port.spec(),
        }
    }

    pub(crate) fn check(&self, input: &Map<String, Value>) -> Vec<Problem> {
        match self {
            Self::Native(_) => Vec::new(),
            Self::Port(port) => port.check(input),
        }
    }
}
