//! From text to a draft: every key of the document, each with its problems, before nodes are looked at together.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use thunderline_core::{Error, ErrorKind, Problem, Result};

use super::{Compensation, Definition, Input, Node, duration};

/// The longest document that is read.
const LONGEST: usize = 256 * 1024;
/// The most nodes.
const MOST_NODES: usize = 1_000;
/// The most tries after the first.
const MOST_RETRIES: u64 = 100;
/// Tries after the first where nothing is said.
const RETRIES: u32 = 2;

const KEYS: [&str; 4] = ["name", "description", "inputs", "nodes"];
const NODE_KEYS: [&str; 7] = ["action", "compensate", "description", "input", "needs", "retries", "timeout"];

/// Reads YAML, of which JSON is a part.
pub(super) fn read(text: &str) -> Result<Map<String, Value>> {
    if text.len() > LONGEST {
        let message = format!("the workflow has {} bytes; at most {LONGEST} are read", text.len());
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    let refuse = |error: String, place: String| {
        Error::invalid_value(
            place,
            format!("not readable as YAML or JSON: {error}"),
            "a YAML or JSON document",
        )
    };
    // By way of YAML's own values, which refuse a key that is given twice.
    let value: yaml_serde::Value = yaml_serde::from_str(text).map_err(|error| {
        let place = error
            .location()
            .map_or_else(String::new, |place| format!("line {}, column {}", place.line(), place.column()));
        refuse(error.to_string(), place)
    })?;
    if !finite(&value) {
        let reason = "a number is '.nan' or '.inf', which JSON does not know";
        return Err(Error::invalid_value("", reason, "finite numbers"));
    }
    match serde_json::to_value(value).map_err(|error| refuse(error.to_string(), String::new()))? {
        Value::Object(keys) => Ok(keys),
        _ => Err(Error::invalid_value("", "the workflow is not a group of keys", "key: value pairs")),
    }
}

/// False where a number would become null as JSON.
fn finite(value: &yaml_serde::Value) -> bool {
    match value {
        yaml_serde::Value::Number(number) => number.is_finite(),
        yaml_serde::Value::Sequence(items) => items.iter().all(finite),
        yaml_serde::Value::Mapping(keys) => keys.iter().all(|(key, value)| finite(key) && finite(value)),
        yaml_serde::Value::Tagged(tagged) => finite(&tagged.value),
        _ => true,
    }
}

/// What is wrong, collected.
#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, path: impl Into<String>, reason: impl Into<String>, allowed: impl Into<String>) {
        self.0.push(Problem { path: path.into(), reason: reason.into(), allowed: allowed.into() });
    }

    fn unknown(&mut self, path: &str, keys: &Map<String, Value>, known: &[&str]) {
        for key in keys.keys().filter(|key| !known.contains(&key.as_str())) {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            self.add(path, "there is no such key", known.join(", "));
        }
    }

    fn text(&mut self, path: &str, value: Option<&Value>) -> String {
        match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => {
                self.add(path, format!("{other} is no text"), "text");
                String::new()
            }
        }
    }

    fn group(&mut self, path: &str, value: Option<&Value>) -> Map<String, Value> {
        match value {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(keys)) => keys.clone(),
            Some(other) => {
                self.add(path, format!("{other} is no group of keys"), "key: value pairs");
                Map::new()
            }
        }
    }
}

