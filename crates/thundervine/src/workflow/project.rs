//! What Vine knows of other domains' ends: a projection of their events, which nodes wait for.

use serde_json::{Map, Value, json};
use thunderline_contracts::federation::{FederationCancelled, FederationCompleted, FederationFailed};
use thunderline_core::{Action, Cx, Envelope, Event, FederationId, Result, Rule};
use thunderline_store::Write;

use super::{drive::Drive, plan::Outcome};
use crate::rows;

/// Background work only.
pub const ACTION: Action = Action::new("vine.outcome.project", Rule::System);

/// The events that end something.
pub const EVENTS: &[&str] = &[FederationCompleted::NAME, FederationFailed::NAME, FederationCancelled::NAME];

/// What nodes that wait for a federation wait for.
#[must_use]
pub fn federation_subject(id: FederationId) -> String {
    format!("federation:{id}")
}

/// Applies one event within the transaction that also moves the cursor, and drives the executions that wait for it.
///
/// # Errors
/// `internal` where an event does not fit its contract.
pub async fn on_event(_cx: &Cx, event: &Envelope, write: &mut Write) -> Result<()> {
    let Some((subject, outcome)) = ended(event)? else { return Ok(()) };
    rows::outcomes::put(write, event.tenant, &subject, &outcome, event.time).await?;
    for execution in rows::executions::waiting_for(write, event.tenant, &subject).await? {
        write.enqueue(&Drive { execution });
    }
    Ok(())
}

/// What ended, and how.
fn ended(event: &Envelope) -> Result<Option<(String, Outcome)>> {
    let bad = |again, reason| Outcome { good: false, again, reason: Some(reason), outputs: Map::new() };
    Ok(Some(match event.name.as_str() {
        FederationCompleted::NAME => {
            let it: FederationCompleted = event.decode()?;
            let outputs = json!({
                "federation": it.federation, "artifact": it.artifact, "sha256": it.sha256, "uri": it.uri,
                "rounds": it.rounds_total,
            });
            let Value::Object(outputs) = outputs else { return Ok(None) };
            (federation_subject(it.federation), Outcome { good: true, again: false, reason: None, outputs })
        }
        FederationFailed::NAME => {
            let it: FederationFailed = event.decode()?;
            (federation_subject(it.federation), bad(true, format!("the federation failed: {}", it.reason)))
        }
        FederationCancelled::NAME => {
            let it: FederationCancelled = event.decode()?;
            // Somebody wanted it to end: another try is not what they wanted.
            (
                federation_subject(it.federation),
                bad(false, format!("the federation was cancelled: {}", it.reason)),
            )
        }
        _ => return Ok(None),
    }))
}
