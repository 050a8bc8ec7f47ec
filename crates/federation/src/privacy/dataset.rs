//! Under which names a federation's data is accounted for.

use std::collections::BTreeSet;

use crate::spec::FederationSpec;

/// All data of a tenant: every private federation spends from it, whatever its spec calls its data.
pub const EVERYTHING: &str = "*";

/// The names, in order: [`EVERYTHING`], and every hash and address that the spec gives; where it gives none, the nodes that
/// it selects.
#[must_use]
pub fn names(spec: &FederationSpec) -> Vec<String> {
    let mut names = BTreeSet::from([EVERYTHING.to_owned()]);
    let data = &spec.dataset_spec;
    names.extend(data.hashes.iter().map(|hash| format!("sha256:{hash}")));
    names.extend(data.uris.iter().map(|uri| format!("uri:{uri}")));
    if data.hashes.is_empty() && data.uris.is_empty() {
        let mut tags = spec.client_selector.tags.clone();
        tags.sort();
        tags.dedup();
        names.insert(if tags.is_empty() { "nodes:*".into() } else { format!("nodes:{}", tags.join(",")) });
    }
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(extra: &serde_json::Value) -> Vec<String> {
        let mut document = json!({ "model_ref": "builtin:softmax(4,2)", "num_rounds": 1 });
        document.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        names(&FederationSpec::parse(&document, 1).unwrap())
    }

    #[test]
    fn data_is_known_by_every_name_that_it_has() {
        let hash = "a".repeat(64);
        let data = json!({ "dataset_spec": { "uris": ["s3://b/x"], "hashes": [hash] } });
        assert_eq!(of(&data), ["*".to_owned(), format!("sha256:{hash}"), "uri:s3://b/x".into()]);
        assert_eq!(of(&json!({})), ["*", "nodes:*"]);
        assert_eq!(
            of(&json!({ "client_selector": { "tags": ["eu", "clinic", "eu"] } })),
            ["*", "nodes:clinic,eu"]
        );
    }
}
