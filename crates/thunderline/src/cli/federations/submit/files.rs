//! Local files that a spec names.

use std::{
    borrow::Cow,
    fs::File,
    path::{Path, PathBuf},
};

use serde_json::Value;
use thunderline_core::Error;
use thunderline_web::dto::artifact::Artifact;

use crate::{client::Client, failure::Result};

/// Where files may be named, and what they are.
const PLACES: [(&str, &[&str], &str); 4] = [
    ("model_ref", &["model_ref"], "model"),
    ("app.flower", &["app", "flower"], "bundle"),
    ("app.flower.bundle", &["app", "flower", "bundle"], "bundle"),
    ("evaluation.server.data", &["evaluation", "server", "data"], "dataset"),
];

/// Uploads the files that the spec names and puts their digests in their place. A spec that names none stays the text that
/// it is.
pub fn upload<'a>(client: &Client, text: &'a str, folder: &Path) -> Result<Cow<'a, str>> {
    let mut document = federation::spec::read_document(text)?;
    let mut replaced = false;
    for (path, keys, kind) in PLACES {
        let Some(value) = find(&mut document, keys) else { continue };
        let Some(file) = value.as_str().filter(|text| is_path(text)).map(|text| folder.join(text.trim()))
        else {
            continue;
        };
        let artifact = send(client, path, kind, &file)?;
        *value = Value::String(format!("sha256:{}", artifact.sha256));
        replaced = true;
    }
    if !replaced {
        return Ok(Cow::Borrowed(text));
    }
    Ok(Cow::Owned(serde_json::to_string_pretty(&document).expect("a document is plain data")))
}

fn find<'a>(document: &'a mut Value, keys: &[&str]) -> Option<&'a mut Value> {
    keys.iter().try_fold(document, |value, key| value.as_object_mut()?.get_mut(*key))
}

/// Neither a digest nor a built-in model.
fn is_path(text: &str) -> bool {
    let text = text.trim();
    let digest = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    !text.is_empty() && !digest && !text.starts_with("sha256:") && !text.starts_with("builtin:")
}

fn send(client: &Client, path: &str, kind: &str, file: &PathBuf) -> Result<Artifact> {
    let name = file.file_name().map_or_else(|| kind.to_owned(), |name| name.to_string_lossy().into_owned());
    let query = [("kind", kind), ("name", name.as_str())];
    if kind == "bundle" && file.is_dir() {
        let bundle = thunderline_flower::fab::from_folder(file)?;
        return client.post_bytes("/api/v1/artifacts", &query, &bundle.content);
    }
    let opened = File::open(file).map_err(|error| {
        let allowed = "a digest (sha256:…) or a file, relative to the spec's folder";
        Error::invalid_value(path, format!("{} cannot be read: {error}", file.display()), allowed)
    })?;
    client.post_file("/api/v1/artifacts", &query, opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_and_builtin_models_are_not_taken_for_files() {
        for known in ["sha256:00", &"a".repeat(64), "builtin:mlp(4,2)", " "] {
            assert!(!is_path(known), "{known}");
        }
        assert!(is_path("models/start.npz") && is_path("./app") && is_path("held-out.csv"));
    }

    #[test]
    fn a_spec_without_files_stays_as_it_is_written() {
        let client = Client::new("http://127.0.0.1:9", None).unwrap();
        let text = "# kept\nmodel_ref: builtin:softmax(4,2)\nnum_rounds: 1\n";
        assert_eq!(upload(&client, text, Path::new(".")).unwrap(), text);
    }

    #[test]
    fn a_file_that_is_not_there_is_named_with_its_place() {
        let client = Client::new("http://127.0.0.1:9", None).unwrap();
        let text = "model_ref: builtin:softmax(4,2)\nevaluation: {server: {data: missing.csv}}\n";
        let refused = upload(&client, text, Path::new("/nowhere")).unwrap_err();
        assert_eq!(refused.problems[0].path, "evaluation.server.data");
        assert_eq!(refused.exit as u8, 4);
    }
}
