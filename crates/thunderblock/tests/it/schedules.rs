//! Schedules. The clock starts on Friday, 15 January 2027, 08:00 UTC.

use thunderblock::{
    backup::TakeBackup,
    schedules::{
        Missed, Schedule, ScheduleState, create, create::NewSchedule, delete, pause, read, resume, run, sweep,
    },
};
use thunderline_core::{Action, Cx, ErrorKind, Rule, SignedDuration, Timestamp};
use thunderline_store::{Stmt, args};
use thunderline_testkit::both;

use super::*;

fn hourly(missed: Missed) -> NewSchedule {
    NewSchedule {
        name: "tidy-up".into(),
        cron: "30 * * * *".into(),
        zone: "UTC".into(),
        job: Tidy::NAME.into(),
        key: None,
        payload: serde_json::json!({"room": "hall"}),
        missed,
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

async fn hourly_in(t: &TestDb, missed: Missed) -> Result<(Cx, Block, Schedule)> {
    let (cx, block) = (t.operator(), block(t));
    let schedule = create::create(&cx, &block, hourly(missed)).await?;
    Ok((cx, block, schedule))
}

/// Runs what waits, and says how many jobs that were.
async fn work_off(t: &TestDb) -> Result<usize> {
    let jobs = t.db().jobs().claim(&t.system(), "w", &[], 99).await?;
    for job in &jobs {
        t.db().jobs().finish(&t.system(), job).await?;
    }
    Ok(jobs.len())
}

both!(a_schedule_fires_at_its_times_and_not_between, async |t: TestDb| {
    let (cx, block, made) = hourly_in(&t, Missed::RunOnce).await?;
    assert_eq!(made.next_at, Some(at("2027-01-15T08:30:00Z")));
    assert_eq!(sweep::sweep(&t.system(), &block).await?, 0);
    t.clock.advance(SignedDuration::from_mins(30));
    assert_eq!(sweep::sweep(&t.system(), &block).await?, 1);
    assert_eq!(sweep::sweep(&t.system(), &block).await?, 0, "once");
    let job = t.db().jobs().claim(&cx, "w", &[], 9).await?.remove(0);
    assert_eq!((job.name.as_str(), &job.payload["room"]), (Tidy::NAME, &"hall".into()));
    let now = read::get(&t.viewer(), &block, "tidy-up").await?;
    assert_eq!((now.last_at, now.next_at), (made.next_at, Some(at("2027-01-15T09:30:00Z"))));
    t.assert_audited("block.schedule.create", made.id).await;
    t.assert_audited("block.schedule.fire", made.id).await;
});

both!(a_schedule_that_cannot_be_read_any_more_keeps_no_other_from_firing, async |t: TestDb| {
    const SPOIL: Action = Action::new("t.schedule.spoil", Rule::System);
    const ZONE: Stmt =
        Stmt::new("t.schedule.spoil", "update block_schedules set zone = 'Atlantis/Capital' where name = $1");
    let (cx, block, _) = hourly_in(&t, Missed::RunOnce).await?;
    let earlier = NewSchedule { name: "spoilt".into(), cron: "10 * * * *".into(), ..hourly(Missed::RunOnce) };
    create::create(&cx, &block, earlier).await?;
    let mut write = t.db().write(&t.system(), &SPOIL).await?;
    assert_eq!(write.exec(&ZONE, args!["spoilt"]).await?, 1);
    write.commit_derived().await?;
    t.clock.advance(SignedDuration::from_hours(1));
    let failed = sweep::sweep(&t.system(), &block).await.unwrap_err();
    assert!(failed.to_string().contains("Atlantis"), "{failed}");
    assert_eq!(work_off(&t).await?, 1);
});

both!(of_two_processes_one_fires, async |t: TestDb| {
    let (_, block, _) = hourly_in(&t, Missed::RunOnce).await?;
    let other = Block::new(t.reopen().await?);
    let mut fired = 0;
    for _ in 0..5 {
        t.clock.advance(SignedDuration::from_hours(1));
        let (one, two) = (t.system(), t.system());
        let (first, second) = tokio::join!(sweep::sweep(&one, &block), sweep::sweep(&two, &other));
        fired += first? + second?;
        assert_eq!(work_off(&t).await?, 1);
    }
    assert_eq!(fired, 5);
});

both!(missed_times_are_made_up_for_once_or_skipped, async |t: TestDb| {
    let (cx, block, _) = hourly_in(&t, Missed::RunOnce).await?;
    create::create(&cx, &block, NewSchedule { name: "skips".into(), ..hourly(Missed::Skip) }).await?;
    t.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(sweep::sweep(&t.system(), &block).await?, 1);
    assert_eq!(work_off(&t).await?, 1);
    let skipped = read::get(&cx, &block, "skips").await?;
    assert_eq!((skipped.last_at, skipped.next_at), (None, Some(at("2027-01-16T08:30:00Z"))));
    t.clock.advance(SignedDuration::from_mins(31));
    assert_eq!(sweep::sweep(&t.system(), &block).await?, 2, "half a minute or a minute late is not missed");
});

both!(firings_do_not_pile_up_while_the_job_waits, async |t: TestDb| {
    let (_, block, _) = hourly_in(&t, Missed::RunOnce).await?;
    for _ in 0..3 {
        t.clock.advance(SignedDuration::from_hours(1));
        sweep::sweep(&t.system(), &block).await?;
    }
    assert_eq!(work_off(&t).await?, 1);
});

both!(a_paused_schedule_rests_and_times_during_the_pause_are_over, async |t: TestDb| {
    let (cx, block, made) = hourly_in(&t, Missed::RunOnce).await?;
    let id = made.id.to_string();
    assert_eq!(pause::pause(&cx, &block, &id).await?.state, ScheduleState::Paused);
    assert_eq!(pause::pause(&cx, &block, &id).await.unwrap_err().kind(), ErrorKind::Conflict);
    t.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(sweep::sweep(&t.system(), &block).await?, 0);
    assert_eq!(run::run(&cx, &block, &id).await?.next_at, None, "it can be run by hand");
    assert_eq!(work_off(&t).await?, 1);
    let resumed = resume::resume(&cx, &block, "tidy-up").await?;
    assert_eq!(resumed.next_at, Some(at("2027-01-16T08:30:00Z")));
    assert_eq!(resume::resume(&cx, &block, &id).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(sweep::sweep(&t.system(), &block).await?, 0);
    delete::delete(&cx, &block, &id).await?;
    assert!(read::list(&cx, &block).await?.is_empty());
    for action in ["pause", "run", "resume", "delete"] {
        t.assert_audited(&format!("block.schedule.{action}"), &id).await;
    }
});

both!(everything_that_is_wrong_with_a_schedule_is_said_at_once, async |t: TestDb| {
    let (cx, block) = (t.operator(), block(&t));
    let wrong = NewSchedule {
        name: "tidy up".into(),
        cron: "61 * * * *".into(),
        zone: "Berlin".into(),
        job: "t.room.burn".into(),
        payload: serde_json::json!(7),
        ..hourly(Missed::RunOnce)
    };
    let error = create::create(&cx, &block, wrong).await.unwrap_err();
    let paths: Vec<_> = error.problems().iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["name", "job", "payload", "cron.minute", "zone"]);
    assert!(error.problems()[1].allowed.contains(Tidy::NAME));
    let misspelt = NewSchedule { payload: serde_json::json!({"rom": "hall"}), ..hourly(Missed::RunOnce) };
    let error = create::create(&cx, &block, misspelt).await.unwrap_err();
    assert_eq!(error.problems()[0].path, "payload");
    assert!(error.problems()[0].reason.contains("missing field `room`"), "{error}");
    create::create(&cx, &block, hourly(Missed::RunOnce)).await?;
    let taken = create::create(&cx, &block, hourly(Missed::Skip)).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict);
});

both!(who_may_not_do_what_a_job_does_may_not_schedule_it, async |t: TestDb| {
    let nightly = || NewSchedule {
        name: "nightly".into(),
        job: TakeBackup::NAME.into(),
        payload: serde_json::json!({"to": "/srv/backups"}),
        ..hourly(Missed::RunOnce)
    };
    let refused = create::create(&t.operator(), &block(&t), nightly()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    create::create(&t.admin(), &block(&t), nightly()).await?;
});

both!(only_operators_change_schedules_and_tenants_do_not_see_each_others, async |t: TestDb| {
    let (cx, block, made) = hourly_in(&t, Missed::RunOnce).await?;
    let id = made.id.to_string();
    let viewer = t.viewer();
    assert_eq!(pause::pause(&viewer, &block, &id).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(run::run(&viewer, &block, &id).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(read::list(&viewer, &block).await?.len(), 1);
    let stranger = cx.for_actor(cx.actor().clone(), cx.id());
    assert!(read::list(&stranger, &block).await?.is_empty());
    assert_eq!(delete::delete(&stranger, &block, &id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let wanted = hourly(Missed::RunOnce);
    assert_eq!(create::create(&viewer, &block, wanted).await.unwrap_err().kind(), ErrorKind::Forbidden);
});
