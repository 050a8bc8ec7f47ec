//! Making a bundle of an app's folder.

use std::{fs, path::Path};

use bytes::Bytes;
use thunderline_core::{Error, Result};
use toml::{Table, Value};

use super::{Bundle, MAX_BYTES, PYPROJECT, archive, lookup, patterns::Patterns};
use crate::malformed;

/// What a bundle may contain at all.
const INCLUDED: [&str; 9] = [
    "**/*.py",
    "**/*.toml",
    "**/*.md",
    "**/*.yaml",
    "**/*.yml",
    "**/*.json",
    "**/*.jsonl",
    "/LICENSE",
    "/LICENSE.md",
];
/// What it never contains.
const EXCLUDED: [&str; 18] = [
    ".flwr/**",
    "**/__pycache__/**",
    "pyproject.toml",
    "**/*_test.py",
    "**/test_*.py",
    "build/**",
    "eggs/**",
    ".eggs/**",
    "lib/**",
    "lib64/**",
    "parts/**",
    "*.egg",
    ".venv/**",
    "env/**",
    "venv/**",
    "ENV/**",
    "env.bak/**",
    "venv.bak/**",
];

const MAX_DEPTH: usize = 10;

/// Packs the folder of a Flower app: the files that Flower itself would pack, in the same order. `.gitignore` and the
/// app's own `fab-include` and `fab-exclude` are respected. Equal files give equal bytes; they equal those of
/// `flwr build` where `pyproject.toml` is written as Flower's own TOML writer does, since it rewrites that file.
///
/// # Errors
/// `invalid` where the folder is no app, is too large, or is nested too deeply.
pub fn from_folder(folder: &Path) -> Result<Bundle> {
    let text = fs::read_to_string(folder.join(PYPROJECT)).map_err(|error| {
        malformed(PYPROJECT, format!("it cannot be read: {error}"), "the folder of a Flower app")
    })?;
    let root: Table =
        text.parse().map_err(|error: toml::de::Error| malformed(PYPROJECT, error.to_string(), "TOML"))?;

    let ignored = fs::read_to_string(folder.join(".gitignore")).unwrap_or_default();
    let ignored = Patterns::new(ignored.lines());
    let (included, excluded) = (Patterns::new(INCLUDED), Patterns::new(EXCLUDED));
    let own_included = own_patterns(&root, "fab-include")?;
    let own_excluded = own_patterns(&root, "fab-exclude")?;
    let wanted = |path: &str| {
        included.matches(path)
            && !excluded.matches(path)
            && !ignored.matches(path)
            && own_included.as_ref().is_none_or(|patterns| patterns.matches(path))
            && !own_excluded.as_ref().is_some_and(|patterns| patterns.matches(path))
    };

    let mut paths = Vec::new();
    collect(folder, "", 0, &wanted, &mut paths)?;
    paths.sort();
    let mut files = vec![(PYPROJECT.to_owned(), without_federations(text, root)?)];
    let mut total = files[0].1.len();
    for path in paths {
        let bytes = fs::read(folder.join(&path))?;
        total += bytes.len();
        if total > MAX_BYTES {
            return Err(malformed("app", "its files have more than 10 MiB", "fewer files: see fab-exclude"));
        }
        files.push((path, bytes));
    }
    Bundle::read(Bytes::from(archive::write(&files)))
}

fn own_patterns(root: &Table, key: &str) -> Result<Option<Patterns>> {
    let path = format!("tool.flwr.app.{key}");
    let Some(value) = lookup(root, &path) else { return Ok(None) };
    let list: Option<Vec<_>> = value.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
    match list {
        Some(list) if !list.is_empty() => Ok(Some(Patterns::new(list))),
        _ => Err(malformed(&path, "it is not a list of patterns", "a list of at least one pattern")),
    }
}

/// Names of servers are the author's own affair and do not travel.
fn without_federations(text: String, mut root: Table) -> Result<Vec<u8>> {
    let flwr = root
        .get_mut("tool")
        .and_then(Value::as_table_mut)
        .and_then(|tool| tool.get_mut("flwr"))
        .and_then(Value::as_table_mut);
    if flwr.and_then(|flwr| flwr.remove("federations")).is_none() {
        return Ok(text.into_bytes());
    }
    toml::to_string(&root)
        .map(String::into_bytes)
        .map_err(|error| Error::internal("pyproject.toml cannot be written again").caused_by(error))
}

/// The wanted files below a folder. Symbolic links are not followed: they could lead out of it.
fn collect(
    folder: &Path,
    prefix: &str,
    depth: usize,
    wanted: &dyn Fn(&str) -> bool,
    paths: &mut Vec<String>,
) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let path = format!("{prefix}{name}");
        // A node splits the list of files at commas.
        if kind.is_file() && !name.contains([',', '\\', ':', '\n']) && wanted(&path) {
            if depth > MAX_DEPTH {
                return Err(malformed("app", format!("{path} is nested too deeply"), "at most 10 folders"));
            }
            paths.push(path);
        } else if kind.is_dir() && name != ".git" {
            collect(&entry.path(), &format!("{path}/"), depth + 1, wanted, paths)?;
        }
    }
    Ok(())
}
