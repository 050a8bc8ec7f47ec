//! The dependency graph, as names, out of `cargo tree`.
//!
//! Not out of `cargo metadata`, whose graph also holds optional dependencies that only a weak feature (`name?/feature`)
//! mentions and that are never built.

use std::collections::BTreeSet;

/// Every package and every direct dependency, normal, build and dev alike, on every platform, with all features.
#[derive(Debug, Default)]
pub struct Graph {
    /// Names of all packages that are part of some build.
    pub packages: BTreeSet<String>,
    /// Who depends on whom.
    pub edges: BTreeSet<(String, String)>,
}

impl Graph {
    /// What makes cargo print the text that [`Graph::read`] reads.
    pub const ARGUMENTS: [&str; 11] = [
        "tree",
        "--workspace",
        "--all-features",
        "--edges",
        "normal,build,dev",
        "--target",
        "all",
        "--prefix",
        "depth",
        "--format",
        "{p}",
    ];

    /// Reads lines of the form `2name v1.0.0`, the number being the depth in the tree. Cargo prints what lies under a
    /// package the first time only, which loses no edge.
    pub fn read(tree: &str) -> Result<Self, String> {
        let mut graph = Self::default();
        let mut above: Vec<&str> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let (depth, name) = parts(line).ok_or_else(|| format!("cargo tree printed `{line}`"))?;
            if depth > above.len() {
                return Err(format!("cargo tree leaves out what is above `{line}`"));
            }
            above.truncate(depth);
            if let Some(parent) = above.last() {
                graph.edges.insert(((*parent).to_owned(), name.to_owned()));
            }
            graph.packages.insert(name.to_owned());
            above.push(name);
        }
        if graph.packages.is_empty() { Err("cargo tree printed nothing".to_owned()) } else { Ok(graph) }
    }

    /// The direct dependents of one package.
    pub fn dependents<'a>(&'a self, package: &'a str) -> impl Iterator<Item = &'a str> {
        self.edges.iter().filter(move |(_, to)| to == package).map(|(from, _)| from.as_str())
    }
}

fn parts(line: &str) -> Option<(usize, &str)> {
    let digits = line.find(|char: char| !char.is_ascii_digit())?;
    let (depth, rest) = line.split_at(digits);
    Some((depth.parse().ok()?, rest.split_once(' ')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_become_edges_and_repeats_are_merged() {
        let graph = Graph::read(
            "0app v0.1.0 (/made/up/app)\n1web v0.1.0 (/made/up/web)\n2axum v0.8.9\n1axum v0.8.9 (*)\n\n0web v0.1.0 (*)\n",
        )
        .expect("the text is well formed");
        let edge = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(
            graph.edges,
            BTreeSet::from([edge("app", "axum"), edge("app", "web"), edge("web", "axum")])
        );
        assert_eq!(graph.packages.len(), 3);
    }

    #[test]
    fn a_text_that_is_no_tree_is_refused() {
        assert!(Graph::read("").is_err());
        assert!(Graph::read("error: no such command").is_err());
        assert!(Graph::read("0app v0.1.0\n2axum v0.8.9\n").is_err());
    }
}
