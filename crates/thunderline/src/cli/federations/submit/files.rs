//! Local files that a spec names.

use std::{
    borrow::Cow,
    fs::{self, File},
    path::{Path, PathBuf},
};

use federation::spec::FederationSpec;
use serde_json::Value;
use thunderline_core::{Error, Problem};
use thunderline_web::dto::artifact::Artifact;

use crate::{
    client::Client,
    failure::{Exit, Failure, Result},
};

/// Where files may be named, and what they are.
const PLACES: [(&str, &[&str], &str); 4] = [
    ("model_ref", &["model_ref"], "model"),
    ("app.flower", &["app", "flower"], "bundle"),
    ("app.flower.bundle", &["app", "flower", "bundle"], "bundle"),
    ("evaluation.server.data", &["evaluation", "server", "data"], "dataset"),
];

/// A file that a spec names.
struct Named {
    path: &'static str,
    keys: &'static [&'static str],
    kind: &'static str,
    file: PathBuf,
}

/// Uploads the files that the spec names and puts their digests in their place. A spec that names none stays the text that
/// it is.
pub fn upload<'a>(client: &Client, text: &'a str, folder: &Path) -> Result<Cow<'a, str>> {
    let mut document = federation::spec::read_document(text)?;
    let named = named(&mut document, folder);
    if named.is_empty() {
        return Ok(Cow::Borrowed(text));
    }
    check(&document, &named)?;
    for it in &named {
        let artifact = send(client, it).map_err(|failure| about(it, failure))?;
        put(&mut document, it, &artifact.sha256);
    }
    Ok(Cow::Owned(serde_json::to_string_pretty(&document).expect("a document is plain data")))
}

fn named(document: &mut Value, folder: &Path) -> Vec<Named> {
    let mut named = Vec::new();
    for (path, keys, kind) in PLACES {
        let value = find(document, keys);
        let text = value.as_deref().and_then(Value::as_str).filter(|text| is_path(text));
        if let Some(text) = text {
            named.push(Named { path, keys, kind, file: folder.join(text.trim()) });
        }
    }
    named
}

/// Before anything is sent: every file must be there, and the rest of the spec must be right, all problems at once.
fn check(document: &Value, named: &[Named]) -> Result<()> {
    let mut problems = Vec::new();
    let mut rest = document.clone();
    for it in named {
        put(&mut rest, it, &"0".repeat(64));
        let reason = match fs::metadata(&it.file) {
            Err(error) => Some(format!("{} cannot be read: {error}", it.file.display())),
            Ok(found) if found.is_dir() && it.kind != "bundle" => {
                Some(format!("{} is a folder", it.file.display()))
            }
            Ok(_) => None,
        };
        if let Some(reason) = reason {
            problems.push(Problem {
                path: it.path.into(),
                reason,
                allowed: "a digest (sha256:…) or a file, relative to the spec's folder".into(),
            });
        }
    }
    if let Err(error) = FederationSpec::parse(&rest, 0) {
        problems.extend_from_slice(error.problems());
    }
    match problems.len() {
        0 => Ok(()),
        1 => Err(Error::invalid(problems[0].to_string(), problems).into()),
        count => Err(Error::invalid(format!("the spec has {count} problems"), problems).into()),
    }
}

/// Of several files, this is the one that is refused.
fn about(named: &Named, failure: Failure) -> Failure {
    if failure.exit == Exit::Unreachable {
        return failure;
    }
    Failure::new(failure.exit, format!("{}: {}: {failure}", named.path, named.file.display()))
}

fn put(document: &mut Value, named: &Named, digest: &str) {
    if let Some(value) = find(document, named.keys) {
        *value = Value::String(format!("sha256:{digest}"));
    }
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

fn send(client: &Client, named: &Named) -> Result<Artifact> {
    let Named { kind, file, .. } = named;
    let name =
        file.file_name().map_or_else(|| (*kind).to_owned(), |name| name.to_string_lossy().into_owned());
    let query = [("kind", *kind), ("name", name.as_str())];
    if *kind == "bundle" && file.is_dir() {
        let bundle = thunderline_flower::fab::from_folder(file)?;
        return client.post_bytes("/api/v1/artifacts", &query, &bundle.content);
    }
    client.post_file("/api/v1/artifacts", &query, File::open(file)?)
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
    fn a_folder_is_no_model() {
        let client = Client::new("http://127.0.0.1:9", None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let refused = upload(&client, "model_ref: .\nnum_rounds: 1\n", folder.path()).unwrap_err();
        assert!(refused.problems[0].reason.ends_with("is a folder"), "{refused}");
        assert_eq!((refused.exit, refused.problems[0].path.as_str()), (Exit::Refused, "model_ref"));
    }

    #[test]
    fn a_refused_file_is_named_with_its_key() {
        let named = Named { path: "model_ref", keys: &["model_ref"], kind: "model", file: "a.npz".into() };
        let told = about(&named, Failure::new(Exit::Refused, "no model")).to_string();
        assert_eq!(told, "model_ref: a.npz: no model");
    }

    #[test]
    fn a_file_that_is_not_there_is_told_with_all_other_problems() {
        let client = Client::new("http://127.0.0.1:9", None).unwrap();
        let text =
            "model_ref: builtin:softmax(4,2)\nnum_rounds: 0\nevaluation: {server: {data: missing.csv}}\n";
        let refused = upload(&client, text, Path::new("/nowhere")).unwrap_err();
        let paths: Vec<_> = refused.problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["evaluation.server.data", "num_rounds"]);
        assert_eq!(refused.exit as u8, 4);
    }
}
