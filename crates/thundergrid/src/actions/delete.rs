//! A zone is no more.

use thunderline_contracts::grid::ZoneDeleted;
use thunderline_core::{Action, Cx, Error, Result, Role, Rule, Subject};

use super::{settle_all, zones_lock};
use crate::{Grid, rows};

/// Those who steer.
pub const ACTION: Action = Action::new("grid.zone.delete", Rule::AtLeast(Role::Operator));

/// Removes a zone. Its nodes are placed anew by their labels.
///
/// # Errors
/// `not_found`; `conflict` while somebody holds it.
pub async fn delete_zone(cx: &Cx, grid: &Grid, name: &str) -> Result<()> {
    let mut write = grid.db.write(cx, &ACTION).await?;
    write.lock(&zones_lock(cx.tenant())).await?;
    let zone = rows::zones::by_name(&mut write, cx.tenant(), name).await?;
    if let Some(held) = zone.claim.owner(cx.now()) {
        return Err(Error::conflict(format!("'{}' holds zone '{name}' until {}", held.owner, held.until)));
    }
    rows::zones::delete(&mut write, zone.id, cx.tenant()).await?;
    write.emit(&ZoneDeleted { zone: zone.id, name: zone.name });
    settle_all(cx, &mut write).await?;
    write.commit(&Subject::new("zone", zone.id)).await
}
