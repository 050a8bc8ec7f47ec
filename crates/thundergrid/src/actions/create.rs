//! There is a new zone.

use thunderline_contracts::grid::ZoneCreated;
use thunderline_core::{Action, Cx, Error, Result, Role, Rule, Subject};

use super::{settle_all, text, zones_lock};
use crate::{Grid, Labels, Zone, claim::Claim, place, rows};

/// Those who steer.
pub const ACTION: Action = Action::new("grid.zone.create", Rule::AtLeast(Role::Operator));

/// The most zones of one tenant.
const MOST: usize = 1_000;

/// Makes a zone. Nodes that have all its labels are placed there at once.
///
/// # Errors
/// `conflict` where the name is taken; `invalid` for texts and labels out of range, and for a name that would not stay one piece of an
/// address.
pub async fn create_zone(
    cx: &Cx,
    grid: &Grid,
    name: &str,
    description: &str,
    labels: Labels,
) -> Result<Zone> {
    let (name, description) = (text("name", name, 1, 100)?, text("description", description, 0, 500)?);
    if name.contains(['/', '\\']) || name.chars().any(char::is_control) || matches!(name.as_str(), "." | "..")
    {
        let allowed = "1 to 100 characters without slashes, not '.' or '..'";
        return Err(Error::invalid_value("name", format!("'{name}' cannot be part of an address"), allowed));
    }
    place::check(&labels)?;
    let mut write = grid.db.write(cx, &ACTION).await?;
    write.lock(&zones_lock(cx.tenant())).await?;
    let zones = rows::zones::of_tenant(&mut write, cx.tenant()).await?;
    if zones.iter().any(|zone| zone.name == name) {
        return Err(Error::conflict(format!("there is a zone '{name}' already")));
    }
    if zones.len() >= MOST {
        return Err(Error::invalid_value("name", format!("there are {MOST} zones already"), "fewer zones"));
    }
    let (tenant, created_at) = (cx.tenant(), cx.now());
    let zone = Zone { id: cx.id(), tenant, name, description, labels, claim: Claim::default(), created_at };
    rows::zones::insert(&mut write, &zone).await?;
    write.emit(&ZoneCreated { zone: zone.id, name: zone.name.clone() });
    settle_all(cx, &mut write).await?;
    write.commit(&Subject::new("zone", zone.id)).await?;
    Ok(zone)
}
