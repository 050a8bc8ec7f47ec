//! The blackboard.

pub mod delete;
pub mod get;
pub mod list;
pub mod put;

use serde::Deserialize;
use thunderflow::blackboard::Scope;
use thunderline_core::Result;
use utoipa::IntoParams;

/// Which part of the blackboard.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct In {
    /// `global` (the database; the default) or `node` (the process that answers).
    scope: Option<String>,
}

fn scope(text: Option<&str>) -> Result<Scope> {
    text.unwrap_or("global").parse()
}
