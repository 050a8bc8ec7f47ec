//! Flower app bundles.

use std::{fs::File, io::Read};

use federation::{actions::import_artifact::Import, artifact::ArtifactKind};
use serde_json::{Map, Value, json};
use thunderline_core::Result;
use thunderline_flower::fab::{Bundle, RunValue};
use thunderline_objects::Area;

/// Checks all that a node would check, and keeps the bundle with its settings and their defaults.
pub fn keep(area: &Area, mut file: File) -> Result<Import> {
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    let bundle = Bundle::read(content.into())?;
    let (sha256, size_bytes) = super::put(area, &mut file)?;
    let config: Map<String, Value> =
        bundle.config.iter().map(|(key, value)| (key.clone(), json_value(value))).collect();
    Ok(Import {
        kind: ArtifactKind::Bundle,
        name: bundle.id.clone(),
        sha256,
        size_bytes,
        format: "fab".to_owned(),
        metadata: json!({ "fab_id": bundle.id, "fab_version": bundle.version, "config": config }),
    })
}

fn json_value(value: &RunValue) -> Value {
    match value {
        RunValue::Bool(value) => json!(value),
        RunValue::Int(value) => json!(value),
        RunValue::Float(value) => json!(value),
        RunValue::Text(value) => json!(value),
    }
}
