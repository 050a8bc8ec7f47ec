//! Workflows and their executions.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thunderline_core::Timestamp;
use thundervine::workflow::{
    actions::{read, snapshot},
    definition::{self, Definition},
};
use utoipa::ToSchema;

/// A version of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Workflow {
    /// Its name.
    pub name: String,
    /// Which version, from 1.
    pub version: u32,
    /// What it is for.
    pub description: String,
    /// SHA-256 of the definition with every default spelled out.
    pub sha256: String,
    /// What it can be started with.
    pub inputs: Vec<WorkflowInput>,
    /// Its nodes, each after all that it depends on.
    pub nodes: Vec<WorkflowNode>,
    /// Who defined it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// The document as it was handed in.
    pub document: String,
}

/// Something that a workflow can be started with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowInput {
    /// Its name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// What it is where nothing else is said; absent: it must be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// A step of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowNode {
    /// Its name.
    pub name: String,
    /// What it does.
    pub action: String,
    /// What the action is given.
    #[schema(value_type = Object)]
    pub input: Map<String, Value>,
    /// The nodes that must be done first.
    pub needs: Vec<String>,
    /// The action that undoes it; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensate: Option<String>,
    /// How often it is tried again.
    pub retries: u32,
    /// How long it may take in seconds; absent: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i64>,
}

/// A workflow being carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Execution {
    /// Its id.
    pub id: String,
    /// The workflow's name.
    pub workflow: String,
    /// Which version of it.
    pub version: u32,
    /// `running`, `failing`, `cancelling`, `completed`, `failed`, `cancelled` or `halted`.
    pub state: String,
    /// Why it does not run, where it does not.
    pub reason: Option<String>,
    /// What it was started with.
    #[schema(value_type = Object)]
    pub inputs: Map<String, Value>,
    /// Ties everything that it set off together.
    pub correlation: String,
    /// Who started it.
    pub started_by: String,
    /// When.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// An execution and its nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionDetails {
    /// The execution.
    #[serde(flatten)]
    pub execution: Execution,
    /// Its nodes, each after all that it depends on.
    pub nodes: Vec<ExecutionNode>,
}

/// A node of an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionNode {
    /// Its name.
    pub name: String,
    /// What it does.
    pub action: String,
    /// The nodes that must be done first.
    pub needs: Vec<String>,
    /// `pending`, `started`, `waiting`, `retrying`, `done`, `failed`, `skipped`, `undoing`, `undo_retrying`, `undone` or
    /// `stuck`.
    pub state: String,
    /// What it waits for, in words.
    pub waits_for: Option<String>,
    /// Why its last try failed.
    pub reason: Option<String>,
    /// What others may refer to.
    #[schema(value_type = Option<Object>)]
    pub outputs: Option<Map<String, Value>>,
    /// When a wait ends or the next try begins.
    pub at: Option<Timestamp>,
    /// When it is late.
    pub deadline: Option<Timestamp>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// What to start a workflow with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// Which version; absent: the newest.
    #[serde(default)]
    pub version: Option<u32>,
    /// What it is started with, by name.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub inputs: Map<String, Value>,
}

/// A decision on a node that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideRequest {
    /// Whether it may go on. Refused, the execution fails and is undone.
    pub approved: bool,
    /// Why.
    #[serde(default)]
    pub comment: String,
}

/// A definition and its execution as they stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowSnapshot {
    /// Of which execution.
    pub execution: String,
    /// SHA-256 of the document as JSON without spaces and with sorted keys: the same state gives the same.
    pub sha256: String,
    /// When it was taken.
    pub at: Timestamp,
    /// Definition and execution.
    pub document: Value,
}

impl From<read::Workflow> for Workflow {
    fn from(it: read::Workflow) -> Self {
        let Definition { description, inputs, nodes, .. } = it.definition;
        let input = |(name, input): (String, definition::Input)| WorkflowInput {
            name,
            description: input.description,
            default: input.default,
        };
        Self {
            name: it.name,
            version: it.version,
            description,
            sha256: it.sha256,
            inputs: inputs.into_iter().map(input).collect(),
            nodes: nodes.into_iter().map(Into::into).collect(),
            created_by: it.created_by,
            created_at: it.created_at,
            document: it.document,
        }
    }
}

impl From<definition::Node> for WorkflowNode {
    fn from(it: definition::Node) -> Self {
        Self {
            name: it.name,
            action: it.action,
            input: it.input,
            needs: it.needs,
            compensate: it.compensate.map(|compensation| compensation.action),
            retries: it.retries,
            timeout_seconds: it.timeout,
        }
    }
}

impl From<read::Execution> for Execution {
    fn from(it: read::Execution) -> Self {
        Self {
            id: it.id.to_string(),
            workflow: it.workflow,
            version: it.workflow_version,
            state: it.state.name().to_owned(),
            reason: it.state.reason().map(str::to_owned),
            inputs: it.inputs,
            correlation: it.correlation.to_string(),
            started_by: it.started_by,
            started_at: it.started_at,
            ended_at: it.ended_at,
        }
    }
}

impl From<(read::Execution, Vec<read::NodeRow>)> for ExecutionDetails {
    fn from((execution, rows): (read::Execution, Vec<read::NodeRow>)) -> Self {
        let definition = execution.definition.clone();
        let nodes = definition.nodes.iter().zip(rows).map(|(node, row)| ExecutionNode {
            name: row.name,
            action: node.action.clone(),
            needs: node.needs.clone(),
            waits_for: row.waits_for.filter(|_| row.state.name() == "waiting"),
            at: row.state.at(),
            reason: row.reason,
            state: row.state.name().to_owned(),
            outputs: row.outputs,
            deadline: row.deadline,
            started_at: row.started_at,
            ended_at: row.ended_at,
        });
        Self { nodes: nodes.collect(), execution: execution.into() }
    }
}

impl From<snapshot::Snapshot> for WorkflowSnapshot {
    fn from(it: snapshot::Snapshot) -> Self {
        Self { execution: it.execution.to_string(), sha256: it.sha256, at: it.at, document: it.document }
    }
}
