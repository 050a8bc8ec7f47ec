//! Carrying an execution on: view → plan → steps, until nothing is left to do.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thunderline_core::{Action, Cx, Error, ErrorKind, ExecutionId, Job, Result, Rule};

use super::{
    actions::{
        read,
        step::{self, Effect},
    },
    catalogue::Found,
    definition::references::{self, INPUT, Reference},
    plan::{self, NodeView, Step, View},
};
use crate::{
    Vine,
    rows::{
        self,
        executions::{Execution, NodeRow},
    },
};

pub use crate::rows::executions::Underway;

/// Background work only: asks for drives.
pub const SWEEP: Action = Action::new("vine.execution.sweep", Rule::System);

/// Conflicts after which a drive leaves the field to whoever is quicker.
const MOST_CONFLICTS: u32 = 5;

/// Who acts in all steps: keys of actions belong to their caller, and must be the same whoever drives.
const DRIVER: &str = "vine.workflow";

/// The job that carries an execution on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Drive {
    /// Which execution.
    pub execution: ExecutionId,
}

impl Job for Drive {
    const NAME: &'static str = "vine.execution.drive";

    fn key(&self) -> String {
        self.execution.to_string()
    }
}

/// An execution as it is stored, and the view of it.
struct Loaded {
    execution: Execution,
    nodes: Vec<NodeRow>,
    view: View,
}

async fn load(cx: &Cx, vine: &Vine, id: ExecutionId) -> Result<Loaded> {
    let mut read = vine.db.read(cx, &read::ACTION).await?;
    let found = rows::executions::by_id(&mut read, id, cx.tenant()).await?;
    let execution = found.ok_or_else(|| Error::not_found(format_args!("execution {id}")))?;
    let nodes = rows::executions::nodes(&mut read, id).await?;
    let mut views = Vec::with_capacity(nodes.len());
    for row in &nodes {
        let outcome = match &row.subject {
            Some(subject) => rows::outcomes::find(&mut read, cx.tenant(), subject).await?,
            None => None,
        };
        views.push(NodeView {
            state: row.state.clone(),
            begun: row.begun,
            deadline: row.deadline,
            effect: row.outputs.is_some(),
            outcome,
        });
    }
    let (state, definition) = (execution.state.clone(), execution.definition.clone());
    Ok(Loaded { view: View { id, state, definition, nodes: views }, execution, nodes })
}

/// Does all that can be done for an execution now.
///
/// # Errors
/// Those of the steps, but for conflicts: somebody else has done the step, and the next view shows it.
pub async fn drive(cx: &Cx, vine: &Vine, id: ExecutionId) -> Result<()> {
    drive_until(cx, vine, id, &mut || false).await.map(drop)
}

