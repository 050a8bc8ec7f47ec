//! Stores what events say about lineage.

use serde_json::json;
use thunderline_core::{Action, Cx, Envelope, Result, Rule};
use thunderline_store::Write;

use super::facts::{self, BEGAN_FROM, Fact};
use crate::rows;

pub use super::facts::EVENTS;

/// Background work only.
pub const ACTION: Action = Action::new("vine.lineage.project", Rule::System);

/// Applies one event within the transaction that also moves the cursor. Applying it again changes nothing.
///
/// # Errors
/// `internal` where an event does not fit its contract.
pub async fn on_event(_cx: &Cx, event: &Envelope, write: &mut Write) -> Result<()> {
    for fact in facts::facts(event)? {
        match fact {
            Fact::Thing { key, label, digest, federation, attributes } => {
                let thing = rows::lineage::Thing {
                    key,
                    label,
                    digest,
                    federation,
                    attributes,
                    at: event.time,
                    sequence: event.sequence,
                };
                rows::lineage::put(write, event.tenant, &thing).await?;
            }
            Fact::Edge { source, relation, target } => {
                rows::lineage::link(write, event.tenant, &source, relation, &target).await?;
            }
            Fact::BeganFrom { round, federation, digest } => {
                let target = source_of(event, write, &federation, &digest).await?;
                rows::lineage::link(write, event.tenant, &round, BEGAN_FROM, &target).await?;
            }
        }
    }
    Ok(())
}

/// The artifact with these bytes as it was known when the event happened: the federation's own newest one, else the newest
/// of all, else a stand-in that has nothing but its digest.
async fn source_of(event: &Envelope, write: &mut Write, federation: &str, digest: &str) -> Result<String> {
    if let Some(key) = rows::lineage::holder(write, event.tenant, digest, federation, event.sequence).await? {
        return Ok(key);
    }
    let stand_in = rows::lineage::Thing {
        key: format!("artifact:sha256:{digest}"),
        label: "a model of unknown origin".into(),
        digest: None,
        federation: None,
        attributes: json!({ "kind": "model", "origin": "unknown", "sha256": digest }),
        at: event.time,
        sequence: event.sequence,
    };
    rows::lineage::put(write, event.tenant, &stand_in).await?;
    Ok(stand_in.key)
}
