//! Forgetting what need not be kept any more.

use serde::{Deserialize, Serialize};
use thunderline_core::{Action, Cx, Expiry, Job, Result, Role, Rule as Policy, TenantId};

use super::{Resource, archive, plan, rows, set};
use crate::Block;

/// Background work, and whoever may change the installation.
pub const ACTION: Action = Action::new("block.retention.sweep", Policy::AtLeast(Role::Admin));

/// Things that go together: on SQLite nobody else writes meanwhile.
const BATCH: u32 = 200;
/// Batches of one owner in one sweep; the next one goes on.
const BATCHES: u32 = 50;

/// Sweeps at a time of somebody's choosing; the server does it every few minutes anyway.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {}

impl Job for Sweep {
    const NAME: &'static str = "block.retention.sweep";

    fn key(&self) -> String {
        "all".into()
    }
}

/// What went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Of which resource.
    pub resource: &'static str,
    /// Whose; none for the installation's.
    pub tenant: Option<TenantId>,
    /// How many things.
    pub removed: u64,
    /// How many bytes of disk, as far as that is known.
    pub bytes: u64,
    /// Whether there may be more, for the next sweep.
    pub more: bool,
}

/// Forgets in bounded batches, of one resource or of all. A resource that fails does not keep the others from being swept.
///
/// # Errors
/// `forbidden`, `invalid` for an unknown resource; the first failure, after everything was tried.
pub async fn sweep(cx: &Cx, block: &Block, only: Option<&str>) -> Result<Vec<Swept>> {
    ACTION.authorize(cx)?;
    let wanted = only.map(|name| set::find(block, name)).transpose()?;
    let mut read = block.db.read(cx, &ACTION).await?;
    let rules = rows::list(&mut read).await?;
    drop(read);
    // Whoever may sweep was asked above; what the domains do for it is background work, and theirs to guard.
    let system = cx.as_system("retention");
    let (mut swept, mut outcome) = (Vec::new(), Ok(()));
    for resource in block.resources.iter().filter(|known| wanted.is_none_or(|only| only.name == known.name)) {
        match sweep_resource(&system, block, &rules, resource).await {
            Ok(done) => swept.extend(done.into_iter().filter(|done| done.removed > 0)),
            Err(error) => {
                tracing::error!(resource = resource.name, error = error.chain(), "retention failed");
                outcome = outcome.and(Err(error));
            }
        }
    }
    for done in &swept {
        tracing::info!(resource = done.resource, removed = done.removed, bytes = done.bytes, "forgotten");
    }
    outcome.map(|()| swept)
}

async fn sweep_resource(
    cx: &Cx,
    block: &Block,
    rules: &[super::Rule],
    resource: &Resource,
) -> Result<Vec<Swept>> {
    let mut swept = Vec::new();
    for tenant in resource.owners(cx).await? {
        let effective = plan::effective(rules, resource.name, resource.default, tenant);
        let Some((before, keep_newest)) = plan::expiry(&effective, cx.now()) else { continue };
        let expiry = Expiry { before, keep_newest, tenant, limit: BATCH };
        let mut done = Swept { resource: resource.name, tenant, removed: 0, bytes: 0, more: true };
        for _ in 0..BATCHES {
            let expired = resource.find(cx, expiry).await?;
            let found = expired.len() as u64;
            if found == 0 {
                done.more = false;
                break;
            }
            if effective.archive {
                archive::keep(cx, block, resource.name, &expired).await?;
            }
            let bytes: u64 = expired.iter().map(|it| it.bytes).sum();
            let removed = resource.remove(cx, expired).await?;
            done.removed += removed;
            done.bytes += if removed == found { bytes } else { bytes / found * removed };
            // What is found but cannot go (a backup holds it, somebody needs it again) waits for the next sweep.
            if removed < found || found < u64::from(BATCH) {
                done.more = removed < found;
                break;
            }
        }
        swept.push(done);
    }
    Ok(swept)
}
