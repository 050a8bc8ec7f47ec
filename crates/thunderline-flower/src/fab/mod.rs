//! Flower app bundles: what the nodes of a run execute.
//!
//! A bundle is a zip of `pyproject.toml`, the app's files and `.info/CONTENT`, a list of all files with their SHA-256.
//! A node that cannot read its bundle, or that is given an override whose key the bundle lacks, stops working for good
//! without a word to the server; so everything that a node checks is checked here first.

mod archive;
mod build;
mod config;
mod patterns;

pub use build::from_folder;
pub use config::RunValue;

use bytes::Bytes;
use thunderline_core::{Error, Problem, Result};
use toml::{Table, Value};

use crate::{ObjectId, malformed};

/// The largest bundle that Flower's clients accept, in bytes.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;

const PYPROJECT: &str = "pyproject.toml";
const CONTENT: &str = ".info/CONTENT";

/// A bundle that was found to be complete and unchanged.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// `publisher/name`.
    pub id: String,
    /// The version.
    pub version: String,
    /// SHA-256 of the whole file, lower-case hex. Nodes check it.
    pub hash: String,
    /// The configuration, flattened with dots, and its default values.
    pub config: Vec<(String, RunValue)>,
    /// The file.
    pub content: Bytes,
}

impl Bundle {
    /// Reads a bundle and checks everything that a node would.
    ///
    /// # Errors
    /// `invalid` with what is wrong: too large, not a zip, files missing, added or changed, required keys missing, or a
    /// configuration value that Flower has no type for.
    pub fn read(content: Bytes) -> Result<Self> {
        let files = archive::read(&content)?;
        let text = std::str::from_utf8(&files[PYPROJECT])
            .map_err(|_| malformed(PYPROJECT, "it is not UTF-8", "UTF-8"))?;
        let project = Project::read(text, |file| files.contains_key(file))?;
        Ok(Self {
            id: format!("{}/{}", project.publisher, project.name),
            version: project.version,
            hash: ObjectId::of(&content).to_string(),
            config: project.config,
            content,
        })
    }

    /// Checks values that shall replace the bundle's own, and gives them the bundle's types: what `Run.override_config`
    /// may carry.
    ///
    /// # Errors
    /// `invalid` with every key that the bundle lacks and every value of another type.
    pub fn overrides(
        &self,
        given: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Vec<(String, RunValue)>> {
        config::overrides(&self.config, given)
    }
}

/// What `pyproject.toml` says about a bundle.
struct Project {
    publisher: String,
    name: String,
    version: String,
    config: Vec<(String, RunValue)>,
}

impl Project {
    fn read(text: &str, has_file: impl Fn(&str) -> bool) -> Result<Self> {
        let root: Table =
            text.parse().map_err(|error: toml::de::Error| malformed(PYPROJECT, error.to_string(), "TOML"))?;
        let mut problems = Vec::new();
        let mut text = |path: &str, allowed: &str, valid: fn(&str) -> bool| {
            let found = lookup(&root, path).and_then(Value::as_str).filter(|text| valid(text));
            if found.is_none() {
                problems.push(Problem {
                    path: format!("{PYPROJECT}: {path}"),
                    reason: "it is missing or malformed".into(),
                    allowed: allowed.into(),
                });
            }
            found.unwrap_or_default().to_owned()
        };
        let name = text("project.name", "letters, digits, '-', '_' and '.'", plain);
        let version = text("project.version", "letters, digits, '-', '_', '.' and '+'", |text| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+!".contains(&b))
        });
        let publisher = text("tool.flwr.app.publisher", "letters, digits, '-', '_' and '.'", plain);
        for component in ["serverapp", "clientapp"] {
            text(&format!("tool.flwr.app.components.{component}"), "<module>:<attribute>", |text| {
                text.split_once(':')
                    .is_some_and(|(module, attribute)| !module.is_empty() && !attribute.is_empty())
            });
        }
        problems.extend(format_problem(&root, has_file));
        let config = match lookup(&root, "tool.flwr.app.config") {
            None => Vec::new(),
            Some(Value::Table(table)) => config::flatten(table, &mut problems),
            Some(_) => {
                problems.push(problem("tool.flwr.app.config", "it is no table", "a table"));
                Vec::new()
            }
        };
        if problems.is_empty() {
            Ok(Self { publisher, name, version, config })
        } else {
            Err(Error::invalid("the app bundle is not one that Flower's clients accept", problems))
        }
    }
}

/// Bundles of format 1 must name their licence, the oldest and the intended Flower version.
fn format_problem(root: &Table, has_file: impl Fn(&str) -> bool) -> Option<Problem> {
    let version = match lookup(root, "tool.flwr.app.fab-format-version") {
        None => 0,
        Some(Value::Integer(version)) => *version,
        Some(_) => -1,
    };
    match version {
        0 => return None,
        1 => {}
        _ => return Some(problem("tool.flwr.app.fab-format-version", "it is unknown", "0 or 1")),
    }
    let licence = lookup(root, "project.license").and_then(Value::as_table);
    let file =
        licence.filter(|table| !table.contains_key("text")).and_then(|table| table.get("file")?.as_str());
    if !file.is_some_and(|file| matches!(file, "LICENSE" | "LICENSE.md") && has_file(file)) {
        let allowed = "{ file = \"LICENSE\" } or { file = \"LICENSE.md\" }, and that file";
        return Some(problem("project.license", "format 1 needs a licence file", allowed));
    }
    let flwr = |text: &str| {
        text.strip_prefix("flwr").is_some_and(|rest| rest.starts_with(['>', '[', ' ', '=', '<', '!', '~']))
    };
    let dependencies = lookup(root, "project.dependencies").and_then(Value::as_array);
    let lower_bound = dependencies.is_some_and(|list| {
        list.iter().filter_map(Value::as_str).any(|text| flwr(text) && text.contains(">="))
    });
    if !lower_bound {
        return Some(problem(
            "project.dependencies",
            "format 1 needs a lower bound for flwr",
            "\"flwr>=1.30\"",
        ));
    }
    if lookup(root, "tool.flwr.app.flwr-version-target").and_then(Value::as_str).is_none() {
        return Some(problem("tool.flwr.app.flwr-version-target", "format 1 needs it", "a version of flwr"));
    }
    None
}

fn problem(path: &str, reason: &str, allowed: &str) -> Problem {
    Problem { path: format!("{PYPROJECT}: {path}"), reason: reason.into(), allowed: allowed.into() }
}

/// Names become folder names on the nodes, joined by dots and split at the slash.
fn plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn lookup<'a>(root: &'a Table, path: &str) -> Option<&'a Value> {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let table = parents
        .split('.')
        .filter(|part| !part.is_empty())
        .try_fold(root, |table, part| table.get(part)?.as_table());
    table?.get(last)
}

#[cfg(test)]
mod tests;