/// The document as a definition whose nodes stand as they were written, and what is wrong with it so far.
pub(super) fn draft(document: &Map<String, Value>) -> (Definition, Vec<Problem>) {
    let mut problems = Problems::default();
    problems.unknown("", document, &KEYS);
    let name = problems.text("name", document.get("name"));
    if !is_name(&name) || name.contains('_') {
        problems.add(
            "name",
            format!("'{name}' is no name"),
            "1 to 100 lower-case letters, digits and hyphens",
        );
    }
    let description = problems.text("description", document.get("description"));
    let inputs = problems.group("inputs", document.get("inputs"));
    let inputs =
        inputs.iter().map(|(name, value)| (name.clone(), input(name, value, &mut problems))).collect();
    let nodes = problems.group("nodes", document.get("nodes"));
    if nodes.is_empty() || nodes.len() > MOST_NODES {
        let reason = format!("there are {} nodes", nodes.len());
        problems.add("nodes", reason, format!("1 to {MOST_NODES} nodes, each name: its keys"));
    }
    let nodes = nodes.iter().map(|(name, value)| node(name, value, &mut problems)).collect();
    (Definition { name, description, inputs, nodes }, problems.0)
}

fn is_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
}

/// `name: value` is an input with a default; `name: {description, default}` says more.
fn input(name: &str, value: &Value, problems: &mut Problems) -> Input {
    let path = format!("inputs.{name}");
    if !is_name(name) {
        problems.add(
            &path,
            format!("'{name}' is no name"),
            "lower-case letters, digits, hyphens and underscores",
        );
    }
    match value {
        Value::Null => Input::default(),
        Value::Object(keys) => {
            problems.unknown(&path, keys, &["description", "default"]);
            let description = problems.text(&format!("{path}.description"), keys.get("description"));
            Input { description, default: keys.get("default").filter(|it| !it.is_null()).cloned() }
        }
        plain => Input { description: String::new(), default: Some(plain.clone()) },
    }
}

fn node(name: &str, value: &Value, problems: &mut Problems) -> Node {
    let path = format!("nodes.{name}");
    if !is_name(name) || name == super::references::INPUT {
        let allowed = "1 to 100 lower-case letters, digits, hyphens and underscores; not 'input'";
        problems.add(&path, format!("'{name}' is no name for a node"), allowed);
    }
    let keys = problems.group(&path, Some(value));
    problems.unknown(&path, &keys, &NODE_KEYS);
    problems.text(&format!("{path}.description"), keys.get("description"));
    let needs = match keys.get("needs") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(other) => {
            problems.add(format!("{path}.needs"), format!("{other} names no nodes"), "a list of nodes");
            Vec::new()
        }
    };
    let retries = match keys.get("retries") {
        None | Some(Value::Null) => RETRIES,
        Some(value) => match value.as_u64().filter(|count| *count <= MOST_RETRIES) {
            Some(count) => count as u32,
            None => {
                problems.add(
                    format!("{path}.retries"),
                    format!("{value} is out of range"),
                    format!("0 to {MOST_RETRIES}"),
                );
                RETRIES
            }
        },
    };
    let timeout = keys.get("timeout").filter(|value| !value.is_null()).and_then(|value| {
        let seconds = duration::seconds(value).filter(|seconds| *seconds > 0);
        if seconds.is_none() {
            problems.add(
                format!("{path}.timeout"),
                format!("{value} is no time"),
                "a time above 0: 30s, 15m, 2h, 7d",
            );
        }
        seconds
    });
    let compensate = keys.get("compensate").filter(|value| !value.is_null()).map(|value| {
        let path = format!("{path}.compensate");
        let keys = problems.group(&path, Some(value));
        problems.unknown(&path, &keys, &["action", "input"]);
        Compensation {
            action: problems.text(&format!("{path}.action"), keys.get("action")),
            input: problems.group(&format!("{path}.input"), keys.get("input")),
        }
    });
    Node {
        name: name.into(),
        action: problems.text(&format!("{path}.action"), keys.get("action")),
        input: problems.group(&format!("{path}.input"), keys.get("input")),
        needs,
        compensate,
        retries,
        timeout,
    }
}

/// The names of all inputs, for messages.
pub(super) fn input_names(inputs: &BTreeMap<String, Input>) -> String {
    match inputs.keys().cloned().collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "nothing: the workflow has no inputs".into(),
        names => names,
    }
}
