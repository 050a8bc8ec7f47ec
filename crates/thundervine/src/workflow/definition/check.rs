//! Looking at all nodes together: unknown actions and nodes, cycles, references, and what each action thinks of its input.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use thunderline_core::Problem;

use super::{
    Definition, Node, duration, parse,
    references::{self, INPUT, Reference},
};
use crate::workflow::catalogue::{ActionSpec, Catalogue, Found, Kind};

/// Adds what is wrong to `problems` and gives the definition with its nodes in order, their dependencies complete.
pub(super) fn check(draft: &Definition, catalogue: &Catalogue, problems: &mut Vec<Problem>) -> Definition {
    let names: BTreeSet<String> = draft.nodes.iter().map(|node| node.name.clone()).collect();
    let specs: BTreeMap<String, &'static ActionSpec> = draft
        .nodes
        .iter()
        .filter_map(|node| Some((node.name.clone(), catalogue.find(&node.action)?.spec())))
        .collect();
    let mut checker = Checker { draft, catalogue, names, specs, problems };
    let mut nodes: Vec<Node> = draft.nodes.iter().map(|node| checker.node(node)).collect();
    let order = checker.order(&nodes);
    let ancestors = ancestors(&nodes, &order);
    checker.compensations(&nodes, &ancestors);
    nodes.sort_by_key(|node| order.iter().position(|name| *name == node.name));
    Definition { nodes, ..draft.clone() }
}

