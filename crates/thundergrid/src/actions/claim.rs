//! Somebody holds a zone for a time.

use thunderline_contracts::grid::{ZoneClaimed, ZoneReleased};
use thunderline_core::{Action, Cx, Result, Role, Rule, Subject};
use thunderline_store::Write;

use super::text;
use crate::{Claim, Grid, Zone, rows};

/// Those who steer.
pub const CLAIM: Action = Action::new("grid.zone.claim", Rule::AtLeast(Role::Operator));
/// Those who steer, with the token.
pub const RENEW: Action = Action::new("grid.zone.renew", Rule::AtLeast(Role::Operator));
/// Those who steer, with the token.
pub const RELEASE: Action = Action::new("grid.zone.release", Rule::AtLeast(Role::Operator));

/// Takes a zone for so many seconds. Who holds it already gets the new time and keeps the token.
///
/// # Errors
/// `not_found`; `conflict` while another holds it; `invalid` for an owner or a time out of range.
pub async fn claim(cx: &Cx, grid: &Grid, name: &str, owner: &str, seconds: u32) -> Result<Zone> {
    let owner = text("owner", owner, 1, 100)?;
    change(cx, grid, &CLAIM, name, |claim| claim.claim(&owner, seconds, cx.now())).await
}

/// Holds a zone for so many seconds from now, for whoever has the token.
///
/// # Errors
/// `not_found`; `conflict` where the token holds nothing any more; `invalid` for a time out of range.
pub async fn renew(cx: &Cx, grid: &Grid, name: &str, token: i64, seconds: u32) -> Result<Zone> {
    change(cx, grid, &RENEW, name, |claim| claim.renew(token, seconds, cx.now())).await
}

/// Gives a zone back, for whoever has the token.
///
/// # Errors
/// `not_found`; `conflict` where the token holds nothing any more.
pub async fn release(cx: &Cx, grid: &Grid, name: &str, token: i64) -> Result<Zone> {
    change(cx, grid, &RELEASE, name, |claim| claim.release(token, cx.now())).await
}

async fn change(
    cx: &Cx,
    grid: &Grid,
    action: &Action,
    name: &str,
    decide: impl FnOnce(&Claim) -> Result<Claim>,
) -> Result<Zone> {
    let mut write = grid.db.write(cx, action).await?;
    write.lock(&format!("grid.zone:{name}")).await?;
    let zone = rows::zones::by_name(&mut write, cx.tenant(), name).await?;
    let next = decide(&zone.claim)?;
    rows::zones::set_claim(&mut write, &zone, &next).await?;
    tell(cx, &mut write, &zone, &next);
    write.commit(&Subject::new("zone", zone.id)).await?;
    Ok(Zone { claim: next, ..zone })
}

/// Tells of a claim that began and of one that ended; one that goes on is not told.
pub(super) fn tell(cx: &Cx, write: &mut Write, zone: &Zone, next: &Claim) {
    let goes_on = next.held.is_some() && next.token == zone.claim.token;
    if goes_on {
        return;
    }
    if let Some(held) = &zone.claim.held {
        let expired = cx.now() >= held.until;
        let (owner, token) = (held.owner.clone(), zone.claim.token);
        write.emit(&ZoneReleased { zone: zone.id, owner, token, expired });
    }
    if let Some(held) = &next.held {
        let (owner, token, expires_at) = (held.owner.clone(), next.token, held.until);
        write.emit(&ZoneClaimed { zone: zone.id, owner, token, expires_at });
    }
}
