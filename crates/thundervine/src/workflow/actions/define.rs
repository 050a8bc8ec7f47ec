//! Accept a workflow's definition.

use thunderline_contracts::dag::WorkflowDefined;
use thunderline_core::{Action, Cx, Result, Role, Rule, Subject};

use crate::{
    Vine,
    rows::{self, workflows::Workflow},
    workflow::definition::Definition,
};

/// Who may define.
pub const ACTION: Action = Action::new("vine.workflow.define", Rule::AtLeast(Role::Operator));

/// Validates a document and stores it as the next version of its workflow. What means the same as the newest version is that
/// version: nothing is written.
///
/// # Errors
/// `invalid` with all problems at once.
pub async fn define(cx: &Cx, vine: &Vine, document: &str) -> Result<Workflow> {
    ACTION.authorize(cx)?;
    let definition = Definition::parse(document, &vine.catalogue)?;
    let sha256 = definition.digest();
    let mut write = vine.db.write(cx, &ACTION).await?;
    write.lock(&format!("workflow:{}:{}", cx.tenant(), definition.name)).await?;
    let newest = rows::workflows::find(&mut write, cx.tenant(), &definition.name, None).await?;
    let version = match newest {
        Some(newest) if newest.sha256 == sha256 => return Ok(newest),
        Some(newest) => newest.version + 1,
        None => 1,
    };
    let workflow = Workflow {
        name: definition.name.clone(),
        version,
        document: document.into(),
        definition,
        sha256: sha256.clone(),
        created_by: cx.actor().to_string(),
        created_at: cx.now(),
    };
    rows::workflows::insert(&mut write, cx.tenant(), &workflow).await?;
    write.emit(&WorkflowDefined { name: workflow.name.clone(), version, sha256 });
    write.commit(&Subject::new("workflow", &workflow.name)).await?;
    Ok(workflow)
}
