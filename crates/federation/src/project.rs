//! What this domain knows of nodes: a projection of Thunderlink's events.

use thunderline_contracts::link::{NodeJoined, NodeLeft};
use thunderline_core::{Action, Cx, Envelope, Event, Result, Rule};
use thunderline_store::Write;

use crate::{drive::Drive, rows};

/// Background work only.
pub const ACTION: Action = Action::new("fl.known_nodes.project", Rule::System);

/// The events that this projection wants.
pub const EVENTS: &[&str] = &[NodeJoined::NAME, NodeLeft::NAME];

/// Applies one event within the transaction that also moves the cursor. Federations that may have waited for it are driven.
///
/// # Errors
/// `internal` where an event does not fit its contract.
pub async fn on_node_event(cx: &Cx, event: &Envelope, write: &mut Write) -> Result<()> {
    match event.name.as_str() {
        NodeJoined::NAME => {
            let joined: NodeJoined = event.decode()?;
            rows::nodes::joined(
                write,
                joined.node,
                event.tenant,
                &joined.name,
                joined.kind,
                &joined.tags,
                cx.now(),
            )
            .await?;
        }
        NodeLeft::NAME => {
            let left: NodeLeft = event.decode()?;
            rows::nodes::left(write, left.node, event.tenant, cx.now()).await?;
        }
        _ => return Ok(()),
    }
    for (federation, tenant) in rows::federations::active(write).await? {
        if tenant == event.tenant {
            write.enqueue(&Drive { federation });
        }
    }
    Ok(())
}
