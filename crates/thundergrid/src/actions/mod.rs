//! Everything that can be done in this domain.

pub mod assign;
pub mod claim;
pub mod create;
pub mod delete;
pub mod expire;
pub mod read;

use thunderline_contracts::grid::ZoneNodeAssigned;
use thunderline_core::{Cx, Error, Result, TenantId};
use thunderline_store::Write;

use crate::{place::fitting, rows};

/// The key under which zones of a tenant are changed one after another.
fn zones_lock(tenant: TenantId) -> String {
    format!("grid.zones:{tenant}")
}

/// Places every node anew that nobody placed by hand; what changes is told.
async fn settle_all(cx: &Cx, write: &mut Write) -> Result<()> {
    let zones = rows::zones::of_tenant(write, cx.tenant()).await?;
    for placed in rows::nodes::of_tenant(write, cx.tenant()).await? {
        let gone = placed.zone.is_some_and(|zone| !zones.iter().any(|known| known.id == zone));
        if placed.by_hand && !gone {
            continue;
        }
        let zone = fitting(&zones, &placed.labels);
        if zone != placed.zone {
            rows::nodes::place(write, placed.node, zone, false).await?;
            write.emit(&ZoneNodeAssigned { node: placed.node, zone, by_hand: false });
        }
    }
    Ok(())
}

/// A text of 1 to so many characters, without blanks around it.
fn text(path: &str, text: &str, least: usize, longest: usize) -> Result<String> {
    let text = text.trim();
    if (least..=longest).contains(&text.chars().count()) {
        return Ok(text.into());
    }
    let reason = if text.is_empty() { "it is empty" } else { "it is too long" };
    Err(Error::invalid_value(path, reason, format!("{least} to {longest} characters")))
}
