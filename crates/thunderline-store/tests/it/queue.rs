//! The job queue.

use std::collections::BTreeSet;

use thunderline_core::{Cx, Error, ErrorKind, Expiry, Result, SignedDuration, Subject};
use thunderline_store::{Claimed, Db, Expiring, Failed, JobEntry, JobFilter, JobState, LEASE};
use thunderline_testkit::{TestDb, both};
use uuid::Uuid;

use crate::{ADD, Polish};

const ONE: Uuid = Uuid::from_u128(1);

async fn enqueue(cx: &Cx, db: &Db, id: Uuid) -> Result<()> {
    let mut write = db.write(cx, &ADD).await?;
    write.enqueue(&Polish { id });
    write.commit(&Subject::new("thing", id)).await
}

async fn enqueue_and_claim(cx: &Cx, db: &Db, id: Uuid) -> Result<Claimed> {
    enqueue(cx, db, id).await?;
    let mut claimed = db.jobs().claim(cx, "w", &[], 99).await?;
    let found = claimed.iter().position(|job| job.key == id.to_string());
    Ok(claimed.swap_remove(found.expect("what was enqueued is claimed")))
}

async fn waiting(db: &Db) -> Result<Vec<JobEntry>> {
    let filter = JobFilter { state: Some(JobState::Available), ..JobFilter::default() };
    db.jobs().list(&filter, 1).await
}

both!(a_waiting_job_is_enqueued_once_and_at_its_earliest_time, async |t: TestDb| {
    let cx = t.operator();
    let mut write = t.db().write(&cx, &ADD).await?;
    write.enqueue_at(&Polish { id: ONE }, cx.now() + SignedDuration::from_hours(1));
    write.enqueue_at(&Polish { id: ONE }, cx.now() + SignedDuration::from_mins(1));
    write.enqueue_at(&Polish { id: ONE }, cx.now() + SignedDuration::from_mins(5));
    write.commit(&Subject::new("thing", ONE)).await?;
    t.assert_jobs(["t.thing.polish"]).await;
    assert!(t.db().jobs().claim(&cx, "w", &[], 9).await?.is_empty(), "not yet");
    t.clock.advance(SignedDuration::from_mins(1));
    let claimed = t.db().jobs().claim(&cx, "w", &[], 9).await?;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].attempt, claimed[0].correlation), (1, cx.correlation()));
});

both!(what_is_enqueued_while_it_runs_runs_again_afterwards_and_not_beside, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), ONE).await?;
    let first = jobs.claim(&cx, "w", &[], 9).await?.remove(0);
    enqueue(&cx, t.db(), ONE).await?;
    t.assert_jobs(["t.thing.polish"]).await;
    assert!(jobs.claim(&cx, "w", &[], 9).await?.is_empty(), "not beside");
    jobs.finish(&cx, &first).await?;
    let second = jobs.claim(&cx, "w", &[], 9).await?.remove(0);
    assert_ne!(first.id, second.id);
    jobs.finish(&cx, &second).await?;
    assert_eq!(t.jobs("completed").await.len(), 2);
});

both!(many_workers_never_claim_the_same_job, async |t: TestDb| {
    const JOBS: u128 = 40;
    let cx = t.operator();
    let mut write = t.db().write(&cx, &ADD).await?;
    for number in 0..JOBS {
        write.enqueue(&Polish { id: Uuid::from_u128(number) });
    }
    write.commit(&Subject::new("thing", "all")).await?;
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..6 {
        let (db, cx) = (t.db().clone(), t.system());
        workers.spawn(async move {
            let (mut mine, worker) = (Vec::new(), format!("worker {number}"));
            loop {
                let claimed = db.jobs().claim(&cx, &worker, &[], 3).await?;
                // On PostgreSQL a claim may come back empty because others hold what is left.
                if claimed.is_empty() && waiting(&db).await?.is_empty() {
                    return Ok::<_, Error>(mine);
                }
                assert!(claimed.len() <= 3);
                mine.extend(claimed.into_iter().map(|job| job.key));
            }
        });
    }
    let mut all = Vec::new();
    while let Some(done) = workers.join_next().await {
        all.extend(done.expect("no worker panics")?);
    }
    assert_eq!(all.len(), 40, "each once");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 40, "and none twice");
});

both!(who_lost_the_lease_can_neither_finish_nor_fail, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), ONE).await?;
    let slow = jobs.claim(&cx, "slow", &[], 9).await?.remove(0);
    t.clock.advance(LEASE - SignedDuration::from_secs(1));
    jobs.renew(&cx, &slow).await?;
    t.clock.advance(LEASE);
    assert!(jobs.claim(&cx, "other", &[], 9).await?.is_empty(), "renewed in time");
    t.clock.advance(SignedDuration::from_secs(1));
    let taken = jobs.claim(&cx, "other", &[], 9).await?.remove(0);
    assert_eq!((taken.id, taken.attempt), (slow.id, 2));
    assert!(taken.token > slow.token);
    assert_eq!(jobs.renew(&cx, &slow).await.unwrap_err().code(), "conflict");
    assert_eq!(jobs.finish(&cx, &slow).await.unwrap_err().code(), "conflict");
    let failure = Error::unavailable("away");
    assert_eq!(jobs.fail(&cx, &slow, &failure).await.unwrap_err().code(), "conflict");
    jobs.finish(&cx, &taken).await?;
    assert_eq!(jobs.finish(&cx, &taken).await.unwrap_err().code(), "conflict", "only once");
});

