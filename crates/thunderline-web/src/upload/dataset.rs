//! Data sets: CSV, features first, the label last.

use std::{fs::File, io::BufReader};

use federation::{actions::import_artifact::Import, artifact::ArtifactKind};
use serde_json::json;
use thunderline_core::Result;
use thunderline_numerics::dataset::Dataset;
use thunderline_objects::Area;

/// Reads every line once, so that what is kept can be used, and keeps the file as it is.
pub fn keep(area: &Area, mut file: File) -> Result<Import> {
    let data = Dataset::read_csv(BufReader::new(&mut file), 1.0)?;
    let (sha256, size_bytes) = super::put(area, &mut file)?;
    Ok(Import {
        kind: ArtifactKind::Dataset,
        name: "data".to_owned(),
        sha256,
        size_bytes,
        format: "csv".to_owned(),
        metadata: json!({ "examples": data.len(), "columns": data.columns(), "classes": data.classes() }),
    })
}