/// As [`drive`], but asks `dies` before each transaction and after each effect, and where it says so leaves everything as it
/// is, as a process that is killed there would. For tests and simulations. Gives whether it lived.
///
/// # Errors
/// As [`drive`].
pub async fn drive_until(
    cx: &Cx,
    vine: &Vine,
    id: ExecutionId,
    dies: &mut (dyn FnMut() -> bool + Send),
) -> Result<bool> {
    let cx = cx.as_system(DRIVER);
    let mut conflicts = 0;
    while conflicts < MOST_CONFLICTS {
        let loaded = load(&cx, vine, id).await?;
        let cx = cx.caused_by(cx.tenant(), loaded.execution.correlation, cx.causation());
        let steps = plan::next(&loaded.view, cx.now());
        if steps.is_empty() {
            return wake_later(&cx, vine, &loaded.view).await.map(|()| true);
        }
        for step in steps {
            tracing::debug!(execution = %id, ?step, "step");
            if dies() {
                return Ok(false);
            }
            match apply(&cx, vine, &loaded, step, dies).await {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    tracing::debug!(execution = %id, %error, "a step was done by somebody else");
                    conflicts += 1;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
    // Others are quicker here: the sweep comes back to it.
    Ok(true)
}

/// What has a time of its own is done then.
async fn wake_later(cx: &Cx, vine: &Vine, view: &View) -> Result<()> {
    let Some(at) = plan::wake(view, cx.now()) else { return Ok(()) };
    let mut write = vine.db.write(cx, &SWEEP).await?;
    write.enqueue_at(&Drive { execution: view.id }, at);
    write.commit_derived().await
}

async fn apply(
    cx: &Cx,
    vine: &Vine,
    loaded: &Loaded,
    step: Step,
    dies: &mut (dyn FnMut() -> bool + Send),
) -> Result<bool> {
    let id = loaded.execution.id;
    match step {
        Step::Begin(index) => step::begin(cx, vine, id, index).await?,
        Step::Run(index) => {
            let effect = run(cx, vine, loaded, index).await;
            if dies() {
                return Ok(false);
            }
            step::record(cx, vine, id, index, effect).await?;
        }
        Step::Finish(index, outputs) => step::finish(cx, vine, id, index, outputs).await?,
        Step::Failed { node, reason, again } => step::failed(cx, vine, id, node, &reason, again).await?,
        Step::Skip(index) => step::skip(cx, vine, id, index).await?,
        Step::BeginUndo(index) => step::begin_undo(cx, vine, id, index).await?,
        Step::Undo(index) => {
            let effect = undo(cx, vine, loaded, index).await;
            if dies() {
                return Ok(false);
            }
            step::record_undo(cx, vine, id, index, effect).await?;
        }
        Step::Complete => step::complete(cx, vine, id).await?,
        Step::Fail(reason) => step::fail(cx, vine, id, &reason).await?,
        Step::End => step::end(cx, vine, id, None).await?,
        Step::Halt(stuck) => step::end(cx, vine, id, Some(stuck)).await?,
    }
    Ok(true)
}

/// Asks for a node's action. The key names the effect: a repetition after a crash has the same.
async fn run(cx: &Cx, vine: &Vine, loaded: &Loaded, index: usize) -> Result<Effect> {
    let node = &loaded.execution.definition.nodes[index];
    let generation = loaded.nodes[index].state.generation();
    let key = format!("vine:{}:{}:{generation}", loaded.execution.id, node.name);
    ask(cx, vine, loaded, &node.action, &node.input, key).await
}

/// Asks for what undoes a node.
async fn undo(cx: &Cx, vine: &Vine, loaded: &Loaded, index: usize) -> Result<Effect> {
    let node = &loaded.execution.definition.nodes[index];
    let compensation = node.compensate.as_ref();
    let compensation = compensation.ok_or_else(|| Error::internal("nothing undoes the node"))?;
    let key = format!("vine:{}:{}:undo", loaded.execution.id, node.name);
    ask(cx, vine, loaded, &compensation.action, &compensation.input, key).await
}

async fn ask(
    cx: &Cx,
    vine: &Vine,
    loaded: &Loaded,
    action: &str,
    input: &Map<String, Value>,
    key: String,
) -> Result<Effect> {
    let Some(found) = vine.catalogue.find(action) else {
        return Err(Error::unavailable(format!("this server has no action '{action}'")));
    };
    let input = references::resolve(input, &|reference| value_of(loaded, reference))?;
    match found {
        Found::Native(native) => native.does(&input, cx.now()).map(Effect::Native),
        Found::Port(port) => port.run(cx.clone(), key, input).await.map(Effect::Port),
    }
}

fn value_of(loaded: &Loaded, reference: &Reference) -> Option<Value> {
    if reference.source == INPUT {
        return loaded.execution.inputs.get(&reference.name).cloned();
    }
    let node = loaded.nodes.iter().find(|node| node.name == reference.source)?;
    node.outputs.as_ref()?.get(&reference.name).cloned()
}

/// Every execution of every tenant that is not over.
///
/// # Errors
/// `forbidden` for all but background work; those of reading.
pub async fn underway(cx: &Cx, vine: &Vine) -> Result<Vec<Underway>> {
    rows::executions::underway(&mut vine.db.read(cx, &SWEEP).await?).await
}

/// Asks for a drive of every execution that is not over: what makes a lost wake-up cost seconds, never truth. Gives how many.
///
/// # Errors
/// Those of reading the list and of writing.
pub async fn sweep(cx: &Cx, vine: &Vine) -> Result<usize> {
    let mut read = vine.db.read(cx, &read::ACTION).await?;
    let active = rows::executions::active(&mut read).await?;
    drop(read);
    for (execution, tenant, correlation) in &active {
        let cx = cx.caused_by(*tenant, *correlation, None);
        let mut write = vine.db.write(&cx, &SWEEP).await?;
        write.enqueue(&Drive { execution: *execution });
        write.commit_derived().await?;
    }
    Ok(active.len())
}
