//! From text to a document: YAML or JSON, flat or in the nested Kubernetes-like form.

use std::cell::RefCell;

use serde::de::DeserializeSeed;
use serde_json::{Map, Value};
use thunderline_core::{Error, ErrorKind, Problem, Result};

use super::duplicates::Unique;

/// The longest spec that is read.
const LONGEST: usize = 256 * 1024;

/// Reads YAML (of which JSON is a part) into the flat document form.
///
/// The nested form (`apiVersion`, `kind: Federation`, `metadata.name`, `spec`) means the same as the flat one.
///
/// # Errors
/// `invalid` with the line and column where the text is not YAML, and with every key that is given twice or is no finite number;
/// `too_large` above 256 KiB.
pub fn read_document(text: &str) -> Result<Value> {
    if text.len() > LONGEST {
        let message = format!("the spec has {} bytes; at most {LONGEST} are read", text.len());
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    let problems = RefCell::default();
    let reader = Unique::new(&problems);
    let document = reader.deserialize(yaml_serde::Deserializer::from_str(text)).map_err(|error| {
        let place = error
            .location()
            .map_or_else(String::new, |place| format!("line {}, column {}", place.line(), place.column()));
        Error::invalid_value(
            place,
            format!("not readable as YAML or JSON: {error}"),
            "a YAML or JSON document",
        )
    })?;
    match problems.into_inner() {
        none if none.is_empty() => {}
        mut one if one.len() == 1 => {
            let Problem { path, reason, allowed } = one.remove(0);
            return Err(Error::invalid_value(path, reason, allowed));
        }
        several => return Err(Error::invalid("the spec cannot be accepted", several)),
    }
    match document {
        Value::Object(keys) if keys.contains_key("spec") => flatten(keys),
        Value::Object(_) => Ok(document),
        _ => Err(Error::invalid_value("", "the spec is not a group of keys", "key: value pairs")),
    }
}

/// Turns the nested form into the flat one.
fn flatten(mut keys: Map<String, Value>) -> Result<Value> {
    let mut problems = Vec::new();
    let mut refuse = |path: String, reason: &str, allowed: &str| {
        problems.push(Problem { path, reason: reason.into(), allowed: allowed.into() });
    };
    if let Some(kind) = keys.remove("kind")
        && kind != "Federation"
    {
        refuse("kind".into(), &format!("{kind} is not handled here"), "Federation");
    }
    if let Some(version) = keys.remove("apiVersion")
        && version != "thunderline/v1"
    {
        refuse("apiVersion".into(), &format!("{version} is not known"), "thunderline/v1");
    }
    let name = match keys.remove("metadata") {
        Some(Value::Object(mut metadata)) => metadata.remove("name"),
        Some(_) => {
            refuse("metadata".into(), "not a group of keys", "name");
            None
        }
        None => None,
    };
    let mut spec = match keys.remove("spec") {
        Some(Value::Object(spec)) => spec,
        _ => {
            refuse("spec".into(), "not a group of keys", "the federation's keys");
            Map::new()
        }
    };
    for key in keys.keys() {
        refuse(key.clone(), "no such key beside 'spec'", "apiVersion, kind, metadata, spec");
    }
    if !problems.is_empty() {
        return Err(Error::invalid("the spec cannot be accepted", problems));
    }
    if let Some(name) = name {
        spec.entry("name").or_insert(name);
    }
    Ok(Value::Object(spec))
}
