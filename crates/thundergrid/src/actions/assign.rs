//! A node is put into a zone by hand.

use thunderline_contracts::grid::ZoneNodeAssigned;
use thunderline_core::{Action, Cx, Error, NodeId, Result, Role, Rule, Subject};

use super::zones_lock;
use crate::{Grid, place::fitting, rows};

/// Those who steer.
pub const ACTION: Action = Action::new("grid.zone.assign", Rule::AtLeast(Role::Operator));

/// The most nodes of one call.
const MOST: usize = 1_000;

/// Puts nodes into the zone of this name, or, without one, leaves their places to their labels again. Repeating it changes
/// nothing.
///
/// # Errors
/// `not_found` for an unknown zone or node; `invalid` for more than 1000 nodes.
pub async fn assign(cx: &Cx, grid: &Grid, zone: Option<&str>, nodes: &[NodeId]) -> Result<()> {
    if nodes.len() > MOST {
        let reason = format!("{} nodes are too many at once", nodes.len());
        return Err(Error::invalid_value("nodes", reason, format!("at most {MOST} in one call")));
    }
    let mut write = grid.db.write(cx, &ACTION).await?;
    write.lock(&zones_lock(cx.tenant())).await?;
    let zones = rows::zones::of_tenant(&mut write, cx.tenant()).await?;
    let wanted = match zone {
        Some(name) => {
            let found = zones.iter().find(|zone| zone.name == name);
            Some(found.ok_or_else(|| Error::not_found(format_args!("zone '{name}'")))?.id)
        }
        None => None,
    };
    for id in nodes {
        let known = rows::nodes::by_id(&mut write, *id, cx.tenant()).await?;
        let known = known.ok_or_else(|| Error::not_found(format_args!("node {id}")))?;
        let (place, by_hand) = (wanted.or_else(|| fitting(&zones, &known.labels)), wanted.is_some());
        if (place, by_hand) != (known.zone, known.by_hand) {
            rows::nodes::place(&mut write, *id, place, by_hand).await?;
            write.emit(&ZoneNodeAssigned { node: *id, zone: place, by_hand });
        }
    }
    let subject = wanted.map_or_else(|| Subject::new("zone", "by labels"), |zone| Subject::new("zone", zone));
    write.commit(&subject).await
}
