//! Run configuration: an app's default values and their replacements.

use std::fmt;

use thunderline_core::{Error, Problem, Result};
use toml::{Table, Value};

use super::problem;
use crate::wire;

/// A configuration value of an app.
#[derive(Clone, Debug, PartialEq)]
pub enum RunValue {
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A text.
    Text(String),
}

impl RunValue {
    /// The type in words.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
        }
    }

    /// The value as it travels.
    #[must_use]
    pub fn to_wire(&self) -> wire::Scalar {
        let kind = match self {
            Self::Bool(value) => wire::ScalarKind::Bool(*value),
            Self::Int(value) => wire::ScalarKind::Sint64(*value),
            Self::Float(value) => wire::ScalarKind::Double(*value),
            Self::Text(value) => wire::ScalarKind::String(value.clone()),
        };
        wire::Scalar { scalar: Some(kind) }
    }

    /// The JSON value as a value of the same type as `self`; integers pass as floats, nothing else is converted.
    fn same_type(&self, given: &serde_json::Value) -> Option<Self> {
        match self {
            Self::Bool(_) => given.as_bool().map(Self::Bool),
            Self::Int(_) => given.as_i64().map(Self::Int),
            Self::Float(_) => given.as_f64().map(Self::Float),
            Self::Text(_) => given.as_str().map(|text| Self::Text(text.into())),
        }
    }
}

impl fmt::Display for RunValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Text(value) => write!(f, "{value:?}"),
        }
    }
}

/// The table's values, nested keys joined by dots.
pub(super) fn flatten(table: &Table, problems: &mut Vec<Problem>) -> Vec<(String, RunValue)> {
    let mut flat = Vec::new();
    flatten_into(table, "", &mut flat, problems);
    flat
}

fn flatten_into(
    table: &Table,
    prefix: &str,
    flat: &mut Vec<(String, RunValue)>,
    problems: &mut Vec<Problem>,
) {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        let value = match value {
            Value::Table(inner) => {
                flatten_into(inner, &format!("{key}."), flat, problems);
                continue;
            }
            Value::Boolean(value) => RunValue::Bool(*value),
            Value::Integer(value) => RunValue::Int(*value),
            Value::Float(value) => RunValue::Float(*value),
            Value::String(value) => RunValue::Text(value.clone()),
            Value::Datetime(_) | Value::Array(_) => {
                let path = format!("tool.flwr.app.config.{key}");
                problems.push(problem(&path, "Flower has no such values", "a number, truth value or text"));
                continue;
            }
        };
        flat.push((key, value));
    }
}

/// See [`super::Bundle::overrides`].
pub(super) fn overrides(
    known: &[(String, RunValue)],
    given: &serde_json::Map<String, serde_json::Value>,
) -> Result<Vec<(String, RunValue)>> {
    let (mut accepted, mut problems) = (Vec::new(), Vec::new());
    replace_into(known, given, "", &mut accepted, &mut problems);
    if problems.is_empty() {
        Ok(accepted)
    } else {
        Err(Error::invalid("the run configuration does not fit the app bundle", problems))
    }
}

fn replace_into(
    known: &[(String, RunValue)],
    given: &serde_json::Map<String, serde_json::Value>,
    prefix: &str,
    accepted: &mut Vec<(String, RunValue)>,
    problems: &mut Vec<Problem>,
) {
    for (key, value) in given {
        let key = format!("{prefix}{key}");
        let refuse =
            |reason: String, allowed: String| Problem { path: format!("config.{key}"), reason, allowed };
        match (known.iter().find(|(name, _)| *name == key), value) {
            (None, serde_json::Value::Object(inner)) => {
                replace_into(known, inner, &format!("{key}."), accepted, problems);
            }
            (None, _) => problems.push(refuse("the bundle has no such key".into(), names(known))),
            (Some((_, default)), value) => match default.same_type(value) {
                Some(value) => accepted.push((key, value)),
                None => {
                    problems.push(refuse(format!("{value} is of another type"), default.type_name().into()));
                }
            },
        }
    }
}

fn names(known: &[(String, RunValue)]) -> String {
    match known {
        [] => "nothing: the bundle has no configuration".into(),
        _ => known.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "),
    }
}
