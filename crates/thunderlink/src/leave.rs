//! A node goes, or is found to be gone.

use thunderline_contracts::link::NodeLeft;
use thunderline_core::{
    Action, Cx, NodeId, Result, Rule, Subject,
    seams::{Bug, planted},
};
use thunderline_store::Write;

use crate::{
    Links, heartbeats, node_lock,
    rows::{self, nodes::NodeState},
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

/// Takes a node offline. Repeating it changes nothing. A node that fell silent here, but is heard by another process, is
/// only forgotten.
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
    write.lock(&node_lock(node)).await?;
    let change = links.presence.begin(node, cx.tenant());
    if matches!(departure, Departure::Silent { .. }) {
        let session = rows::sessions::current(&mut write, node, cx.tenant()).await?;
        if session.is_some_and(|session| session.home != links.home(cx)) {
            links.presence.left(change);
            return Ok(());
        }
    }
    let changed = rows::nodes::leave(&mut write, node, cx.tenant(), state, &reason, cx.now()).await?;
    if changed {
        end_session(cx, links, &mut write, node, &reason).await?;
        if !(planted(Bug::LoseLeave) && matches!(departure, Departure::Silent { .. })) {
            write.emit(&NodeLeft { node, reason: reason.clone() });
        }
        write.commit(&Subject::new("node", node)).await?;
        links.book.edit_node(node, |known| {
            (known.state, known.reason, known.changed_at) = (state, Some(reason), cx.now());
        });
    } else {
        drop(write);
    }
    links.presence.left(change);
    Ok(())
}

/// Writes down what was counted of the node's session, and that it is over.
pub(crate) async fn end_session(
    cx: &Cx,
    links: &Links,
    write: &mut Write,
    node: NodeId,
    reason: &str,
) -> Result<()> {
    if let Some(beat) = links.presence.beat(node, cx.now()) {
        heartbeats::write_down(write, &beat).await?;
    }
    rows::sessions::close(write, node, cx.tenant(), reason, cx.now()).await.map(drop)
}
