//! Comparing a value with a schema: the part of JSON schema (draft 2020-12) that [`crate::Shape`]s are written in.

use std::fmt;

use serde_json::{Map, Value};
use thunderline_core::Timestamp;
use uuid::Uuid;

/// One place at which a value does not fit its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: `metrics.loss`, `added[3]`; empty for the whole value.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the payload" } else { &self.path };
        write!(f, "{path} {}", self.reason)
    }
}

/// All places at which the value does not fit the schema.
#[must_use]
pub fn faults(schema: &Value, value: &Value) -> Vec<Fault> {
    let mut found = Vec::new();
    compare(schema, value, "", &mut found);
    found
}

fn compare(schema: &Value, value: &Value, path: &str, found: &mut Vec<Fault>) {
    let mut fault = |reason: String| found.push(Fault { path: path.into(), reason });
    if let Some(wanted) = schema["type"].as_str()
        && !is_of(wanted, value)
    {
        return fault(format!("is {}, wanted: {wanted}", kind(value)));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        fault(format!("is {value}, wanted: one of {}", schema["enum"]));
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
        && number < least
    {
        fault(format!("is {value}, wanted: at least {least}"));
    }
    if let (Some(format), Some(text)) = (schema["format"].as_str(), value.as_str())
        && !is_formatted(format, text)
    {
        fault(format!("is '{text}', wanted: {format}"));
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        let mut tried = choices.iter().map(|choice| {
            let mut faults = Vec::new();
            compare(choice, value, path, &mut faults);
            faults
        });
        // What is wrong with the first choice tells most: the other one is `null`.
        let first = tried.next().unwrap_or_default();
        if !first.is_empty() && !tried.any(|faults| faults.is_empty()) {
            found.extend(first);
        }
    }
    match value {
        Value::Object(fields) => compare_fields(schema, fields, path, found),
        Value::Array(items) if schema["items"].is_object() => {
            for (index, item) in items.iter().enumerate() {
                compare(&schema["items"], item, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

fn compare_fields(schema: &Value, fields: &Map<String, Value>, path: &str, found: &mut Vec<Fault>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            found.push(Fault { path: below(name), reason: "is missing".into() });
        }
    }
    for (name, value) in fields {
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(schema), _) => compare(schema, value, &below(name), found),
            (None, Value::Bool(false)) => {
                found.push(Fault { path: below(name), reason: "is not in the contract".into() });
            }
            (None, others @ Value::Object(_)) => compare(others, value, &below(name), found),
            (None, _) => {}
        }
    }
}

fn is_of(wanted: &str, value: &Value) -> bool {
    match wanted {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        wanted => kind(value) == wanted,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_formatted(format: &str, text: &str) -> bool {
    match format {
        "uuid" => Uuid::parse_str(text).is_ok(),
        "date-time" => text.parse::<Timestamp>().is_ok(),
        "decimal" => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
        _ => true,
    }
}
