//! Operators and the job queue.

use thunderblock::jobs::{cancel, read, retry, run};
use thunderline_core::{Action, ErrorKind, JobId, Role, Rule, SignedDuration, Subject};
use thunderline_store::{JobFilter, JobState};

use super::*;

const ADD: Action = Action::new("t.room.add", Rule::AtLeast(Role::Operator));

async fn enqueue(t: &TestDb, pause: SignedDuration) -> Result<JobId> {
    let cx = t.operator();
    let mut write = t.db().write(&cx, &ADD).await?;
    write.enqueue_at(&Tidy { room: "hall".into() }, cx.now() + pause);
    write.commit(&Subject::new("room", "hall")).await?;
    Ok(t.jobs("available").await[0].id)
}

both!(an_operator_cancels_retries_and_runs_a_job_and_all_of_it_is_audited, async |t: TestDb| {
    let (cx, block) = (t.operator(), block(&t));
    let id = enqueue(&t, SignedDuration::from_hours(1)).await?;
    assert_eq!(run::run(&cx, &block, id).await?.run_at, cx.now());
    assert_eq!(cancel::cancel(&cx, &block, id, "no time").await?.state, JobState::Cancelled);
    assert_eq!(retry::retry(&cx, &block, id).await?.state, JobState::Available);
    for action in ["block.job.run", "block.job.cancel", "block.job.retry"] {
        t.assert_audited(action, id).await;
    }
    let job = t.db().jobs().claim(&cx, "w", &[], 1).await?.remove(0);
    t.db().jobs().finish(&cx, &job).await?;
    let shown = read::get(&t.viewer(), &block, id).await?;
    assert_eq!((shown.job.state, shown.attempts.len()), (JobState::Completed, 1));
    assert_eq!(shown.payload["room"], "hall");
    let listed = read::list(&t.viewer(), &block, &JobFilter::default(), 9).await?;
    assert_eq!(listed.iter().map(|job| job.id).collect::<Vec<_>>(), [id]);
    assert_eq!(run::run(&cx, &block, id).await.unwrap_err().kind(), ErrorKind::Conflict);
});

both!(a_viewer_looks_and_changes_nothing, async |t: TestDb| {
    let (viewer, block) = (t.viewer(), block(&t));
    let id = enqueue(&t, SignedDuration::ZERO).await?;
    for refused in [
        cancel::cancel(&viewer, &block, id, "").await,
        retry::retry(&viewer, &block, id).await,
        run::run(&viewer, &block, id).await,
    ] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    }
    t.assert_denied("block.job.cancel").await;
    t.assert_jobs(["t.room.tidy"]).await;
    let node = t.node(thunderline_core::NodeId::from_bits(7));
    assert_eq!(read::get(&node, &block, id).await.unwrap_err().kind(), ErrorKind::Forbidden);
});

both!(other_tenants_jobs_are_not_there, async |t: TestDb| {
    let (cx, block) = (t.operator(), block(&t));
    let id = enqueue(&t, SignedDuration::ZERO).await?;
    let stranger = cx.for_actor(cx.actor().clone(), cx.id());
    assert!(read::list(&stranger, &block, &JobFilter::default(), 9).await?.is_empty());
    assert_eq!(read::get(&stranger, &block, id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(cancel::cancel(&stranger, &block, id, "").await.unwrap_err().kind(), ErrorKind::NotFound);
});
