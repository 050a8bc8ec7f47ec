//! The actions that stay within this domain: waiting, asking a person, saying something.

use serde_json::{Map, Value};
use thunderline_core::{Error, Result, SignedDuration, Timestamp};

use super::{
    catalogue::{ActionSpec, Field, Kind, Output},
    definition::duration,
};

/// The subject of nodes that wait for a person.
pub(crate) const PERSON: &str = "person";

/// One of Vine's own actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Native {
    /// Waits for a time.
    Wait,
    /// Waits for a person.
    Approve,
    /// Tells an event.
    Note,
}

const WAIT: ActionSpec = ActionSpec {
    name: "wait",
    summary: "Waits for a time.",
    input: &[Field { name: "for", kind: Kind::Duration, required: true, help: "how long" }],
    outputs: &[],
};

const APPROVE: ActionSpec = ActionSpec {
    name: "approve",
    summary: "Waits until a person approves: workflows approve EXECUTION NODE.",
    input: &[Field { name: "question", kind: Kind::Text, required: true, help: "what is to be decided" }],
    outputs: &[
        Output { name: "by", sample: "user:operator" },
        Output { name: "comment", sample: "looks good" },
    ],
};

const NOTE: ActionSpec = ActionSpec {
    name: "note",
    summary: "Tells the event dag.node.noted to whoever listens.",
    input: &[
        Field { name: "message", kind: Kind::Text, required: true, help: "what it says" },
        Field { name: "data", kind: Kind::Any, required: false, help: "what it adds for programs" },
    ],
    outputs: &[],
};

pub(crate) const SPECS: [&ActionSpec; 3] = [&APPROVE, &NOTE, &WAIT];

/// What one of Vine's own actions does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Does {
    /// Nothing until then.
    Until(Timestamp),
    /// Nothing until a person decided.
    Ask(String),
    /// Says this, and is done.
    Say(String, Value),
}

impl Native {
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Wait, Self::Approve, Self::Note].into_iter().find(|native| native.spec().name == name)
    }

    pub(crate) const fn spec(self) -> &'static ActionSpec {
        match self {
            Self::Wait => &WAIT,
            Self::Approve => &APPROVE,
            Self::Note => &NOTE,
        }
    }

    /// What it does with this input.
    pub(crate) fn does(self, input: &Map<String, Value>, now: Timestamp) -> Result<Does> {
        let text = |name: &str| input.get(name).map(plain).unwrap_or_default();
        Ok(match self {
            Self::Wait => {
                let value = input.get("for").unwrap_or(&Value::Null);
                let seconds = duration::seconds(value).ok_or_else(|| {
                    Error::invalid_value("for", format!("{value} is no time"), Kind::Duration.words())
                })?;
                let until = now.checked_add(SignedDuration::from_secs(seconds));
                Does::Until(
                    until.map_err(|_| Error::invalid_value("for", "it ends beyond the calendar", "less"))?,
                )
            }
            Self::Approve => Does::Ask(text("question")),
            Self::Note => Does::Say(text("message"), input.get("data").cloned().unwrap_or(Value::Null)),
        })
    }
}

/// A value as text: without quotes where it is text already.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
