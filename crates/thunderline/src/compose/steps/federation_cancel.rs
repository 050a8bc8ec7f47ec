//! `federation.cancel`: ends a federation for good.

use federation::{Federations, actions::cancel};
use serde_json::{Map, Value};
use thunderline_core::{Cx, ErrorKind, Result};
use thunderline_runtime::BoxFuture;
use thundervine::workflow::catalogue::{ActionSpec, Field, Kind, Ran, StepAction};

const SPEC: ActionSpec = ActionSpec {
    name: "federation.cancel",
    summary: "Ends a federation for good; models made so far are kept. One that is over stays as it is.",
    input: &[
        Field { name: "federation", kind: Kind::Text, required: true, help: "the federation's id" },
        Field { name: "reason", kind: Kind::Text, required: false, help: "why" },
    ],
    outputs: &[],
};

/// The action.
pub struct Cancel(pub Federations);

impl StepAction for Cancel {
    fn spec(&self) -> &'static ActionSpec {
        &SPEC
    }

    fn run(&self, cx: Cx, _key: String, input: Map<String, Value>) -> BoxFuture<'static, Result<Ran>> {
        let federations = self.0.clone();
        Box::pin(async move {
            let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
            let reason = match text("reason") {
                "" => "a workflow was undone",
                reason => reason,
            };
            // Repeating it finds the federation over already: that is what is wanted.
            match cancel::cancel(&cx, &federations, text("federation").parse()?, reason).await {
                Err(error) if error.kind() != ErrorKind::Conflict => Err(error),
                _ => Ok(Ran::Done(Map::new())),
            }
        })
    }
}
