//! What a node can do or where it is: keys with plain values, as `gpu: true`, `cores: 8`, `region: "eu"`.
//!
//! The node reports some of them, an operator sets others; where both speak of one key, the operator's word counts, until
//! it is taken back.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use thunderline_contracts::link::Capabilities;
use thunderline_core::{Error, Result};

use crate::rows::capabilities::Stated;

/// The most capabilities of one node, from either side.
pub(crate) const MOST: usize = 64;
const KEY: &str = "1 to 64 of a-z, 0-9, '_', '-', '.', beginning with a letter";

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The node itself.
    Reported,
    /// Somebody who may steer it.
    Operator,
}

impl Source {
    /// The name in tables and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Operator => "operator",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Reported, Self::Operator].into_iter().find(|source| source.name() == name)
    }
}

/// One capability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Capability {
    /// Text, a number, true or false.
    pub value: Value,
    /// Whether it counts when nodes are chosen.
    pub enabled: bool,
    /// Who says so.
    pub source: Source,
}

/// Those that count, by their keys: the operator's before the node's own.
pub(crate) fn effective(stated: Vec<Stated>) -> BTreeMap<String, Capability> {
    let mut by_key: BTreeMap<String, Capability> = BTreeMap::new();
    for Stated { key, capability, .. } in stated {
        match by_key.get(&key) {
            Some(other) if other.source > capability.source => {}
            _ => drop(by_key.insert(key, capability)),
        }
    }
    by_key
}

/// What other domains hear of: those that are enabled.
pub(crate) fn enabled(capabilities: &BTreeMap<String, Capability>) -> Capabilities {
    let enabled = capabilities.iter().filter(|(_, capability)| capability.enabled);
    enabled.map(|(key, capability)| (key.clone(), capability.value.clone())).collect()
}

/// What a node says of itself as capabilities: the plain values of what it calls its capacity. What is malformed or
/// beyond the limit is left out; a node is not refused for it.
pub(crate) fn reported(capacity: &Value) -> BTreeMap<String, Value> {
    let object = capacity.as_object().into_iter().flatten();
    object
        .filter(|(key, value)| check_key(key).is_ok() && check_value(value).is_ok())
        .map(|(key, value)| (key.clone(), value.clone()))
        .take(MOST)
        .collect()
}

/// # Errors
/// `invalid`, with what a key may be.
pub(crate) fn check_key(key: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
    let begins = key.starts_with(|c: char| c.is_ascii_lowercase());
    if begins && key.len() <= 64 && key.chars().all(fits) {
        return Ok(());
    }
    Err(Error::invalid_value("key", format!("'{key}' is no key"), KEY))
}

/// # Errors
/// `invalid`, with what a value may be.
pub(crate) fn check_value(value: &Value) -> Result<()> {
    let fits = match value {
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !text.trim().is_empty() && text.chars().count() <= 100,
        _ => false,
    };
    if fits {
        return Ok(());
    }
    Err(Error::invalid_value(
        "value",
        "it is not a plain value",
        "true, false, a number, or text of 1 to 100 characters",
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use thunderline_core::NodeId;

    use super::*;

    fn stated(key: &str, value: Value, enabled: bool, source: Source) -> Stated {
        Stated {
            node: NodeId::from_bits(1),
            key: key.into(),
            capability: Capability { value, enabled, source },
        }
    }

    #[test]
    fn the_operators_word_wins_whatever_the_order() {
        let mut both = vec![
            stated("gpu", json!(true), true, Source::Reported),
            stated("gpu", json!(true), false, Source::Operator),
            stated("cores", json!(8), true, Source::Reported),
        ];
        for _ in 0..2 {
            let effective = effective(both.clone());
            assert_eq!(effective["gpu"].source, Source::Operator);
            assert_eq!(enabled(&effective), [("cores".to_owned(), json!(8))].into());
            both.reverse();
        }
    }

    #[test]
    fn only_plain_values_under_plain_keys_are_taken_from_a_report() {
        let capacity = json!({"cores": 8, "GPU": true, "disks": [1], "region": "eu", "note": " ", "x": null});
        let taken: Vec<_> = reported(&capacity).into_keys().collect();
        assert_eq!(taken, ["cores", "region"]);
        assert!(reported(&json!("fast")).is_empty());
    }
}
