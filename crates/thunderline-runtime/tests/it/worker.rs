//! Running jobs.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use thunderline_core::{Actor, Cx, Error, Result, SignedDuration, Subject};
use thunderline_runtime::{CancellationToken, Done, Registry, Worker};
use thunderline_store::{Db, args};
use thunderline_testkit::{TestDb, both};
use tokio::sync::Notify;

use crate::{ADD, Polish, SEE, enqueue, seen};

async fn polish(cx: &Cx, db: &Db, job: &Polish) -> Result<()> {
    let mut write = db.write(cx, &ADD).await?;
    write.exec(&SEE, args![job.id]).await?;
    write.commit(&Subject::new("thing", job.id)).await
}

fn polishing(db: &Db, concurrency: usize) -> Worker {
    let mut registry = Registry::new();
    let handler_db = db.clone();
    registry.on(move |cx: Cx, job: Polish| {
        let db = handler_db.clone();
        async move { polish(&cx, &db, &job).await }
    });
    Worker::new(db.clone(), registry, "test", concurrency)
}

both!(each_job_runs_once_and_is_then_completed, async |t: TestDb| {
    let worker = polishing(t.db(), 2);
    for number in 1..=3 {
        enqueue(&t.operator(), t.db(), number).await?;
    }
    assert_eq!(worker.run_once(&t.system()).await?, 2, "as many as fit");
    assert_eq!(worker.run_once(&t.system()).await?, 1);
    assert_eq!(worker.run_once(&t.system()).await?, 0);
    assert_eq!(seen(&t.viewer(), t.db()).await?, [(1, 1), (2, 1), (3, 1)]);
    assert_eq!(t.jobs("completed").await.len(), 3);
});

both!(a_handler_acts_as_the_system_on_the_chain_that_enqueued_it, async |t: TestDb| {
    let asked = t.operator();
    enqueue(&asked, t.db(), 1).await?;
    polishing(t.db(), 1).run_once(&t.system()).await?;
    let audit = t.audit().await;
    let by_job =
        audit.iter().find(|row| row.actor.starts_with("system:")).expect("the job left an audit row");
    assert_eq!(by_job.actor, Actor::System("t.thing.polish").to_string());
    assert_eq!((by_job.tenant, by_job.correlation), (t.tenant(), asked.correlation()));
});

both!(a_panic_is_a_failure_that_is_tried_again, async |t: TestDb| {
    let tries = Arc::new(AtomicUsize::new(0));
    let (mut registry, count) = (Registry::new(), tries.clone());
    registry.on(move |_, _: Polish| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            assert!(!first, "the first try breaks");
            Ok(())
        }
    });
    let worker = Worker::new(t.db().clone(), registry, "test", 1);
    enqueue(&t.operator(), t.db(), 1).await?;
    assert_eq!(worker.run_once(&t.system()).await?, 1);
    let waiting = t.jobs("available").await;
    assert!(waiting[0].last_error.as_deref().is_some_and(|error| error.contains("the first try breaks")));
    assert_eq!(worker.run_once(&t.system()).await?, 0, "not before its time");
    t.clock.advance(SignedDuration::from_secs(2));
    assert_eq!(worker.run_once(&t.system()).await?, 1);
    assert_eq!(t.jobs("completed").await.len(), 1);
});

both!(a_worker_leaves_jobs_that_it_does_not_know_to_others, async |t: TestDb| {
    enqueue(&t.operator(), t.db(), 1).await?;
    let ignorant = Worker::new(t.db().clone(), Registry::new(), "test", 1);
    assert_eq!(ignorant.run_once(&t.system()).await?, 0);
    t.assert_jobs(["t.thing.polish"]).await;
});

both!(a_running_worker_is_woken_by_new_jobs_and_finishes_what_runs_when_cancelled, async |t: TestDb| {
    let (began, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut registry = Registry::new();
    let (db, begin, end) = (t.db().clone(), began.clone(), finish.clone());
    registry.on(move |cx: Cx, job: Polish| {
        let (db, begin, end) = (db.clone(), begin.clone(), end.clone());
        async move {
            begin.notify_one();
            end.notified().await;
            polish(&cx, &db, &job).await
        }
    });
    let worker = Worker::new(t.db().clone(), registry, "test", 4);
    let cancel = CancellationToken::new();
    let running = tokio::spawn({
        let (worker, cx, cancel) = (worker.clone(), t.system(), cancel.clone());
        async move { worker.run(cx, cancel).await }
    });
    enqueue(&t.operator(), t.db(), 1).await?;
    began.notified().await;
    cancel.cancel();
    finish.notify_one();
    running.await.expect("the worker does not panic")?;
    assert_eq!(seen(&t.viewer(), t.db()).await?, [(1, 1)]);
    assert_eq!(t.jobs("completed").await.len(), 1);
});

both!(
    a_handler_that_may_take_long_is_told_to_stop_and_its_job_waits_with_no_try_counted,
    async |t: TestDb| {
        let began = Arc::new(Notify::new());
        let (mut registry, begin) = (Registry::new(), began.clone());
        registry.on_stoppable(move |_, _: Polish, stopping| {
            let begin = begin.clone();
            async move {
                begin.notify_one();
                stopping.cancelled().await;
                Ok(Done::Snooze(SignedDuration::ZERO))
            }
        });
        let worker = Worker::new(t.db().clone(), registry, "test", 4);
        let cancel = CancellationToken::new();
        let running = tokio::spawn({
            let (worker, cx, cancel) = (worker.clone(), t.system(), cancel.clone());
            async move { worker.run(cx, cancel).await }
        });
        enqueue(&t.operator(), t.db(), 1).await?;
        began.notified().await;
        cancel.cancel();
        running.await.expect("the worker does not panic")?;
        let waiting = t.jobs("available").await;
        assert_eq!((waiting.len(), waiting[0].attempts, waiting[0].failures), (1, 0, 0));
        assert_eq!(polishing(t.db(), 1).run_once(&t.system()).await?, 1);
        assert_eq!(t.jobs("completed").await.len(), 1);
    }
);

both!(two_workers_share_the_work_and_do_none_of_it_twice, async |t: TestDb| {
    for number in 1..=12 {
        enqueue(&t.operator(), t.db(), number).await?;
    }
    let other_db = t.reopen().await?;
    let (one, two) = (polishing(t.db(), 2), polishing(&other_db, 2));
    let drive = async |worker: &Worker| {
        while worker.run_once(&t.system()).await? > 0 || !t.jobs("available").await.is_empty() {}
        Ok::<(), Error>(())
    };
    let (first, second) = tokio::join!(drive(&one), drive(&two));
    first.and(second)?;
    let seen = seen(&t.viewer(), t.db()).await?;
    assert_eq!(seen, (1..=12).map(|number| (number, 1)).collect::<Vec<_>>());
});