both!(who_knows_that_it_is_alone_takes_over_at_once, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), ONE).await?;
    let lost = jobs.claim(&cx, "killed", &[], 9).await?.remove(0);
    assert_eq!(jobs.take_over(&cx).await?, 1);
    let again = jobs.claim(&cx, "next", &[], 9).await?.remove(0);
    assert_eq!(again.id, lost.id);
    assert_eq!(jobs.finish(&cx, &lost).await.unwrap_err().kind(), ErrorKind::Conflict);
    jobs.finish(&cx, &again).await?;
    assert_eq!(jobs.take_over(&cx).await?, 0);
});

both!(the_class_of_the_error_decides_about_another_try, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    for (kind, again) in [
        (ErrorKind::Invalid, false),
        (ErrorKind::Forbidden, false),
        (ErrorKind::Internal, false),
        (ErrorKind::Conflict, true),
        (ErrorKind::Timeout, true),
        (ErrorKind::Unavailable, true),
    ] {
        enqueue(&cx, t.db(), cx.uuid()).await?;
        let job = jobs.claim(&cx, "w", &[], 9).await?.remove(0);
        let failed = jobs.fail(&cx, &job, &Error::new(kind, "because")).await?;
        if !again {
            assert_eq!(failed, Failed::Discarded, "{kind:?}");
            continue;
        }
        let Failed::Retry(at) = failed else { panic!("{kind:?} gave {failed:?}") };
        assert!(at > cx.now());
        assert!(jobs.claim(&cx, "w", &[], 9).await?.is_empty(), "not before its time");
        t.clock.advance(SignedDuration::from_secs(2));
        let second = jobs.claim(&cx, "w", &[], 9).await?.remove(0);
        assert_eq!((second.id, second.attempt), (job.id, 2));
        jobs.finish(&cx, &second).await?;
    }
    assert_eq!(t.jobs("discarded").await.len(), 3);
    assert_eq!(t.jobs("discarded").await[0].last_error.as_deref(), Some("because"));
});

both!(a_job_that_always_fails_is_given_up, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), ONE).await?;
    let mut attempts = 0;
    loop {
        let Some(job) = jobs.claim(&cx, "w", &[], 1).await?.pop() else { panic!("gone after {attempts}") };
        attempts += 1;
        if jobs.fail(&cx, &job, &Error::unavailable("away")).await? == Failed::Discarded {
            break;
        }
        t.clock.advance(SignedDuration::from_secs(15));
    }
    assert_eq!(attempts, 8, "the first one, and seven more for a dependency that is away");
});

both!(a_job_that_kills_its_worker_is_given_up_too, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), ONE).await?;
    let mut attempts = 0;
    while jobs.claim(&cx, "w", &[], 1).await?.pop().is_some() {
        attempts += 1;
        t.clock.advance(LEASE + SignedDuration::from_secs(1));
    }
    assert_eq!(attempts, 20);
    assert_eq!(t.jobs("discarded").await.len(), 1);
});

both!(a_failed_job_gives_way_to_the_same_job_enqueued_meanwhile, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), ONE).await?;
    let first = jobs.claim(&cx, "w", &[], 9).await?.remove(0);
    enqueue(&cx, t.db(), ONE).await?;
    assert_eq!(jobs.fail(&cx, &first, &Error::unavailable("away")).await?, Failed::Replaced);
    let next = jobs.claim(&cx, "w", &[], 9).await?;
    assert_eq!((next.len(), next[0].attempt), (1, 1));
});

both!(a_worker_claims_only_the_kinds_that_it_knows, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), ONE).await?;
    assert!(jobs.claim(&cx, "w", &["other.job"], 9).await?.is_empty());
    assert_eq!(jobs.claim(&cx, "w", &["other.job", "t.thing.polish"], 9).await?.len(), 1);
});

both!(finished_jobs_are_forgotten_after_a_while_and_waiting_ones_are_not, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), ONE).await?;
    let job = jobs.claim(&cx, "w", &[], 9).await?.remove(0);
    jobs.finish(&cx, &job).await?;
    let broken = enqueue_and_claim(&cx, t.db(), Uuid::from_u128(2)).await?;
    jobs.fail(&cx, &broken, &Error::internal("broken")).await?;
    enqueue(&cx, t.db(), ONE).await?;
    let forgotten = async |what, days| {
        let before = cx.now() - SignedDuration::from_hours(24 * i64::from(days));
        let expiry = Expiry { before, keep_newest: 0, tenant: None, limit: 9 };
        let expired = t.db().expired(what, &expiry).await?;
        let mut write = t.db().write(&cx, &ADD).await?;
        let gone = write.expire(what, &expired).await?;
        write.commit(&Subject::new("retention", "jobs")).await?;
        Ok::<_, Error>(gone)
    };
    assert_eq!(forgotten(Expiring::CompletedJobs, 7).await?, 0);
    t.clock.advance(SignedDuration::from_hours(24 * 7 + 1));
    assert_eq!(forgotten(Expiring::CompletedJobs, 7).await?, 1);
    assert!(jobs.show(job.id, None).await?.is_none());
    assert_eq!(forgotten(Expiring::GivenUpJobs, 30).await?, 0);
    t.clock.advance(SignedDuration::from_hours(24 * 23));
    assert_eq!(forgotten(Expiring::GivenUpJobs, 30).await?, 1);
    t.assert_jobs(["t.thing.polish"]).await;
});
