//! Claims end whose time is over.

use thunderline_core::{Action, Cx, ErrorKind, Result, Rule, Subject};

use super::claim::tell;
use crate::{Claim, Grid, rows};

/// Background work only.
pub const ACTION: Action = Action::new("grid.zone.expire", Rule::System);

/// Claims ended in one pass.
const MOST: u32 = 500;

/// Tells of claims whose time is over. They hold nothing from that moment on, told or not. Gives how many.
///
/// # Errors
/// Those of writing; a claim that somebody else changed meanwhile is left alone.
pub async fn expire(cx: &Cx, grid: &Grid) -> Result<usize> {
    let mut read = grid.db.read(cx, &ACTION).await?;
    let overdue = rows::zones::overdue(&mut read, cx.now(), MOST).await?;
    drop(read);
    let mut ended = 0;
    for zone in overdue {
        let cx = cx.caused_by(zone.tenant, cx.correlation(), None);
        let mut write = grid.db.write(&cx, &ACTION).await?;
        let next = Claim { token: zone.claim.token, held: None };
        match rows::zones::set_claim(&mut write, &zone, &next).await {
            Ok(()) => {
                tell(&cx, &mut write, &zone, &next);
                write.commit(&Subject::new("zone", zone.id)).await?;
                ended += 1;
            }
            Err(error) if error.kind() == ErrorKind::Conflict => drop(write),
            Err(error) => return Err(error),
        }
    }
    Ok(ended)
}
