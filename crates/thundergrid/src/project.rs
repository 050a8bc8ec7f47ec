//! What this domain knows of nodes: a projection of Thunderlink's events. A node's place follows from it.

use thunderline_contracts::{
    grid::ZoneNodeAssigned,
    link::{NodeChanged, NodeJoined, NodeLeft},
};
use thunderline_core::{Cx, Envelope, Event, Result};
use thunderline_store::Write;

use crate::{
    place::{fitting, labels_of},
    rows::{self, nodes::Placed},
};

/// The events that this projection wants.
pub const EVENTS: &[&str] = &[NodeJoined::NAME, NodeLeft::NAME, NodeChanged::NAME];

/// Applies one event within the transaction that also moves the cursor.
///
/// # Errors
/// `internal` where an event does not fit its contract.
pub async fn on_node_event(_cx: &Cx, event: &Envelope, write: &mut Write) -> Result<()> {
    let tenant = event.tenant;
    match event.name.as_str() {
        NodeJoined::NAME => {
            let joined: NodeJoined = event.decode()?;
            let known = rows::nodes::by_id(write, joined.node, tenant).await?;
            let fresh = Placed {
                node: joined.node,
                name: joined.name,
                labels: labels_of(&joined.capabilities),
                zone: known.as_ref().and_then(|known| known.zone),
                by_hand: known.is_some_and(|known| known.by_hand),
                online: true,
            };
            settle(write, event, fresh).await
        }
        NodeChanged::NAME => {
            let changed: NodeChanged = event.decode()?;
            match rows::nodes::by_id(write, changed.node, tenant).await? {
                Some(known) => {
                    settle(write, event, Placed { labels: labels_of(&changed.capabilities), ..known }).await
                }
                None => Ok(()),
            }
        }
        NodeLeft::NAME => rows::nodes::left(write, event.decode::<NodeLeft>()?.node, tenant).await,
        _ => Ok(()),
    }
}

async fn settle(write: &mut Write, event: &Envelope, placed: Placed) -> Result<()> {
    let mut placed = placed;
    if !placed.by_hand {
        let zone = fitting(&rows::zones::of_tenant(write, event.tenant).await?, &placed.labels);
        if zone != placed.zone {
            write.emit(&ZoneNodeAssigned { node: placed.node, zone, by_hand: false });
            placed.zone = zone;
        }
    }
    rows::nodes::put(write, &placed, event.tenant).await
}
