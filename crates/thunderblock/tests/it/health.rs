//! Health is looked at, kept in memory, and written down where it changed.

use std::fs;

use thunderblock::health::{self, Limits, Status};
use thunderline_testkit::{TestDb, both};

use crate::home::Site;

both!(a_healthy_installation_writes_down_nothing, async |t: TestDb| {
    let site = Site::new(t)?;
    let report = health::look(&site.t.system(), &site.block).await?;
    let components: Vec<_> = report.checks.iter().map(|check| check.component).collect();
    assert!(components.starts_with(&["database", "objects", "disk"]), "{components:?}");
    assert!(report.checks.iter().all(|check| check.status < Status::Unhealthy), "{report:?}");
    assert_eq!(site.objects.walk()?, [], "nothing is left of what was tried");
});

both!(what_changes_is_written_down_once_and_again_when_it_is_over, async |t: TestDb| {
    let mut site = Site::new(t)?;
    let (cx, viewer) = (site.t.system(), site.t.viewer());
    let generous = Limits {
        database_ms: u64::MAX,
        objects_ms: u64::MAX,
        wal_bytes: u64::MAX,
        low_bytes: 0,
        empty_bytes: 0,
    };
    site.block.limits = Limits { low_bytes: u64::MAX, empty_bytes: 0, ..generous };
    assert_eq!(health::look(&cx, &site.block).await?.status(), Status::Degraded);
    health::look(&cx, &site.block).await?;
    site.t.clock.advance(thunderline_core::SignedDuration::from_secs(1));
    site.block.limits = generous;
    assert_eq!(health::look(&cx, &site.block).await?.status(), Status::Healthy);
    let changes = health::changes(&viewer, &site.block, None, 10).await?;
    let said: Vec<_> = changes.iter().map(|it| (it.component.as_str(), it.status.as_str())).collect();
    assert_eq!(said, [("disk", "healthy"), ("disk", "degraded")]);
});

both!(a_store_of_blobs_that_cannot_be_written_is_unhealthy, async |t: TestDb| {
    let site = Site::new(t)?;
    let incoming = site.data().join("objects/incoming");
    fs::remove_dir_all(&incoming)?;
    fs::write(&incoming, b"in the way")?;
    let report = health::look(&site.t.system(), &site.block).await?;
    let objects = report.checks.iter().find(|check| check.component == "objects").expect("it was looked at");
    assert_eq!((objects.status, report.status()), (Status::Unhealthy, Status::Unhealthy), "{report:?}");
    assert_ne!(objects.advice, "");
});
