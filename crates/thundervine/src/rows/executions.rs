//! Tables `vine_executions`, `vine_execution_nodes` and `vine_snapshots`.

use std::sync::Arc;

use serde_json::{Map, Value};
use thunderline_core::{ExecutionId, Result, TenantId, Timestamp};
use thunderline_store::{Query, Row, Stmt, Write, args};
use uuid::Uuid;

use super::{decode, known};
use crate::workflow::{
    definition::Definition,
    state::{ExecutionState, NodeState},
};

pub(crate) const STATEMENTS: &[&Stmt] = &[
    &INSERT,
    &INSERT_NODE,
    &BY_ID,
    &NODES,
    &LIST,
    &ACTIVE,
    &UNDERWAY,
    &WAITING_FOR,
    &SET_STATE,
    &SET_BEGUN,
    &SET_NODE,
    &SNAPSHOT,
];

const INSERT: Stmt = Stmt::new(
    "vine.executions.insert",
    "insert into vine_executions (id, tenant, workflow, workflow_version, definition, inputs, state, correlation,
        started_by, started_at, begun)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)",
);
const INSERT_NODE: Stmt = Stmt::new(
    "vine.execution_nodes.insert",
    "insert into vine_execution_nodes (execution, tenant, name, ordinal, state, attempt, generation, anew)
     values ($1, $2, $3, $4, 'pending', 0, 0, 0)",
);
const BY_ID: Stmt =
    Stmt::new("vine.executions.by_id", "select * from vine_executions where id = $1 and tenant = $2");
const NODES: Stmt = Stmt::new(
    "vine.execution_nodes.of_execution",
    "select * from vine_execution_nodes where execution = $1 order by ordinal",
);
const LIST: Stmt = Stmt::new(
    "vine.executions.list",
    "select * from vine_executions where tenant = $1 and (workflow = $2 or $2 is null) and (state = $3 or $3 is null)
        and (started_at < $4 or $4 is null)
     order by started_at desc, id desc limit $5",
);
// Across tenants: for the sweep, which belongs to the installation.
const ACTIVE: Stmt = Stmt::new(
    "vine.executions.active",
    "select id, tenant, correlation from vine_executions where state in ('running', 'failing', 'cancelling')
     order by started_at",
);
// Across tenants: for checkpoints, which belong to the installation.
const UNDERWAY: Stmt = Stmt::new(
    "vine.executions.underway",
    "select e.id, e.workflow, e.state,
        (select count(*) from vine_execution_nodes n where n.execution = e.id) as nodes,
        (select count(*) from vine_execution_nodes n where n.execution = e.id and n.state = 'done') as done,
        (select count(*) from vine_execution_nodes n where n.execution = e.id and n.state = 'waiting') as waiting
     from vine_executions e where e.state in ('running', 'failing', 'cancelling') order by e.started_at",
);
const WAITING_FOR: Stmt = Stmt::new(
    "vine.execution_nodes.waiting_for",
    "select distinct execution from vine_execution_nodes where tenant = $1 and subject = $2 and state = 'waiting'",
);
const SET_STATE: Stmt = Stmt::new(
    "vine.executions.set_state",
    "update vine_executions set state = $2, reason = $3, ended_at = $4 where id = $1",
);
const SET_BEGUN: Stmt =
    Stmt::new("vine.executions.set_begun", "update vine_executions set begun = $2 where id = $1");
const SET_NODE: Stmt = Stmt::new(
    "vine.execution_nodes.set",
    "update vine_execution_nodes set state = $3, attempt = $4, generation = $5, anew = $6, at = $7, reason = $8,
        begun = $9, deadline = $10, subject = $11, waits_for = $12, outputs = $13, started_at = $14, ended_at = $15
     where execution = $1 and name = $2",
);
const SNAPSHOT: Stmt = Stmt::new(
    "vine.snapshots.insert",
    "insert into vine_snapshots (execution, tenant, sha256, document, created_by, created_at)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
);

/// An execution as it is stored.
#[derive(Clone, Debug)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The workflow's name.
    pub workflow: String,
    /// Which version of it.
    pub workflow_version: u32,
    /// What it is to do.
    pub definition: Arc<Definition>,
    /// What it was started with, defaults included.
    pub inputs: Map<String, Value>,
    /// Where it stands.
    pub state: ExecutionState,
    /// Ties everything it sets off to the request that started it.
    pub correlation: Uuid,
    /// Who started it.
    pub started_by: String,
    /// When.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How many nodes have begun.
    pub begun: u32,
}

/// An execution that is not over, in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Underway {
    /// Its id.
    pub id: ExecutionId,
    /// The workflow's name.
    pub workflow: String,
    /// The name of its state.
    pub state: String,
    /// How many nodes it has.
    pub nodes: u32,
    /// How many of them are done.
    pub done: u32,
    /// How many of them wait for something outside.
    pub waiting: u32,
}

/// A node of an execution as it is stored.
#[derive(Clone, Debug)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub state: NodeState,
    /// Why its last try failed; also of a node that was tried again since.
    pub reason: Option<String>,
    /// The place in the order in which nodes began.
    pub begun: Option<u32>,
    /// When it is late.
    pub deadline: Option<Timestamp>,
    /// The thing that it waits for.
    pub subject: Option<String>,
    /// The same in words.
    pub waits_for: Option<String>,
    /// What others may refer to; there as soon as its action had an effect.
    pub outputs: Option<Map<String, Value>>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

