//! See what is kept, and what would go.

use thunderline_core::{Action, Cx, Expired, Expiry, Result, Role, Rule as Policy, TenantId};

use super::{Effective, Resource, Rule, plan, rows, set};
use crate::Block;

/// Whoever runs the installation.
pub const READ_ACTION: Action = Action::new("block.retention.read", Policy::AtLeast(Role::Operator));

/// Things that a preview names at most, of one owner.
const MOST: u32 = 1_000;

/// Every resource, and every rule that was set.
///
/// # Errors
/// `forbidden`.
pub async fn list(cx: &Cx, block: &Block) -> Result<(Vec<Resource>, Vec<Rule>)> {
    let mut read = block.db.read(cx, &READ_ACTION).await?;
    Ok((block.resources.to_vec(), rows::list(&mut read).await?))
}

/// What would go now, by owner; at most a thousand things of each. Nothing goes.
///
/// # Errors
/// `forbidden`, `invalid` for an unknown resource; those of the domain.
pub async fn preview(
    cx: &Cx,
    block: &Block,
    resource: &str,
) -> Result<Vec<(Option<TenantId>, Effective, Vec<Expired>)>> {
    let mut read = block.db.read(cx, &READ_ACTION).await?;
    let rules = rows::list(&mut read).await?;
    drop(read);
    let resource = set::find(block, resource)?;
    let system = cx.as_system("retention");
    let mut found = Vec::new();
    for tenant in resource.owners(&system).await? {
        let effective = plan::effective(&rules, resource.name, resource.default, tenant);
        let expired = match plan::expiry(&effective, cx.now()) {
            None => Vec::new(),
            Some((before, keep_newest)) => {
                resource.find(&system, Expiry { before, keep_newest, tenant, limit: MOST }).await?
            }
        };
        found.push((tenant, effective, expired));
    }
    Ok(found)
}
