//! What a handler writes commits only while it holds its job.

use thunderline_core::{Cx, ErrorKind, Result, SignedDuration, Subject};
use thunderline_store::{Claimed, Db, LEASE, args};
use thunderline_testkit::{TestDb, both};
use uuid::Uuid;

use crate::{ADD, COUNT, INSERT, LOOK, Polish};

const ONE: Uuid = Uuid::from_u128(1);

async fn enqueue_and_claim(cx: &Cx, db: &Db) -> Result<Claimed> {
    let mut write = db.write(cx, &ADD).await?;
    write.enqueue(&Polish { id: ONE });
    write.commit(&Subject::new("thing", ONE)).await?;
    Ok(db.jobs().claim(cx, "w", &[], 1).await?.remove(0))
}

/// What a handler does: one row, which nothing but the fence keeps from being there twice.
async fn effect(cx: &Cx, db: &Db, completes: bool) -> Result<()> {
    let mut write = db.write(cx, &ADD).await?;
    let label = cx.uuid().to_string();
    write.exec(&INSERT, args![cx.uuid(), label, 1_i64]).await?;
    if completes {
        write.complete_job();
    }
    write.commit(&Subject::new("thing", ONE)).await
}

async fn effects(cx: &Cx, db: &Db) -> Result<i64> {
    let row = db.read(cx, &LOOK).await?.one(&COUNT, vec![]).await?;
    row.expect("a count gives a row").get("n")
}

both!(a_handler_that_lost_its_job_commits_nothing, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    let slow = enqueue_and_claim(&cx, t.db()).await?;
    effect(&cx.in_attempt(slow.attempt()), t.db(), false).await?;
    t.clock.advance(LEASE + SignedDuration::from_secs(1));
    effect(&cx.in_attempt(slow.attempt()), t.db(), false).await?;
    assert_eq!(effects(&cx, t.db()).await?, 2, "a lease that ended is not lost until somebody takes it");
    let taken = jobs.claim(&cx, "other", &[], 1).await?.remove(0);
    let refused = effect(&cx.in_attempt(slow.attempt()), t.db(), false).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let refused = effect(&cx.in_attempt(slow.attempt()), t.db(), true).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(effects(&cx, t.db()).await?, 2);
    effect(&cx.in_attempt(taken.attempt()), t.db(), false).await?;
});

both!(a_job_that_is_completed_with_its_effect_has_it_exactly_once, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    let job = enqueue_and_claim(&cx, t.db()).await?;
    let attempt = job.attempt();
    let handler = cx.in_attempt(attempt.clone());
    effect(&handler, t.db(), true).await?;
    assert!(attempt.is_completed());
    let again = effect(&handler, t.db(), true).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict, "whoever does it again is too late");
    assert_eq!(jobs.finish(&cx, &job).await.unwrap_err().kind(), ErrorKind::Conflict);
    t.clock.advance(LEASE + SignedDuration::from_secs(1));
    assert!(jobs.claim(&cx, "w", &[], 1).await?.is_empty());
    assert_eq!(effects(&cx, t.db()).await?, 1);
    let shown = jobs.show(job.id, None).await?.expect("the job is remembered");
    assert_eq!(shown.job.state.name(), "completed");
    assert_eq!(shown.attempts.iter().map(|it| it.outcome.as_str()).collect::<Vec<_>>(), ["completed"]);
});

both!(only_a_handler_can_complete_a_job, async |t: TestDb| {
    let refused = effect(&t.operator(), t.db(), true).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Internal);
    assert_eq!(effects(&t.viewer(), t.db()).await?, 0);
});

both!(a_takeover_waits_for_the_commit_of_the_effect, async |t: TestDb| {
    let (cx, jobs) = (t.operator(), t.db().jobs());
    let job = enqueue_and_claim(&cx, t.db()).await?;
    t.clock.advance(LEASE + SignedDuration::from_secs(1));
    let other = t.reopen().await?;
    let (handler, rival_cx) = (cx.in_attempt(job.attempt()), t.system());
    let rival = other.jobs();
    let (effect, claimed) =
        tokio::join!(effect(&handler, t.db(), true), rival.claim(&rival_cx, "rival", &[], 1));
    // Either the effect came first and nothing was left to take over, or it was refused.
    let rest = claimed?.len() + jobs.claim(&cx, "w", &[], 1).await?.len();
    assert_eq!(
        (usize::from(effect.is_ok()) + rest, effects(&cx, t.db()).await?),
        (1, i64::from(effect.is_ok()))
    );
});
