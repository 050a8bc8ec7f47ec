//! Looking at each part.

use std::time::Instant;

use thunderline_core::{Cx, Error, Result};

use super::{ACTION, Check, Limits, Report, rows, status};
use crate::{Block, Home, blocking};

/// A blob that is no model: different at each look, so that it is really written.
const PROBE: &str = "probe";

/// Looks at everything, remembers it in memory, and writes down what changed.
///
/// # Errors
/// Where what changed cannot be written down; that is in the report as well.
pub async fn look(cx: &Cx, block: &Block) -> Result<Report> {
    let limits = block.limits;
    let mut checks = vec![status::database(database(cx, block).await, &limits)];
    if let Some(home) = &block.home {
        let (home, now, db) = (home.clone(), cx.now(), block.db.file());
        let room = blocking(move || {
            let mut checks = vec![status::objects(objects(&home, now), &limits), disk(&home, &limits)];
            if let Some(file) = db {
                let wal = format!("{}-wal", file.display());
                let bytes = std::fs::metadata(wal).map_or(0, |about| about.len());
                checks.push(status::wal(bytes, &limits));
            }
            Ok(checks)
        });
        checks.extend(room.await?);
    }
    note(cx, block, &checks).await?;
    Ok(block.health.now())
}

/// Puts checks into the report and writes down those whose status changed.
pub(crate) async fn note(cx: &Cx, block: &Block, checks: &[Check]) -> Result<()> {
    let before = block.health.now();
    block.health.put(cx.now(), checks);
    let known = |check: &Check| before.checks.iter().find(|known| known.component == check.component);
    let changed: Vec<_> = checks
        .iter()
        .filter(|check| {
            known(check).map_or(check.status > status::Status::Healthy, |old| old.status != check.status)
        })
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let mut write = block.db.write(cx, &ACTION).await?;
    for check in changed {
        let (component, detail) = (check.component, check.detail.as_str());
        match check.status {
            status::Status::Healthy => tracing::info!(component, detail, "healthy again"),
            other => tracing::warn!(component, status = other.name(), detail, "not healthy"),
        }
        rows::insert(&mut write, cx.uuid(), &block.node, check, cx.now()).await?;
    }
    write.commit_derived().await
}

async fn database(cx: &Cx, block: &Block) -> Result<u64, String> {
    let began = Instant::now();
    let at = cx.now();
    let probed = async {
        let mut write = block.db.write(cx, &ACTION).await?;
        rows::probe(&mut write, &block.node, at).await?;
        write.commit_derived().await?;
        rows::probed(&mut block.db.read(cx, &ACTION).await?, &block.node).await
    };
    match probed.await {
        Ok(seen) if seen == Some(at) => Ok(millis(began)),
        Ok(_) => Err("what was written could not be read".into()),
        Err(error) => Err(error.chain()),
    }
}

fn objects(home: &Home, now: thunderline_core::Timestamp) -> Result<u64, String> {
    let began = Instant::now();
    let probed = || {
        let area = home.objects.area(PROBE)?;
        let blob = area.put(now.to_string().as_bytes())?;
        if !area.verify(&blob)? {
            return Err(Error::internal("what was written is not what is read"));
        }
        area.remove()
    };
    probed().map(|()| millis(began)).map_err(|error| error.chain())
}

fn disk(home: &Home, limits: &Limits) -> Check {
    match rustix::fs::statvfs(&home.data) {
        Ok(disk) => status::disk(disk.f_bavail.saturating_mul(disk.f_frsize), limits),
        Err(error) => Check {
            component: "disk",
            status: status::Status::Degraded,
            detail: format!("it cannot be looked at: {error}"),
            advice: "look at it with 'df'",
        },
    }
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
