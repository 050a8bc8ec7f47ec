//! Looking at zones.

use thunderline_core::{Action, Cx, NodeId, Result, Role, Rule};

use crate::{Grid, Zone, rows};

pub use crate::rows::nodes::Placed;

/// People look.
pub const ACTION: Action = Action::new("grid.zone.read", Rule::AtLeast(Role::Viewer));

/// All zones by name, and how many nodes are in each.
///
/// # Errors
/// `forbidden`.
pub async fn list_zones(cx: &Cx, grid: &Grid) -> Result<Vec<(Zone, i64)>> {
    let mut read = grid.db.read(cx, &ACTION).await?;
    let counts = rows::nodes::counts(&mut read, cx.tenant()).await?;
    let zones = rows::zones::of_tenant(&mut read, cx.tenant()).await?;
    let count = |zone: &Zone| counts.iter().find(|(id, _)| *id == zone.id).map_or(0, |(_, count)| *count);
    Ok(zones.into_iter().map(|zone| (count(&zone), zone)).map(|(count, zone)| (zone, count)).collect())
}

/// One zone, and how many nodes are in it.
///
/// # Errors
/// `not_found`.
pub async fn get_zone(cx: &Cx, grid: &Grid, name: &str) -> Result<(Zone, i64)> {
    let mut read = grid.db.read(cx, &ACTION).await?;
    let zone = rows::zones::by_name(&mut read, cx.tenant(), name).await?;
    let counts = rows::nodes::counts(&mut read, cx.tenant()).await?;
    let count = counts.iter().find(|(id, _)| *id == zone.id).map_or(0, |(_, count)| *count);
    Ok((zone, count))
}

/// The nodes of a zone in the order of their ids, beginning after one.
///
/// # Errors
/// `not_found`.
pub async fn list_nodes(
    cx: &Cx,
    grid: &Grid,
    name: &str,
    after: Option<NodeId>,
    limit: u32,
) -> Result<Vec<Placed>> {
    let mut read = grid.db.read(cx, &ACTION).await?;
    let zone = rows::zones::by_name(&mut read, cx.tenant(), name).await?;
    rows::nodes::of_zone(&mut read, zone.id, after.map_or(0, NodeId::as_i64), limit).await
}
