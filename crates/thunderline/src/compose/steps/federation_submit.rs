//! `federation.submit`: trains a federation.

use federation::{Federations, actions::submit, spec};
use serde_json::{Map, Value};
use thunderline_core::{Cx, Problem, Result};
use thunderline_runtime::BoxFuture;
use thundervine::workflow::{
    catalogue::{ActionSpec, Field, Kind, Output, Ran, StepAction},
    project::federation_subject,
};

const SPEC: ActionSpec = ActionSpec {
    name: "federation.submit",
    summary: "Submits a federation and waits until it is completed.",
    input: &[Field {
        name: "spec",
        kind: Kind::Document,
        required: true,
        help: "the federation's spec, as in docs/federation-spec.md",
    }],
    outputs: &[
        Output { name: "federation", sample: "0197f0a0-0000-7000-8000-000000000000" },
        Output { name: "artifact", sample: "0197f0a0-0000-7000-8000-000000000001" },
        Output { name: "sha256", sample: "0000000000000000000000000000000000000000000000000000000000000000" },
        Output { name: "uri", sample: "objects/checkpoints/0" },
        Output { name: "rounds", sample: "1" },
    ],
};

/// The action.
pub struct Submit(pub Federations);

/// The spec as the text that federations take: a text as it is, a group of keys as JSON.
fn text(input: &Map<String, Value>) -> String {
    input
        .get("spec")
        .map_or_else(String::new, |spec| spec.as_str().map_or_else(|| spec.to_string(), str::to_owned))
}

impl StepAction for Submit {
    fn spec(&self) -> &'static ActionSpec {
        &SPEC
    }

    fn check(&self, input: &Map<String, Value>) -> Vec<Problem> {
        let read = spec::read_document(&text(input));
        let Err(error) = read.and_then(|document| spec::FederationSpec::parse(&document, 0)) else {
            return Vec::new();
        };
        let below = |problem: &Problem| {
            let path = if problem.path.is_empty() { "spec".into() } else { format!("spec.{}", problem.path) };
            Problem { path, ..problem.clone() }
        };
        if error.problems().is_empty() {
            let (path, reason) = ("spec".into(), error.to_string());
            return vec![Problem { path, reason, allowed: "a federation's spec".into() }];
        }
        error.problems().iter().map(below).collect()
    }

    fn run(&self, cx: Cx, key: String, input: Map<String, Value>) -> BoxFuture<'static, Result<Ran>> {
        let federations = self.0.clone();
        Box::pin(async move {
            let federation = submit::submit(&cx, &federations, &text(&input), Some(&key)).await?;
            let id = federation.id;
            let outputs = Map::from_iter([("federation".to_owned(), Value::String(id.to_string()))]);
            let words = format!("federation {} ({id}) to be completed", federation.name);
            Ok(Ran::Waiting { subject: federation_subject(id), words, outputs })
        })
    }
}
