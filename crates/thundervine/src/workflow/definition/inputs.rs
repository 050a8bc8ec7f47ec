//! Looking at a definition once more, now that it is known what it is started with.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use thunderline_core::Problem;

use super::{
    Definition,
    check::fits,
    references::{self, INPUT, Reference},
};
use crate::workflow::catalogue::{Catalogue, Kind};

/// What actions think of what they will be given, where that comes from the inputs. Values that only a run can tell are
/// samples still.
pub(super) fn problems(
    definition: &Definition,
    inputs: &Map<String, Value>,
    catalogue: &Catalogue,
) -> Vec<Problem> {
    let start = Start { definition, inputs, catalogue };
    let mut problems = Vec::new();
    for node in &definition.nodes {
        let path = format!("nodes.{}", node.name);
        problems.extend(start.action(&node.action, &node.input, &path));
        if let Some(compensation) = &node.compensate {
            let path = format!("{path}.compensate");
            problems.extend(start.action(&compensation.action, &compensation.input, &path));
        }
    }
    problems
}

struct Start<'a> {
    definition: &'a Definition,
    inputs: &'a Map<String, Value>,
    catalogue: &'a Catalogue,
}

impl Start<'_> {
    fn action(&self, action: &str, input: &Map<String, Value>, path: &str) -> Vec<Problem> {
        let places = places(input, path);
        // What refers to no input was looked at when the workflow was defined.
        if places.is_empty() {
            return Vec::new();
        }
        let Some(found) = self.catalogue.find(action) else { return Vec::new() };
        let Ok(input) = references::resolve(input, &|reference| self.value_of(reference)) else {
            return Vec::new();
        };
        let mut problems: Vec<Problem> = Vec::new();
        for field in found.spec().input {
            if let Some(value) = input.get(field.name)
                && !fits_when_it_runs(field.kind, value)
            {
                problems.push(Problem {
                    path: field.name.to_owned(),
                    reason: format!("{value} does not fit: {}", field.help),
                    allowed: field.kind.words().to_owned(),
                });
            }
        }
        if problems.is_empty() {
            problems = found.check(&input);
        }
        problems.into_iter().map(|problem| named(problem, path, &places)).collect()
    }

    fn value_of(&self, reference: &Reference) -> Option<Value> {
        if reference.source == INPUT {
            return self.inputs.get(&reference.name).cloned();
        }
        let action = &self.definition.node(&reference.source)?.action;
        let outputs = self.catalogue.find(action)?.spec().outputs;
        let output = outputs.iter().find(|output| output.name == reference.name)?;
        Some(Value::String(output.sample.to_owned()))
    }
}

/// Numbers are taken for text where they run.
fn fits_when_it_runs(kind: Kind, value: &Value) -> bool {
    fits(kind, value) || (kind == Kind::Text && (value.is_number() || value.is_boolean()))
}

/// Where inputs are referred to, and which.
fn places(input: &Map<String, Value>, path: &str) -> Vec<(String, String)> {
    let mut places = Vec::new();
    for (key, value) in input {
        references::visit(value, &format!("{path}.input.{key}"), &mut |place, reference| {
            if let Ok(Reference { source, name }) = reference
                && source == INPUT
            {
                places.push((place.to_owned(), name));
            }
        });
    }
    places
}

/// The problem under the names of the inputs that are used at its place, or in what holds it.
fn named(problem: Problem, path: &str, places: &[(String, String)]) -> Problem {
    let at = format!("{path}.input.{}", problem.path);
    let near = places.iter().filter(|(place, _)| within(place, &at) || within(&at, place));
    let names: BTreeSet<String> = near.map(|(_, name)| format!("inputs.{name}")).collect();
    if names.is_empty() {
        return Problem { path: at, ..problem };
    }
    let path = names.into_iter().collect::<Vec<_>>().join(", ");
    Problem { path, reason: format!("{at}: {}", problem.reason), allowed: problem.allowed }
}

fn within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
