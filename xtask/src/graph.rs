//! The dependency graph, as names, out of `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Every package and every direct dependency, normal, build and dev alike.
#[derive(Debug, Default)]
pub struct Graph {
    /// Names of all packages that are part of the build.
    pub packages: BTreeSet<String>,
    /// Who depends on whom.
    pub edges: BTreeSet<(String, String)>,
}

impl Graph {
    /// Reads the `packages` and `resolve` parts.
    pub fn read(metadata: &Value) -> Result<Self, String> {
        let missing = |what: &str| format!("cargo metadata has no {what}");
        let packages = metadata["packages"].as_array().ok_or_else(|| missing("packages"))?;
        let names: BTreeMap<&str, &str> = packages
            .iter()
            .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
            .collect();
        let nodes = metadata["resolve"]["nodes"].as_array().ok_or_else(|| missing("resolved graph"))?;
        let mut graph = Self::default();
        for node in nodes {
            let from = name(&names, &node["id"])?;
            graph.packages.insert(from.clone());
            for dependency in node["deps"].as_array().ok_or_else(|| missing("list of dependencies"))? {
                graph.edges.insert((from.clone(), name(&names, &dependency["pkg"])?));
            }
        }
        Ok(graph)
    }

    /// The direct dependents of one package.
    pub fn dependents<'a>(&'a self, package: &'a str) -> impl Iterator<Item = &'a str> {
        self.edges.iter().filter(move |(_, to)| to == package).map(|(from, _)| from.as_str())
    }
}

fn name(names: &BTreeMap<&str, &str>, id: &Value) -> Result<String, String> {
    let id = id.as_str().ok_or("cargo metadata has a package id that is no string")?;
    names.get(id).map(|name| (*name).to_owned()).ok_or_else(|| format!("cargo metadata does not list {id}"))
}
