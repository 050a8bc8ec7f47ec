//! Reading values.

use serde::de::DeserializeOwned;
use thunderline_core::{Action, Cx, Error, Result, Role, Rule};

use super::{Entry, Scope, rows};
use crate::Flow;

/// People look.
pub const ACTION: Action = Action::new("flow.blackboard.read", Rule::AtLeast(Role::Viewer));

/// A value, if it is there.
///
/// # Errors
/// `forbidden`.
pub async fn find(cx: &Cx, flow: &Flow, scope: Scope, key: &str) -> Result<Option<Entry>> {
    ACTION.authorize(cx)?;
    let found = match scope {
        Scope::Global => {
            let mut read = flow.db.read(cx, &ACTION).await?;
            rows::get(&mut read, cx.tenant(), key, cx.now()).await?
        }
        Scope::Node => flow.board.node.get(cx.tenant(), key, cx.now()),
    };
    flow.board.count(scope, found.is_some());
    Ok(found)
}

/// A value as a type of the program, if it is there.
///
/// # Errors
/// `invalid` where it is of another type.
pub async fn find_as<T: DeserializeOwned>(
    cx: &Cx,
    flow: &Flow,
    scope: Scope,
    key: &str,
) -> Result<Option<T>> {
    let Some(entry) = find(cx, flow, scope, key).await? else { return Ok(None) };
    serde_json::from_value(entry.value).map(Some).map_err(|error| {
        Error::invalid_value(key, format!("it is of the type {}", entry.kind), "the type that was asked for")
            .caused_by(error)
    })
}

/// Values whose keys begin with `prefix`, by key.
///
/// # Errors
/// `forbidden`.
pub async fn list(cx: &Cx, flow: &Flow, scope: Scope, prefix: &str, limit: u32) -> Result<Vec<Entry>> {
    ACTION.authorize(cx)?;
    match scope {
        Scope::Global => {
            let mut read = flow.db.read(cx, &ACTION).await?;
            rows::list(&mut read, cx.tenant(), prefix, cx.now(), limit).await
        }
        Scope::Node => Ok(flow.board.node.list(cx.tenant(), prefix, cx.now(), limit as usize)),
    }
}
