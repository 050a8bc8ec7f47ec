//! What is remembered of jobs.

use thunderline_core::{Cx, Error, JobId, Result, SignedDuration, Subject};
use thunderline_store::{Claimed, Db, Failed, JobFilter, JobState, LEASE};
use thunderline_testkit::{TestDb, both};
use uuid::Uuid;

use crate::{ADD, Polish, Rescue};

async fn enqueue(cx: &Cx, db: &Db, number: u128) -> Result<()> {
    let mut write = db.write(cx, &ADD).await?;
    write.enqueue(&Polish { id: Uuid::from_u128(number) });
    write.commit(&Subject::new("thing", number)).await
}

async fn claim(cx: &Cx, db: &Db) -> Result<Claimed> {
    Ok(db.jobs().claim(cx, "w", &[], 1).await?.remove(0))
}

/// Number and outcome of every attempt that is over.
async fn attempts(db: &Db, id: JobId) -> Result<Vec<(u32, String)>> {
    let shown = db.jobs().show(id, None).await?.expect("the job is remembered");
    Ok(shown.attempts.into_iter().map(|it| (it.attempt, it.outcome)).collect())
}

both!(every_attempt_is_remembered_with_its_outcome, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), 1).await?;
    let first = claim(&cx, t.db()).await?;
    assert!(attempts(t.db(), first.id).await?.is_empty(), "none is over");
    t.clock.advance(SignedDuration::from_secs(3));
    jobs.fail(&cx, &first, &Error::unavailable("away")).await?;
    t.clock.advance(SignedDuration::from_secs(2));
    claim(&cx, t.db()).await?;
    t.clock.advance(LEASE + SignedDuration::from_secs(1));
    let third = claim(&cx, t.db()).await?;
    assert_eq!(
        (third.attempt, third.failures),
        (3, 1),
        "a worker that vanished is an attempt and no failure"
    );
    jobs.snooze(&cx, &third, cx.now() + SignedDuration::from_hours(1)).await?;
    assert!(jobs.claim(&cx, "w", &[], 1).await?.is_empty());
    t.clock.advance(SignedDuration::from_hours(1));
    let again = claim(&cx, t.db()).await?;
    assert_eq!(again.attempt, 3, "a snooze uses up nothing");
    jobs.finish(&cx, &again).await?;
    let wanted = [(1, "failed"), (2, "lost"), (3, "snoozed"), (3, "completed")];
    assert_eq!(
        attempts(t.db(), first.id).await?,
        wanted.map(|(number, outcome)| (number, outcome.to_owned()))
    );
    let shown = jobs.show(first.id, Some(t.tenant())).await?.expect("it is this tenant's");
    assert_eq!(shown.attempts[0].error.as_deref(), Some("away"));
    assert_eq!(shown.attempts[0].worker, "w");
    let took = shown.attempts[0].ended_at.duration_since(shown.attempts[0].started_at);
    assert_eq!(took, SignedDuration::from_secs(3));
    assert_eq!(shown.correlation, cx.correlation());
    assert_eq!(jobs.show(first.id, Some(cx.id())).await?, None, "another tenant sees nothing");
});

both!(a_job_that_its_handler_calls_off_is_cancelled_for_that_reason, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), 1).await?;
    let job = claim(&cx, t.db()).await?;
    jobs.call_off(&cx, &job, "the thing is gone").await?;
    let shown = jobs.show(job.id, None).await?.expect("it is remembered");
    assert_eq!(
        (shown.job.state, shown.job.last_error.as_deref()),
        (JobState::Cancelled, Some("the thing is gone"))
    );
    assert_eq!(attempts(t.db(), job.id).await?, [(1, "cancelled".to_owned())]);
});

both!(a_snoozed_job_gives_way_to_the_same_job_enqueued_meanwhile, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), 1).await?;
    let job = claim(&cx, t.db()).await?;
    enqueue(&cx, t.db(), 1).await?;
    assert_eq!(jobs.snooze(&cx, &job, cx.now() + SignedDuration::from_hours(1)).await?, Failed::Replaced);
    assert_eq!(claim(&cx, t.db()).await?.attempt, 1);
});

both!(a_vanished_workers_job_gives_way_to_the_same_job_enqueued_meanwhile, async |t: TestDb| {
    let cx = t.operator();
    enqueue(&cx, t.db(), 1).await?;
    let vanished = claim(&cx, t.db()).await?;
    enqueue(&cx, t.db(), 1).await?;
    t.clock.advance(LEASE + SignedDuration::from_secs(1));
    let next = claim(&cx, t.db()).await?;
    assert_ne!(next.id, vanished.id);
    assert_eq!(attempts(t.db(), vanished.id).await?, [(1, "lost".to_owned())]);
    assert_eq!(t.jobs("cancelled").await.len(), 1);
});

both!(the_more_urgent_kind_is_begun_first_and_has_its_own_cap_of_attempts, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), 1).await?;
    t.clock.advance(SignedDuration::from_secs(1));
    let mut write = t.db().write(&cx, &ADD).await?;
    write.enqueue(&Rescue { number: 7 });
    write.commit(&Subject::new("thing", 7)).await?;
    let first = claim(&cx, t.db()).await?;
    assert_eq!((first.name.as_str(), first.max_attempts), ("t.thing.rescue", 2));
    assert!(matches!(jobs.fail(&cx, &first, &Error::unavailable("away")).await?, Failed::Retry(_)));
    t.clock.advance(SignedDuration::from_secs(2));
    let second = claim(&cx, t.db()).await?;
    assert_eq!((second.id, second.attempt), (first.id, 2));
    assert_eq!(jobs.fail(&cx, &second, &Error::unavailable("away")).await?, Failed::Discarded);
});

both!(a_listing_is_filtered_and_comes_in_pieces, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    for number in 1..=5 {
        enqueue(&cx, t.db(), number).await?;
        t.clock.advance(SignedDuration::from_secs(1));
    }
    let key = |number: u128| Uuid::from_u128(number).to_string();
    let first = jobs.list(&JobFilter::default(), 2).await?;
    assert_eq!([&first[0].key, &first[1].key], [&key(5), &key(4)], "the newest first");
    let rest = JobFilter { before: Some(first[1].id), ..JobFilter::default() };
    assert_eq!(
        jobs.list(&rest, 9).await?.iter().map(|job| job.key.clone()).collect::<Vec<_>>(),
        [3, 2, 1].map(key)
    );
    let claimed = claim(&cx, t.db()).await?;
    let running = JobFilter { state: Some(JobState::Running), ..JobFilter::default() };
    let running = jobs.list(&running, 9).await?;
    assert_eq!((running.len(), running[0].id, running[0].worker.as_deref()), (1, claimed.id, Some("w")));
    let none = JobFilter { name: Some("t.thing.rescue".into()), ..JobFilter::default() };
    assert!(jobs.list(&none, 9).await?.is_empty());
    let elsewhere = JobFilter { tenant: Some(cx.id()), ..JobFilter::default() };
    assert!(jobs.list(&elsewhere, 9).await?.is_empty());
});
