//! A node goes, or is found to be gone.

use thunderline_contracts::link::NodeLeft;
use thunderline_core::{Action, Cx, NodeId, Result, Rule, Subject};

use crate::{
    Links,
    rows::{self, NodeState},
};

/// The node itself, or background work that notices its silence.
pub const ACTION: Action = Action::new("link.node.leave", Rule::Node);

/// How a node goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It said goodbye and may come back.
    Deactivated,
    /// It said goodbye for good.
    Unregistered,
    /// It has not been heard of.
    Silent {
        /// For how long.
        seconds: i64,
    },
}

/// Takes a node offline. Repeating it changes nothing.
///
/// # Errors
/// Those of writing.
pub async fn leave(cx: &Cx, links: &Links, node: NodeId, departure: Departure) -> Result<()> {
    let (state, reason) = match departure {
        Departure::Deactivated => (NodeState::Offline, "it said goodbye".to_owned()),
        Departure::Unregistered => (NodeState::Unregistered, "it unregistered".into()),
        Departure::Silent { seconds } => (NodeState::Offline, format!("no sign of life for {seconds} s")),
    };
    let mut write = links.db.write(cx, &ACTION).await?;
    let changed = rows::leave(&mut write, node, cx.tenant(), state, &reason, cx.now()).await?;
    if changed {
        write.emit(&NodeLeft { node, reason });
        write.commit(&Subject::new("node", node)).await?;
    } else {
        drop(write);
    }
    links.presence.left(node);
    Ok(())
}
