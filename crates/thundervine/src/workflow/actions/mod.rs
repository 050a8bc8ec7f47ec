//! Everything that can be done with workflows. Each is one transaction; there is no other way to write.

pub mod cancel;
pub mod decide;
pub mod define;
pub mod read;
pub mod snapshot;
pub mod start;
pub(crate) mod step;

use thunderline_core::{Cx, Error, ExecutionId, Result, Subject};
use thunderline_store::Write;

use crate::rows::{
    self,
    executions::{Execution, NodeRow},
};

pub use step::ACTION as STEP;

/// The execution of the caller's tenant and its nodes, locked until the end of the transaction; or 'not found'.
async fn locked(write: &mut Write, cx: &Cx, id: ExecutionId) -> Result<(Execution, Vec<NodeRow>)> {
    write.lock(&format!("execution:{id}")).await?;
    let found = rows::executions::by_id(write, id, cx.tenant()).await?;
    let execution = found.ok_or_else(|| missing(id))?;
    let nodes = rows::executions::nodes(write, id).await?;
    Ok((execution, nodes))
}

fn missing(id: ExecutionId) -> Error {
    Error::not_found(format_args!("execution {id}"))
}

fn about(id: ExecutionId) -> Subject {
    Subject::new("execution", id)
}