fn execution(row: &Row) -> Result<Execution> {
    let (definition, inputs): (String, String) = (row.get("definition")?, row.get("inputs")?);
    let state: String = row.get("state")?;
    let parsed = ExecutionState::from_parts(&state, row.get("reason")?);
    Ok(Execution {
        id: row.get("id")?,
        tenant: row.get("tenant")?,
        workflow: row.get("workflow")?,
        workflow_version: row.get("workflow_version")?,
        definition: Arc::new(decode("vine_executions.definition", &definition)?),
        inputs: decode("vine_executions.inputs", &inputs)?,
        state: known("vine_executions.state", &state, parsed)?,
        correlation: row.get("correlation")?,
        started_by: row.get("started_by")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        begun: row.get("begun")?,
    })
}

fn node(row: &Row) -> Result<NodeRow> {
    let state: String = row.get("state")?;
    let parsed = NodeState::from_parts(
        &state,
        row.get("attempt")?,
        row.get("generation")?,
        row.get("at")?,
        row.get("anew")?,
        row.get("reason")?,
    );
    let outputs: Option<String> = row.get("outputs")?;
    Ok(NodeRow {
        name: row.get("name")?,
        state: known("vine_execution_nodes.state", &state, parsed)?,
        reason: row.get("reason")?,
        begun: row.get("begun")?,
        deadline: row.get("deadline")?,
        subject: row.get("subject")?,
        waits_for: row.get("waits_for")?,
        outputs: outputs.map(|text| decode("vine_execution_nodes.outputs", &text)).transpose()?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
    })
}

pub(crate) async fn insert(write: &mut Write, it: &Execution) -> Result<()> {
    let definition = serde_json::to_string(&*it.definition).expect("a definition is plain data");
    let args = args![
        it.id,
        it.tenant,
        it.workflow.as_str(),
        it.workflow_version,
        definition,
        Value::Object(it.inputs.clone()),
        it.state.name(),
        it.correlation,
        it.started_by.as_str(),
        it.started_at
    ];
    write.exec(&INSERT, args).await?;
    for (ordinal, node) in it.definition.nodes.iter().enumerate() {
        write.exec(&INSERT_NODE, args![it.id, it.tenant, node.name.as_str(), ordinal as u32]).await?;
    }
    Ok(())
}

pub(crate) async fn by_id(
    query: &mut impl Query,
    id: ExecutionId,
    tenant: TenantId,
) -> Result<Option<Execution>> {
    query.one(&BY_ID, args![id, tenant]).await?.as_ref().map(execution).transpose()
}

/// The nodes of an execution, in the definition's order.
pub(crate) async fn nodes(query: &mut impl Query, id: ExecutionId) -> Result<Vec<NodeRow>> {
    query.all(&NODES, args![id]).await?.iter().map(node).collect()
}

/// The newest first; `before` continues a listing.
pub(crate) async fn list(
    query: &mut impl Query,
    tenant: TenantId,
    workflow: Option<&str>,
    state: Option<&str>,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<Execution>> {
    let args = args![tenant, workflow, state, before, limit];
    query.all(&LIST, args).await?.iter().map(execution).collect()
}

/// Every execution of every tenant that is not over.
pub(crate) async fn active(query: &mut impl Query) -> Result<Vec<(ExecutionId, TenantId, Uuid)>> {
    let rows = query.all(&ACTIVE, args![]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("tenant")?, row.get("correlation")?))).collect()
}

/// Every execution of every tenant that is not over, as people see it.
pub(crate) async fn underway(query: &mut impl Query) -> Result<Vec<Underway>> {
    let rows = query.all(&UNDERWAY, args![]).await?;
    rows.iter()
        .map(|row| {
            Ok(Underway {
                id: row.get("id")?,
                workflow: row.get("workflow")?,
                state: row.get("state")?,
                nodes: row.get("nodes")?,
                done: row.get("done")?,
                waiting: row.get("waiting")?,
            })
        })
        .collect()
}

/// The executions with a node that waits for this.
pub(crate) async fn waiting_for(
    query: &mut impl Query,
    tenant: TenantId,
    subject: &str,
) -> Result<Vec<ExecutionId>> {
    query.all(&WAITING_FOR, args![tenant, subject]).await?.iter().map(|row| row.get("execution")).collect()
}

pub(crate) async fn set_state(
    write: &mut Write,
    id: ExecutionId,
    state: &ExecutionState,
    now: Timestamp,
) -> Result<()> {
    let ended = state.is_over().then_some(now);
    write.exec(&SET_STATE, args![id, state.name(), state.reason(), ended]).await?;
    Ok(())
}

pub(crate) async fn set_begun(write: &mut Write, id: ExecutionId, begun: u32) -> Result<()> {
    write.exec(&SET_BEGUN, args![id, begun]).await?;
    Ok(())
}

pub(crate) async fn set_node(write: &mut Write, id: ExecutionId, it: &NodeRow) -> Result<()> {
    let outputs = it.outputs.clone().map(Value::Object);
    let args = args![
        id,
        it.name.as_str(),
        it.state.name(),
        it.state.attempt(),
        it.state.generation(),
        it.state.is_anew(),
        it.state.at(),
        it.state.reason().or(it.reason.as_deref()),
        it.begun,
        it.deadline,
        it.subject.as_deref(),
        it.waits_for.as_deref(),
        outputs,
        it.started_at,
        it.ended_at
    ];
    write.exec(&SET_NODE, args).await?;
    Ok(())
}

pub(crate) async fn keep_snapshot(
    write: &mut Write,
    execution: &Execution,
    sha256: &str,
    document: &Value,
    by: &str,
    now: Timestamp,
) -> Result<()> {
    let args = args![execution.id, execution.tenant, sha256, document, by, now];
    write.exec(&SNAPSHOT, args).await?;
    Ok(())
}
