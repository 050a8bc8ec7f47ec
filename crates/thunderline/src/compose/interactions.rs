//! Who may do what, and who listens to whom: the domains' borders as one document.

use std::fmt::Write;

use thunderline_core::{Actor, NodeId, Role};

use super::MANIFESTS;

/// The document, in Markdown.
#[must_use]
pub fn interactions() -> String {
    let mut text = String::from(
        "# Interactions\n\nWritten by `cargo xtask goldens` from what each domain declares about itself; compared in tests.\n",
    );
    text.push_str("\n## Domains\n\n| domain | prefix | becomes active after | needed for readiness | charter |\n|---|---|---|---|---|\n");
    for manifest in MANIFESTS {
        let required = if manifest.required { "yes" } else { "" };
        let after = manifest.depends_on.join(", ");
        line(&mut text, &[manifest.domain, manifest.prefix, &after, required, manifest.charter]);
    }
    text.push_str(&matrix());
    text.push_str("\n## Events\n\n| event | told by | heard by |\n|---|---|---|\n");
    for manifest in MANIFESTS {
        for event in manifest.emits {
            let hears =
                MANIFESTS.iter().filter(|other| other.consumes.contains(event)).map(|other| other.domain);
            line(&mut text, &[&code(event), manifest.domain, &hears.collect::<Vec<_>>().join(", ")]);
        }
    }
    text.push_str("\n## Jobs\n\n| job | domain |\n|---|---|\n");
    for manifest in MANIFESTS {
        for job in manifest.jobs {
            line(&mut text, &[&code(job), manifest.domain]);
        }
    }
    text.push_str("\n## Policy\n\nWhat no rule allows is denied.\n\n");
    text.push_str(
        "| action | viewer | operator | admin | node | system | rule |\n|---|---|---|---|---|---|---|\n",
    );
    for action in MANIFESTS.iter().flat_map(|manifest| manifest.actions) {
        let user = |role| Actor::User { name: "x".into(), role };
        let actors = [
            user(Role::Viewer),
            user(Role::Operator),
            user(Role::Admin),
            Actor::Node(NodeId::from_bits(1)),
            Actor::System("x"),
        ];
        let may = actors.map(|actor| if action.rule.allows(&actor) { "yes" } else { "" });
        let mut cells = vec![code(action.name)];
        cells.extend(may.map(str::to_owned));
        cells.push(action.rule.describe());
        line(&mut text, &cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
    text
}

/// Who hears whom: the row's domain tells, the column's domain listens.
fn matrix() -> String {
    let mut text = String::from(
        "\n## Matrix\n\nHow many kinds of the row's events the column's domain listens to, and the questions that it asks by a port. An empty\n\
         cell is no connection; no domain can call another (`deny.toml`).\n\n",
    );
    let mut heading = vec!["tells \\ listens"];
    heading.extend(MANIFESTS.iter().map(|manifest| manifest.domain));
    line(&mut text, &heading);
    writeln!(text, "|{}", "---|".repeat(heading.len())).expect("a string takes everything");
    for teller in MANIFESTS {
        let mut cells = vec![teller.domain.to_owned()];
        cells.extend(MANIFESTS.iter().map(|listener| {
            let heard = teller.emits.iter().filter(|event| listener.consumes.contains(event)).count();
            let asked = listener.ports.iter().filter(|port| port.starts_with(teller.prefix)).copied();
            let heard = (heard > 0).then(|| format!("{heard} events"));
            heard.into_iter().chain(asked.map(code)).collect::<Vec<_>>().join(", ")
        }));
        line(&mut text, &cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
    text
}

fn code(name: &str) -> String {
    format!("`{name}`")
}

fn line(text: &mut String, cells: &[&str]) {
    writeln!(text, "| {} |", cells.join(" | ")).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use thunderline_contracts::{name, registry::EVENTS};

    use super::*;

    #[test]
    fn every_event_that_is_heard_is_told_by_somebody() {
        for manifest in MANIFESTS {
            for event in manifest.consumes {
                assert!(
                    MANIFESTS.iter().any(|other| other.emits.contains(event)),
                    "{} waits for {event}",
                    manifest.domain
                );
            }
        }
    }

    #[test]
    fn every_event_that_is_told_has_a_contract_and_a_name_that_its_domain_may_use() {
        for manifest in MANIFESTS {
            for event in manifest.emits {
                let checked = name::check_for(manifest.prefix, event);
                assert!(checked.is_ok(), "{} may not tell {event}: {checked:?}", manifest.domain);
                assert!(EVENTS.iter().any(|known| known.name == *event), "{event} has no contract");
            }
        }
    }

    #[test]
    fn the_committed_document_is_the_generated_one() {
        let committed = include_str!("../../../../docs/interactions.md");
        assert!(committed == interactions(), "docs/interactions.md is outdated: run `cargo xtask goldens`");
    }
}
