//! `cargo xtask boundaries`: holds the dependency graph against the rules in `deny.toml`.

use std::fs;

use crate::deny::{self, Rule};
use crate::graph::Graph;
use crate::{shell, workspace};

/// Checks the workspace as it is.
pub fn run() -> Result<(), String> {
    let path = workspace::root().join("deny.toml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let rules = deny::rules(&text)?;
    let graph = Graph::read(&shell::capture(shell::cargo().args(Graph::ARGUMENTS))?)?;
    let problems = violations(&rules, &graph);
    if problems.is_empty() {
        println!("    {} rules hold over {} packages", rules.len(), graph.packages.len());
        Ok(())
    } else {
        Err(problems.join("\n"))
    }
}

/// Every dependency that no rule allows, in words.
fn violations(rules: &[Rule], graph: &Graph) -> Vec<String> {
    let mut problems = Vec::new();
    for rule in rules.iter().filter(|rule| graph.packages.contains(&rule.name)) {
        let Rule { name, wrappers, reason } = rule;
        for dependent in
            graph.dependents(name).filter(|&dependent| !wrappers.iter().any(|allowed| allowed == dependent))
        {
            let allowed = if wrappers.is_empty() { "nobody".to_owned() } else { wrappers.join(", ") };
            problems.push(format!("{dependent} must not depend on {name}: {reason}. Allowed: {allowed}."));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a made-up tree with these edges only.
    fn found(edges: &[(&str, &str)]) -> Vec<String> {
        let rules = deny::rules(include_str!("../../deny.toml")).expect("deny.toml can be read");
        let tree: Vec<String> = edges
            .iter()
            .map(|(from, to)| format!("0{from} v0.1.0 (/made/up/{from})\n1{to} v1.0.0\n"))
            .collect();
        violations(&rules, &Graph::read(&tree.concat()).expect("the made-up tree is well formed"))
    }

    #[test]
    fn a_domain_that_names_its_sibling_is_found() {
        let problems = found(&[("thunderline", "federation"), ("federation", "thunderlink")]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("federation must not depend on thunderlink"), "{problems:?}");
    }

    #[test]
    fn a_domain_that_names_the_edge_is_found() {
        for edge in ["axum", "sqlx", "thunderline-web", "thunderline-fleet", "thunderline-runtime"] {
            let problems = found(&[("thundergate", edge)]);
            assert_eq!(problems.len(), 1, "{edge}: {problems:?}");
        }
    }

    #[test]
    fn a_banned_crate_is_found_however_deep_it_lies() {
        let problems = found(&[("thunderline", "some-client"), ("some-client", "openssl-sys")]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("some-client") && problems[0].contains("nobody"), "{problems:?}");
    }

    #[test]
    fn the_intended_shape_passes() {
        let problems = found(&[
            ("thunderline", "federation"),
            ("thunderline", "thunderline-web"),
            ("thunderline-web", "federation"),
            ("thunderline-web", "axum"),
            ("federation", "thunderline-numerics"),
            ("federation", "thunderline-store"),
            ("thunderline-store", "sqlx"),
            ("thunderline-fleet", "axum"),
        ]);
        assert_eq!(problems, [""; 0]);
    }

    #[test]
    fn every_domain_has_a_rule() {
        let rules = deny::rules(include_str!("../../deny.toml")).expect("deny.toml can be read");
        for domain in [
            "cerebros",
            "federation",
            "thunderblock",
            "thunderbolt",
            "thundercrown",
            "thunderflow",
            "thundergate",
            "thundergrid",
            "thunderlink",
            "thunderprism",
            "thundervine",
        ] {
            assert!(rules.iter().any(|rule| rule.name == domain), "{domain} has no rule");
        }
    }
}
