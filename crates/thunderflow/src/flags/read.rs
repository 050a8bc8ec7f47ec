//! Looking at flags.

use thunderline_core::{Action, Cx, Result, Role, Rule};

use super::rows::{self, Flag};
use crate::Flow;

/// People look.
pub const ACTION: Action = Action::new("flow.flag.read", Rule::AtLeast(Role::Viewer));

/// Every flag that somebody set, by name.
///
/// # Errors
/// `forbidden`.
pub async fn list_flags(cx: &Cx, flow: &Flow) -> Result<Vec<Flag>> {
    rows::list(&mut flow.db.read(cx, &ACTION).await?).await
}

/// One flag.
///
/// # Errors
/// `not_found` where nobody set it.
pub async fn get_flag(cx: &Cx, flow: &Flow, name: &str) -> Result<Flag> {
    rows::by_name(&mut flow.db.read(cx, &ACTION).await?, name).await
}
