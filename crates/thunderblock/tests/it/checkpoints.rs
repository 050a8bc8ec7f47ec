//! What a start makes of the stop before it.

use std::{
    fs::{self, File},
    sync::{Arc, Mutex},
    time::SystemTime,
};

use thunderblock::{
    Block,
    backup::RESTORED_FILE,
    checkpoint::{self, Item, Reason, Source},
    health::Status,
};
use thunderline_core::{ErrorKind, SignedDuration};
use thunderline_testkit::{TestDb, both};

use crate::home::Site;

fn item(id: &str, mark: &str, resumes: bool) -> Item {
    let text = str::to_owned;
    Item {
        kind: "thing".into(),
        id: text(id),
        label: text(id),
        state: "running".into(),
        mark: text(mark),
        resumes,
    }
}

/// The domain, asking for things that the test decides about.
fn asking(block: Block) -> (Block, Arc<Mutex<Vec<Item>>>) {
    let running =
        Arc::new(Mutex::new(vec![item("a", "1", true), item("b", "1", true), item("paused", "1", false)]));
    let asked = running.clone();
    let source = Source::new("things", move |_cx| {
        let items = asked.lock().unwrap().clone();
        async move { Ok(items) }
    });
    (block.with_sources([source]), running)
}

both!(a_stop_in_good_order_and_one_that_was_not_are_told_apart, async |t: TestDb| {
    let site = Site::new(t)?;
    let (block, _) = asking(site.block.clone());
    let cx = site.t.system();
    let first = checkpoint::begin(&cx, &block).await?;
    assert_eq!((first.clean, first.interrupted.len()), (None, 2), "what is paused does not go on");
    site.t.clock.advance(SignedDuration::from_secs(1));
    checkpoint::take(&cx, &block, Reason::Shutdown).await?;
    site.t.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(checkpoint::begin(&cx, &block).await?.clean, Some(true));
    assert_eq!(checkpoint::examine(&cx, &block).await?, 0, "there is nothing to look for");
    assert_eq!(block.health.now().checks, []);
    site.t.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(checkpoint::begin(&cx, &block).await?.clean, Some(false));
    // Other processes on the same database have a past of their own.
    let other = block.clone().named("other");
    assert_eq!(checkpoint::begin(&cx, &other).await?.clean, None);
    let forbidden = checkpoint::list(&site.t.viewer(), &block, None, 10).await;
    assert_eq!(forbidden.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(checkpoint::list(&site.t.operator(), &block, None, 10).await?.len(), 5);
});

both!(what_was_interrupted_is_pending_until_it_goes_on_or_is_over, async |t: TestDb| {
    let site = Site::new(t)?;
    let (block, running) = asking(site.block.clone());
    let cx = site.t.system();
    checkpoint::begin(&cx, &block).await?;
    assert_eq!(checkpoint::resume(&cx, &block).await?, 2);
    running.lock().unwrap()[0].mark = "2".into();
    assert_eq!(checkpoint::resume(&cx, &block).await?, 1);
    running.lock().unwrap().clear();
    assert_eq!(checkpoint::resume(&cx, &block).await?, 0);
    let newest = checkpoint::list(&site.t.operator(), &block, None, 1).await?.remove(0);
    let (start, resumes) = checkpoint::get(&site.t.operator(), &block, newest.id).await?;
    assert_eq!((start.reason, start.content.running.len()), (Reason::Start, 3));
    assert!(resumes.len() == 2 && resumes.iter().all(|resume| resume.resumed_at.is_some()), "{resumes:?}");
});

both!(checkpoints_are_taken_every_five_minutes_and_no_more_often, async |t: TestDb| {
    let site = Site::new(t)?;
    let (cx, block) = (site.t.system(), &site.block);
    assert!(checkpoint::periodic(&cx, block).await?);
    assert!(!checkpoint::periodic(&cx, block).await?);
    site.t.clock.advance(SignedDuration::from_mins(6));
    assert!(checkpoint::periodic(&cx, block).await?);
});

both!(damage_after_a_stop_that_was_not_in_good_order_is_found_and_shown, async |t: TestDb| {
    let site = Site::new(t)?;
    let (cx, block) = (site.t.system(), &site.block);
    let kept = site.objects.checkpoints()?;
    let (_, torn) = (kept.put(b"good")?, kept.put(b"torn by a power cut")?);
    checkpoint::begin(&cx, block).await?;
    checkpoint::begin(&cx, block).await?;
    assert_eq!(checkpoint::examine(&cx, block).await?, 0);
    assert_eq!(block.health.now().checks[0].status, Status::Healthy);

    fs::write(kept.path_of(&torn), b"torn")?;
    // The disk's clock is not the test's.
    File::options().write(true).open(kept.path_of(&torn))?.set_modified(SystemTime::from(cx.now()))?;
    checkpoint::begin(&cx, block).await?;
    assert_eq!(checkpoint::examine(&cx, block).await?, 1);
    let found = block.health.now().checks.remove(0);
    assert_eq!((found.component, found.status), ("consistency", Status::Degraded));
    assert!(found.detail.contains(&torn.to_string()), "{}", found.detail);
});

both!(a_start_from_a_backup_says_so_once, async |t: TestDb| {
    let site = Site::new(t)?;
    let (cx, block) = (site.t.system(), &site.block);
    checkpoint::take(&cx, block, Reason::Shutdown).await?;
    let restored = serde_json::json!({
        "backup": "/x.tar",
        "seal": "0".repeat(64),
        "created_at": "2027-01-01T00:00:00Z",
        "outbox": 7,
        "missing": [],
        "restored_at": "2027-01-02T00:00:00Z",
        "moved_aside": null,
    });
    fs::write(site.data().join(RESTORED_FILE), restored.to_string())?;
    site.t.clock.advance(SignedDuration::from_secs(1));
    let begun = checkpoint::begin(&cx, block).await?;
    assert_eq!((begun.clean, begun.restored.is_some()), (Some(false), true));
    assert!(begun.note().contains("restored from a backup of 2027-01-01"), "{}", begun.note());
    assert!(!site.data().join(RESTORED_FILE).exists());
});
