//! Looking for damage after a stop that was not in good order.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use thunderline_core::{Cx, Result, Timestamp};
use thunderline_objects::Objects;

use crate::{Block, blocking, health};

/// Blobs may be younger than the newest checkpoint says, and clocks may have been set.
const MARGIN: Duration = Duration::from_secs(600);

/// Whether an examination is wanted, and since when things may be damaged. Shared by all clones of a [`Block`].
#[derive(Clone, Debug, Default)]
pub struct Examination(Arc<Mutex<Wanted>>);

/// None: not wanted. Since when; `Some(None)`: everything.
type Wanted = Option<Option<Timestamp>>;

impl Examination {
    pub(super) fn ask(&self, since: Option<Timestamp>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(since);
    }

    fn take(&self) -> Wanted {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Where it was asked for: the database's quick check, and the digests of the blobs that were stored shortly before the
/// stop, which a power cut may have taken. The findings are in the health report. Gives how many there are.
///
/// # Errors
/// Those of the database, and of the disk.
pub async fn examine(cx: &Cx, block: &Block) -> Result<usize> {
    let Some(since) = block.examination.take() else { return Ok(0) };
    let mut findings = block.db.quick_check().await?;
    let pages = findings.len();
    let mut looked_at = 0;
    if let Some(home) = block.home.clone() {
        let since = since.and_then(|since| SystemTime::from(since).checked_sub(MARGIN));
        let (count, damaged) = blocking(move || damaged(&home.objects, since)).await?;
        looked_at = count;
        findings.extend(damaged);
    }
    let says =
        format!("after the last stop, the database and {looked_at} objects were looked at and are good");
    let check = health::status::consistency(&findings, &says);
    if findings.is_empty() {
        tracing::info!(objects = looked_at, "{says}");
    } else {
        tracing::error!(pages, objects = findings.len() - pages, first = findings[0], "there is damage");
    }
    health::note(cx, block, &[check]).await?;
    Ok(findings.len())
}

fn damaged(objects: &Objects, since: Option<SystemTime>) -> Result<(usize, Vec<String>)> {
    let (mut count, mut damaged) = (0, Vec::new());
    for blob in objects.walk()? {
        if since.is_some_and(|since| blob.stored < since) {
            continue;
        }
        count += 1;
        let area = blob.path.parent().and_then(|area| area.to_str()).unwrap_or_default();
        match objects.area(area)?.verify(&blob.digest) {
            Ok(true) => {}
            Ok(false) => damaged.push(format!("object {} is damaged", blob.path.display())),
            // Thrown away meanwhile, as it should be.
            Err(error) if error.code() == "not_found" => {}
            Err(error) => return Err(error),
        }
    }
    Ok((count, damaged))
}
