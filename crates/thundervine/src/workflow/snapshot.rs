//! A workflow's definition and execution as they stand, as one document with a digest.

use serde_json::{Map, Value, json};
use thunderline_core::Sha256;

use crate::rows::executions::{Execution, NodeRow};

/// SHA-256 of a value as JSON without spaces and with sorted keys, in hexadecimal digits.
#[must_use]
pub fn digest(value: &Value) -> String {
    Sha256::of(sorted(value).to_string().as_bytes()).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(keys) => {
            let mut entries: Vec<_> = keys.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            Value::Object(
                entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// The document: the same state gives the same document, hence the same digest.
pub(crate) fn document(execution: &Execution, nodes: &[NodeRow]) -> Value {
    let nodes: Vec<Value> = nodes
        .iter()
        .map(|node| {
            json!({
                "name": node.name, "state": node.state.name(), "attempt": node.state.attempt(),
                "generation": node.state.generation(), "reason": node.reason, "begun": node.begun,
                "outputs": node.outputs, "started_at": node.started_at, "ended_at": node.ended_at,
            })
        })
        .collect();
    sorted(&json!({
        "definition": *execution.definition,
        "execution": {
            "id": execution.id, "workflow": execution.workflow, "version": execution.workflow_version,
            "inputs": execution.inputs, "state": execution.state.name(), "reason": execution.state.reason(),
            "started_by": execution.started_by, "started_at": execution.started_at, "ended_at": execution.ended_at,
            "nodes": nodes,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_change_a_digest_and_values_do() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": {"c": [1, 2], "d": null}}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"b": {"d": null, "c": [1, 2]}, "a": 1}"#).unwrap();
        assert_eq!(digest(&one), digest(&two));
        assert_ne!(digest(&one), digest(&json!({"a": 1, "b": {"c": [2, 1], "d": null}})));
        // FIPS 180-4: the digest of the text `{}`.
        assert_eq!(digest(&json!({})), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    }
}
