//! Start a workflow.

use std::sync::Arc;

use serde_json::{Map, Value};
use thunderline_contracts::dag::WorkflowStarted;
use thunderline_core::{Action, Cx, Error, Problem, Result, Role, Rule};

use super::about;
use crate::{
    Vine,
    rows::{self, executions::Execution, workflows::Workflow},
    workflow::{drive::Drive, state::ExecutionState},
};

/// Who may start.
pub const ACTION: Action = Action::new("vine.workflow.start", Rule::AtLeast(Role::Operator));

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The workflow's name.
    pub workflow: String,
    /// Which version; none: the newest.
    pub version: Option<u32>,
    /// What it is started with.
    pub inputs: Map<String, Value>,
    /// Repeating the call with the same key gives the same execution.
    pub idempotency_key: Option<String>,
}

/// Starts a workflow, which then goes on by itself.
///
/// # Errors
/// `not_found` where there is no such workflow or version; `invalid` for inputs that it does not have, that are missing,
/// or that its steps cannot use.
pub async fn start(cx: &Cx, vine: &Vine, start: &Start) -> Result<Execution> {
    let mut write = vine.db.write(cx, &ACTION).await?;
    if let Some(key) = &start.idempotency_key {
        let request = serde_json::json!([start.workflow, start.version, start.inputs]);
        if let Some(earlier) = write.claim_key(key, &crate::workflow::snapshot::digest(&request)).await? {
            let id = earlier.parse()?;
            let found = rows::executions::by_id(&mut write, id, cx.tenant()).await?;
            return found.ok_or_else(|| super::missing(id));
        }
    }
    let (name, version) = (&start.workflow, start.version);
    let found = rows::workflows::find(&mut write, cx.tenant(), name, version).await?;
    let workflow = found.ok_or_else(|| match version {
        Some(version) => Error::not_found(format_args!("version {version} of the workflow {name}")),
        None => Error::not_found(format_args!("the workflow {name}")),
    })?;
    let inputs = inputs(&workflow, &start.inputs)?;
    workflow.definition.check_inputs(&inputs, &vine.catalogue)?;
    let execution = Execution {
        id: cx.id(),
        tenant: cx.tenant(),
        inputs,
        workflow: workflow.name,
        workflow_version: workflow.version,
        definition: Arc::new(workflow.definition),
        state: ExecutionState::Running,
        correlation: cx.correlation(),
        started_by: cx.actor().to_string(),
        started_at: cx.now(),
        ended_at: None,
        begun: 0,
    };
    rows::executions::insert(&mut write, &execution).await?;
    write.emit(&WorkflowStarted {
        execution: execution.id,
        workflow: execution.workflow.clone(),
        version: execution.workflow_version,
        nodes: execution.definition.nodes.len() as u32,
    });
    write.enqueue(&Drive { execution: execution.id });
    if start.idempotency_key.is_some() {
        write.keep_outcome(execution.id.to_string());
    }
    write.commit(&about(execution.id)).await?;
    Ok(execution)
}

/// What was given, and the defaults of what was not.
fn inputs(workflow: &Workflow, given: &Map<String, Value>) -> Result<Map<String, Value>> {
    let known = &workflow.definition.inputs;
    let names = || match known.keys().cloned().collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "nothing: the workflow has no inputs".to_owned(),
        names => names,
    };
    let mut problems: Vec<Problem> = given
        .keys()
        .filter(|name| !known.contains_key(*name))
        .map(|name| Problem {
            path: format!("inputs.{name}"),
            reason: format!("the workflow has no input '{name}'"),
            allowed: names(),
        })
        .collect();
    let mut inputs = Map::new();
    for (name, input) in known {
        match given.get(name).or(input.default.as_ref()) {
            Some(value) => {
                inputs.insert(name.clone(), value.clone());
            }
            None => problems.push(Problem {
                path: format!("inputs.{name}"),
                reason: "it is missing and has no default".into(),
                allowed: if input.description.is_empty() {
                    "a value".into()
                } else {
                    input.description.clone()
                },
            }),
        }
    }
    if problems.is_empty() {
        Ok(inputs)
    } else {
        Err(Error::invalid("the workflow cannot be started with these inputs", problems))
    }
}
