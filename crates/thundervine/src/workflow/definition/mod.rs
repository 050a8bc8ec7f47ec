//! What a workflow is: its document, validated whole.
//!
//! A node depends on those that it `needs`, and on those whose outputs its input refers to. A definition that is accepted
//! serialises to a document that parses to the same definition again: nothing is implied by what was left out.

mod check;
pub(crate) mod duration;
mod inputs;
mod parse;
pub mod references;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thunderline_core::{Error, Result};

use super::catalogue::Catalogue;

/// A validated workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name: 1 to 100 lower-case letters, digits and hyphens.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it can be started with.
    pub inputs: BTreeMap<String, Input>,
    /// Its nodes, each after all that it depends on.
    pub nodes: Vec<Node>,
}

/// Something that a workflow can be started with; nodes refer to it as `${input.name}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// What it means.
    pub description: String,
    /// What it is where nothing else is said; none: it must be said.
    pub default: Option<Value>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name: 1 to 100 lower-case letters, digits, hyphens and underscores.
    pub name: String,
    /// The action of the catalogue.
    pub action: String,
    /// What the action is given; may refer to `${input.x}` and `${node.output}`.
    pub input: Map<String, Value>,
    /// The nodes that must be done first.
    pub needs: Vec<String>,
    /// What undoes it.
    pub compensate: Option<Compensation>,
    /// How often it is tried again, 0 to 100.
    pub retries: u32,
    /// How long it may take, waiting included, in seconds; none: for ever.
    pub timeout: Option<i64>,
}

/// What undoes a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compensation {
    /// The action of the catalogue.
    pub action: String,
    /// What it is given; may refer to the node's own outputs as well.
    pub input: Map<String, Value>,
}

impl Definition {
    /// Reads and validates a document in YAML or JSON.
    ///
    /// # Errors
    /// `invalid` with all problems at once; `too_large` above 256 KiB.
    pub fn parse(text: &str, catalogue: &Catalogue) -> Result<Self> {
        let document = parse::read(text)?;
        let (drafted, mut problems) = parse::draft(&document);
        let definition = check::check(&drafted, catalogue, &mut problems);
        if problems.is_empty() {
            Ok(definition)
        } else {
            problems.sort_by(|a, b| a.path.cmp(&b.path));
            Err(Error::invalid("the workflow cannot be accepted", problems))
        }
    }

    /// Looks at everything once more with what it is to be started with.
    ///
    /// # Errors
    /// `invalid` with all problems at once, under the names of the inputs.
    pub fn check_inputs(&self, given: &Map<String, Value>, catalogue: &Catalogue) -> Result<()> {
        let problems = inputs::problems(self, given, catalogue);
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::invalid("the workflow cannot be started with these inputs", problems))
    }

    /// The node of this name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// SHA-256 of this definition as JSON with sorted keys.
    #[must_use]
    pub fn digest(&self) -> String {
        let value = serde_json::to_value(self).expect("a definition is plain data");
        super::snapshot::digest(&value)
    }
}

#[cfg(test)]
mod tests;