struct Checker<'a> {
    draft: &'a Definition,
    catalogue: &'a Catalogue,
    names: BTreeSet<String>,
    specs: BTreeMap<String, &'static ActionSpec>,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    fn add(&mut self, path: impl Into<String>, reason: impl Into<String>, allowed: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), reason: reason.into(), allowed: allowed.into() });
    }

    /// The node with all its dependencies.
    fn node(&mut self, node: &Node) -> Node {
        let path = format!("nodes.{}", node.name);
        let mut needs: BTreeSet<String> = BTreeSet::new();
        for (index, name) in node.needs.iter().enumerate() {
            if self.names.contains(name) {
                needs.insert(name.clone());
            } else {
                let others = self.others(&node.name);
                self.add(format!("{path}.needs[{index}]"), format!("there is no node '{name}'"), others);
            }
        }
        let referred = self.references(&node.input, &format!("{path}.input"), &|_| true);
        needs.extend(referred.into_iter().map(|reference| reference.source).filter(|source| source != INPUT));
        self.action(&node.action, &node.input, &path);
        Node { needs: needs.into_iter().collect(), ..node.clone() }
    }

    fn others(&self, name: &str) -> String {
        let others: Vec<_> = self.names.iter().filter(|other| *other != name).map(String::as_str).collect();
        if others.is_empty() { "nothing: there is no other node".into() } else { others.join(", ") }
    }

    /// Checks every reference below an input; gives those that lead somewhere.
    fn references(
        &mut self,
        input: &Map<String, Value>,
        path: &str,
        may: &dyn Fn(&str) -> bool,
    ) -> Vec<Reference> {
        let mut found = Vec::new();
        for (key, value) in input {
            references::visit(value, &format!("{path}.{key}"), &mut |path, reference| {
                found.push((path.to_owned(), reference));
            });
        }
        let mut good = Vec::new();
        for (path, reference) in found {
            match reference {
                Err(text) => self.add(
                    path,
                    format!("'${{{text}}}' is no reference"),
                    "${input.NAME} or ${NODE.OUTPUT}; $${ is a plain ${",
                ),
                Ok(reference) if self.leads_somewhere(&path, &reference, may) => good.push(reference),
                Ok(_) => {}
            }
        }
        good
    }

    fn leads_somewhere(&mut self, path: &str, reference: &Reference, may: &dyn Fn(&str) -> bool) -> bool {
        let Reference { source, name } = reference;
        let whole = format!("${{{source}.{name}}}");
        if source == INPUT {
            if self.draft.inputs.contains_key(name) {
                return true;
            }
            let allowed = parse::input_names(&self.draft.inputs);
            self.add(path, format!("{whole}: there is no input '{name}'"), allowed);
            return false;
        }
        if !self.names.contains(source) || !may(source) {
            let reason = if self.names.contains(source) {
                format!("{whole}: '{source}' need not have begun by then")
            } else {
                format!("{whole}: there is no node '{source}'")
            };
            let allowed: Vec<_> = self.names.iter().filter(|name| may(name)).cloned().collect();
            self.add(path, reason, format!("input, {}", allowed.join(", ")));
            return false;
        }
        // An unknown action is a problem of its own.
        let Some(spec) = self.specs.get(source) else { return true };
        if spec.outputs.iter().any(|output| output.name == name) {
            return true;
        }
        let outputs: Vec<_> = spec.outputs.iter().map(|output| output.name).collect();
        let allowed = if outputs.is_empty() {
            format!("nothing: {} has no outputs", spec.name)
        } else {
            outputs.join(", ")
        };
        self.add(path, format!("{whole}: {} gives no '{name}'", spec.name), allowed);
        false
    }

    /// Checks that the action exists and what it thinks of its input.
    fn action(&mut self, action: &str, input: &Map<String, Value>, path: &str) {
        let Some(found) = self.catalogue.find(action) else {
            let names = self.catalogue.names();
            self.add(format!("{path}.action"), format!("there is no action '{action}'"), names);
            return;
        };
        let spec = found.spec();
        let known: Vec<_> = spec.input.iter().map(|field| field.name).collect();
        for key in input.keys().filter(|key| !known.contains(&key.as_str())) {
            self.add(format!("{path}.input.{key}"), format!("{action} takes no '{key}'"), known.join(", "));
        }
        let before = self.problems.len();
        for field in spec.input {
            let path = format!("{path}.input.{}", field.name);
            match input.get(field.name) {
                None | Some(Value::Null) if field.required => {
                    self.add(path, format!("it is missing: {}", field.help), field.kind.words());
                }
                Some(value) if !fits(field.kind, value) => {
                    self.add(path, format!("{value} does not fit: {}", field.help), field.kind.words());
                }
                _ => {}
            }
        }
        if self.problems.len() == before {
            self.ask(&found, input, path);
        }
    }

    /// Lets the action look at its input, with samples in the place of references.
    fn ask(&mut self, found: &Found, input: &Map<String, Value>, path: &str) {
        let lookup = |reference: &Reference| {
            if reference.source == INPUT {
                return self.draft.inputs.get(&reference.name)?.default.clone();
            }
            let outputs = self.specs.get(&reference.source)?.outputs;
            let output = outputs.iter().find(|output| output.name == reference.name)?;
            Some(Value::String(output.sample.to_owned()))
        };
        // What has no sample (an input without a default, or a reference that is a problem already) is looked at when it runs.
        let Ok(input) = references::resolve(input, &lookup) else { return };
        for problem in found.check(&input) {
            let path = format!("{path}.input.{}", problem.path);
            self.problems.push(Problem { path, ..problem });
        }
    }

    /// The names in an order in which each comes after all that it needs; nodes of a cycle and those behind it are problems.
    fn order(&mut self, nodes: &[Node]) -> Vec<String> {
        let mut order: Vec<String> = Vec::new();
        loop {
            let ready: Vec<String> = nodes
                .iter()
                .filter(|node| !order.contains(&node.name))
                .filter(|node| node.needs.iter().all(|need| order.contains(need)))
                .map(|node| node.name.clone())
                .collect();
            if ready.is_empty() {
                break;
            }
            order.extend(ready);
        }
        let stuck: Vec<&Node> = nodes.iter().filter(|node| !order.contains(&node.name)).collect();
        for node in &stuck {
            let reason = match cycle(&stuck, &node.name) {
                Some(cycle) => format!("it needs itself: {}", cycle.join(" needs ")),
                None => "it can never begin: what it needs needs itself".into(),
            };
            self.add(format!("nodes.{}.needs", node.name), reason, "nodes that do not need this one");
        }
        order.extend(stuck.iter().map(|node| node.name.clone()));
        order
    }

    /// A compensation may refer to its own node and to those that were done before it.
    fn compensations(&mut self, nodes: &[Node], ancestors: &BTreeMap<String, BTreeSet<String>>) {
        for node in nodes {
            let Some(compensation) = &node.compensate else { continue };
            let path = format!("nodes.{}.compensate", node.name);
            let before = &ancestors[&node.name];
            let may = |source: &str| source == node.name || before.contains(source);
            self.references(&compensation.input, &format!("{path}.input"), &may);
            self.action(&compensation.action, &compensation.input, &path);
            let waits = self.catalogue.find(&compensation.action);
            if matches!(waits, Some(Found::Native(native)) if native.spec().name != "note") {
                let reason = format!("{} undoes nothing", compensation.action);
                self.add(format!("{path}.action"), reason, "an action that has an effect");
            }
        }
    }
}

pub(super) fn fits(kind: Kind, value: &Value) -> bool {
    let refers = value.as_str().is_some_and(|text| text.contains("${"));
    match kind {
        _ if refers => true,
        Kind::Text => value.is_string(),
        Kind::Duration => duration::seconds(value).is_some(),
        Kind::Document => value.is_string() || value.is_object(),
        Kind::Any => true,
    }
}

/// The shortest way from a node back to itself, among those that are stuck.
fn cycle<'a>(stuck: &[&'a Node], name: &'a str) -> Option<Vec<&'a str>> {
    let mut ways: Vec<Vec<&str>> = vec![vec![name]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = *way.last().expect("a way begins somewhere");
            let Some(node) = stuck.iter().find(|node| node.name == last) else { continue };
            for need in &node.needs {
                let way = [&way[..], &[need.as_str()]].concat();
                if need == name {
                    return Some(way);
                }
                if seen.insert(need.as_str()) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

/// For each node everything that is done before it begins.
fn ancestors(nodes: &[Node], order: &[String]) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in order {
        let mut before = BTreeSet::new();
        for need in nodes.iter().filter(|node| node.name == *name).flat_map(|node| &node.needs) {
            before.insert(need.clone());
            before.extend(all.get(need).into_iter().flatten().cloned());
        }
        all.insert(name.clone(), before);
    }
    all
}
