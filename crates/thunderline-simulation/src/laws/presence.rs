//! Who is there.

use thunderline_core::Timestamp;

use super::{Broken, law};
use crate::{
    facts::Facts,
    model::{Model, PATIENCE},
};

/// Where it is certain what a node did, Thunderlink says so; where it is not, Thunderlink's word is taken.
pub(crate) fn nodes(model: &mut Model, facts: &Facts, now: Timestamp) -> Result<(), Broken> {
    for (node, presence) in &mut model.presence {
        let online = facts.nodes.get(node).is_some_and(|state| state == "online");
        match presence.online {
            Some(true) if !online && now.duration_since(presence.first) >= PATIENCE => {
                presence.online = Some(false);
            }
            Some(wanted) => {
                let (last, found) = (presence.last, facts.nodes.get(node));
                law!(wanted == online, "node {node}, last heard of at {last}, is {found:?}");
            }
            None => presence.online = Some(online),
        }
    }
    Ok(())
}
