//! Steering jobs by hand.

use thunderline_core::{Cx, Error, ErrorKind, JobId, Result, SignedDuration, Subject};
use thunderline_store::{Claimed, Db, JobState, taken_away};
use thunderline_testkit::{TestDb, both};
use uuid::Uuid;

use crate::{ADD, Polish};

const ONE: Uuid = Uuid::from_u128(1);

async fn enqueue(cx: &Cx, db: &Db, pause: SignedDuration) -> Result<()> {
    let mut write = db.write(cx, &ADD).await?;
    write.enqueue_at(&Polish { id: ONE }, cx.now() + pause);
    write.commit(&Subject::new("thing", ONE)).await
}

async fn enqueue_and_claim(cx: &Cx, db: &Db) -> Result<Claimed> {
    enqueue(cx, db, SignedDuration::ZERO).await?;
    Ok(db.jobs().claim(cx, "w", &[], 1).await?.remove(0))
}

async fn cancel(cx: &Cx, db: &Db, id: JobId) -> Result<JobState> {
    let mut write = db.write(cx, &ADD).await?;
    let job = write.cancel_job(id, "enough").await?;
    write.commit(&Subject::new("job", id)).await.map(|()| job.state)
}

async fn retry(cx: &Cx, db: &Db, id: JobId) -> Result<JobState> {
    let mut write = db.write(cx, &ADD).await?;
    let job = write.retry_job(id).await?;
    write.commit(&Subject::new("job", id)).await.map(|()| job.state)
}

async fn run_now(cx: &Cx, db: &Db, id: JobId) -> Result<JobState> {
    let mut write = db.write(cx, &ADD).await?;
    let job = write.run_job_now(id).await?;
    write.commit(&Subject::new("job", id)).await.map(|()| job.state)
}

both!(a_waiting_job_is_cancelled_and_never_runs, async |t: TestDb| {
    let cx = t.operator();
    enqueue(&cx, t.db(), SignedDuration::ZERO).await?;
    let id = t.jobs("available").await[0].id;
    assert_eq!(cancel(&cx, t.db(), id).await?, JobState::Cancelled);
    assert!(t.db().jobs().claim(&cx, "w", &[], 1).await?.is_empty());
    assert_eq!(t.jobs("cancelled").await[0].last_error.as_deref(), Some("enough"));
    assert_eq!(cancel(&cx, t.db(), id).await.unwrap_err().kind(), ErrorKind::Conflict, "only once");
});

both!(a_running_job_that_is_cancelled_is_taken_away_and_its_worker_is_told, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    let job = enqueue_and_claim(&cx, t.db()).await?;
    let told = t.db().signals().waiter(&taken_away(job.id));
    cancel(&cx, t.db(), job.id).await?;
    told.wait().await;
    assert_eq!(jobs.renew(&cx, &job).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(jobs.finish(&cx, &job).await.unwrap_err().kind(), ErrorKind::Conflict);
    let shown = jobs.show(job.id, None).await?.expect("it is remembered");
    assert_eq!((shown.job.state, shown.attempts[0].outcome.as_str()), (JobState::Cancelled, "cancelled"));
    assert_eq!(shown.attempts[0].error.as_deref(), Some("enough"));
});

both!(a_job_that_is_over_can_run_again_from_the_first_attempt_on, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    let job = enqueue_and_claim(&cx, t.db()).await?;
    assert_eq!(retry(&cx, t.db(), job.id).await.unwrap_err().kind(), ErrorKind::Conflict, "it runs");
    jobs.fail(&cx, &job, &Error::internal("broken")).await?;
    assert_eq!(retry(&cx, t.db(), job.id).await?, JobState::Available);
    let again = jobs.claim(&cx, "w", &[], 1).await?.remove(0);
    assert_eq!((again.id, again.attempt, again.failures), (job.id, 1, 0));
    jobs.finish(&cx, &again).await?;
    retry(&cx, t.db(), job.id).await?;
    cancel(&cx, t.db(), job.id).await?;
    enqueue(&cx, t.db(), SignedDuration::ZERO).await?;
    assert_eq!(
        retry(&cx, t.db(), job.id).await.unwrap_err().kind(),
        ErrorKind::Conflict,
        "the same job waits"
    );
    let outcomes: Vec<_> = jobs.show(job.id, None).await?.expect("remembered").attempts;
    assert_eq!(outcomes.iter().map(|it| it.outcome.as_str()).collect::<Vec<_>>(), ["failed", "completed"]);
});

both!(a_job_for_later_can_be_run_now_and_before_others, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    let mut write = t.db().write(&cx, &ADD).await?;
    write.enqueue(&Polish { id: Uuid::from_u128(2) });
    write.commit(&Subject::new("thing", 2)).await?;
    enqueue(&cx, t.db(), SignedDuration::from_hours(1)).await?;
    let later = t.jobs("available").await.into_iter().find(|job| job.key == ONE.to_string());
    let later = later.expect("it waits").id;
    run_now(&cx, t.db(), later).await?;
    let claimed = jobs.claim(&cx, "w", &[], 1).await?.remove(0);
    assert_eq!(claimed.id, later);
    assert_eq!(run_now(&cx, t.db(), later).await.unwrap_err().kind(), ErrorKind::Conflict, "it runs");
});

both!(one_job_is_claimed_by_its_id_before_its_time_but_not_beside_itself, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    enqueue(&cx, t.db(), SignedDuration::from_hours(1)).await?;
    let id = t.jobs("available").await[0].id;
    let job = jobs.claim_one(&cx, "w", id).await?;
    assert_eq!((job.id, job.attempt), (id, 1));
    assert_eq!(jobs.claim_one(&cx, "w", id).await.unwrap_err().kind(), ErrorKind::Conflict);
    enqueue(&cx, t.db(), SignedDuration::ZERO).await?;
    let second = t.jobs("available").await[0].id;
    assert_eq!(jobs.claim_one(&cx, "w", second).await.unwrap_err().kind(), ErrorKind::Conflict);
    jobs.finish(&cx, &job).await?;
    jobs.claim_one(&cx, "w", second).await?;
    assert_eq!(jobs.claim_one(&cx, "w", cx.id()).await.unwrap_err().kind(), ErrorKind::NotFound);
});

both!(jobs_of_other_tenants_cannot_be_steered, async |t: TestDb| {
    let cx = t.operator();
    enqueue(&cx, t.db(), SignedDuration::ZERO).await?;
    let id = t.jobs("available").await[0].id;
    let stranger = cx.for_actor(cx.actor().clone(), cx.id());
    for outcome in [
        cancel(&stranger, t.db(), id).await,
        retry(&stranger, t.db(), id).await,
        run_now(&stranger, t.db(), id).await,
    ] {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NotFound);
    }
    t.assert_jobs(["t.thing.polish"]).await;
});
