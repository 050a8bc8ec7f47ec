//! Looking decisions up.

use thunderline_core::{Action, Cx, Error, EventId, FederationId, Result, Role, Rule};
use uuid::Uuid;

use crate::{Prism, decide::KINDS, rows};

pub use crate::rows::{Decision, Neighbour};

/// Who may look.
pub const ACTION: Action = Action::new("prism.decision.read", Rule::AtLeast(Role::Viewer));

/// The most neighbours that are shown of one decision.
const MOST_NEIGHBOURS: u32 = 1_000;

/// Which decisions; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In this federation.
    pub federation: Option<FederationId>,
    /// In rounds of this number.
    pub round: Option<u32>,
    /// Of this kind.
    pub kind: Option<String>,
}

/// Decisions in the order in which they were made, after the one of that sequence.
///
/// # Errors
/// `invalid` for a kind that does not exist, naming those that do.
pub async fn list(cx: &Cx, prism: &Prism, filter: &Filter, after: i64, limit: u32) -> Result<Vec<Decision>> {
    if let Some(kind) = filter.kind.as_deref().filter(|kind| !KINDS.contains(kind)) {
        return Err(Error::invalid_value(
            "kind",
            format!("'{kind}' is no kind of decision"),
            KINDS.join(", "),
        ));
    }
    let mut read = prism.db.read(cx, &ACTION).await?;
    let (federation, kind) = (filter.federation, filter.kind.as_deref());
    rows::list(&mut read, cx.tenant(), federation, filter.round, kind, after, limit).await
}

/// One decision, and those that led to it or followed from it.
///
/// # Errors
/// `not_found`.
pub async fn show(cx: &Cx, prism: &Prism, id: EventId) -> Result<(Decision, Vec<Neighbour>)> {
    let mut read = prism.db.read(cx, &ACTION).await?;
    let found = rows::by_id(&mut read, cx.tenant(), id).await?;
    let decision = found.ok_or_else(|| Error::not_found(format_args!("decision {id}")))?;
    let neighbours = rows::neighbours(&mut read, cx.tenant(), id, MOST_NEIGHBOURS).await?;
    Ok((decision, neighbours))
}

/// Everything that was decided because of one request: by the correlation of the decision's own cause, or of the request
/// that began the federation.
///
/// # Errors
/// Those of reading.
pub async fn trail(
    cx: &Cx,
    prism: &Prism,
    correlation: Uuid,
    after: i64,
    limit: u32,
) -> Result<Vec<Decision>> {
    let mut read = prism.db.read(cx, &ACTION).await?;
    rows::trail(&mut read, cx.tenant(), correlation, after, limit).await
}
