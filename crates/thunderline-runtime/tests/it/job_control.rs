//! What a handler and an operator can do to a job that runs.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde::{Deserialize, Serialize};
use thunderline_core::{Cx, Error, ErrorKind, Job, JobId, Result, SignedDuration, Subject};
use thunderline_runtime::{CancellationToken, Done, Registry, Worker};
use thunderline_store::{Db, JobState, LEASE, args};
use thunderline_testkit::{Engine, TestDb, both, run};
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use crate::{ADD, MIGRATIONS, Polish, SEE, enqueue, seen};

/// Never more than two of these at a time in one process.
#[derive(Serialize, Deserialize)]
struct Bake {
    number: u32,
}

impl Job for Bake {
    const NAME: &'static str = "t.thing.bake";
    const CONCURRENCY: Option<u32> = Some(2);
    fn key(&self) -> String {
        self.number.to_string()
    }
}

/// Sees the thing and completes the job in one transaction.
async fn see_once(cx: &Cx, db: &Db, id: Uuid) -> Result<()> {
    let mut write = db.write(cx, &ADD).await?;
    write.exec(&SEE, args![id]).await?;
    write.complete_job();
    write.commit(&Subject::new("thing", id)).await
}

async fn state(db: &Db, id: JobId) -> Result<JobState> {
    Ok(db.jobs().show(id, None).await?.expect("the job is remembered").job.state)
}

both!(a_handler_may_snooze_and_knows_its_attempt, async |t: TestDb| {
    let mut registry = Registry::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    registry.on(move |cx: Cx, _: Polish| {
        let call = count.fetch_add(1, Ordering::SeqCst);
        async move {
            assert_eq!(cx.attempt().map(|attempt| attempt.number), Some(1));
            Ok(if call == 0 { Done::Snooze(SignedDuration::from_hours(1)) } else { Done::Completed })
        }
    });
    let worker = Worker::new(t.db().clone(), registry, "test", 1);
    enqueue(&t.operator(), t.db(), 1).await?;
    assert_eq!(worker.run_once(&t.system()).await?, 1);
    assert_eq!(worker.run_once(&t.system()).await?, 0, "not before its time");
    t.clock.advance(SignedDuration::from_hours(1));
    assert_eq!(worker.run_once(&t.system()).await?, 1);
    assert_eq!((calls.load(Ordering::SeqCst), t.jobs("completed").await.len()), (2, 1));
});

both!(a_handler_may_call_its_job_off, async |t: TestDb| {
    let mut registry = Registry::new();
    registry.on(|_, _: Polish| async { Ok(Done::Cancel("the thing is gone".into())) });
    let worker = Worker::new(t.db().clone(), registry, "test", 1);
    enqueue(&t.operator(), t.db(), 1).await?;
    worker.run_once(&t.system()).await?;
    assert_eq!(t.jobs("cancelled").await[0].last_error.as_deref(), Some("the thing is gone"));
});

both!(a_job_for_later_is_run_on_demand_and_its_failure_is_noted_and_told, async |t: TestDb| {
    let mut registry = Registry::new();
    let db = t.db().clone();
    registry.on(move |cx: Cx, job: Polish| {
        let db = db.clone();
        async move {
            match job.id.as_u128() {
                1 => see_once(&cx, &db, job.id).await,
                _ => Err(Error::unavailable("away")),
            }
        }
    });
    let worker = Worker::new(t.db().clone(), registry, "test", 1);
    let cx = t.operator();
    for number in [1, 2] {
        let mut write = t.db().write(&cx, &ADD).await?;
        let later = cx.now() + SignedDuration::from_hours(1);
        write.enqueue_at(&Polish { id: Uuid::from_u128(number) }, later);
        write.commit(&Subject::new("thing", number)).await?;
    }
    let waiting = t.jobs("available").await;
    let id = |number: u128| {
        let key = Uuid::from_u128(number).to_string();
        waiting.iter().find(|job| job.key == key).expect("it waits").id
    };
    assert_eq!(worker.run_once(&t.system()).await?, 0);
    assert_eq!(worker.run_now(&t.system(), id(1)).await?, Done::Completed);
    assert_eq!(seen(&t.viewer(), t.db()).await?, [(1, 1)]);
    assert_eq!(worker.run_now(&t.system(), id(1)).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(worker.run_now(&t.system(), id(2)).await.unwrap_err().to_string(), "away");
    let failed = t.db().jobs().show(id(2), None).await?.expect("it is remembered");
    assert_eq!((failed.job.state, failed.job.failures), (JobState::Available, 1));
    assert_eq!(worker.run_now(&t.system(), t.system().id()).await.unwrap_err().kind(), ErrorKind::NotFound);
});

both!(a_running_job_that_is_cancelled_stops_its_handler, async |t: TestDb| {
    let (began, stopped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    struct Tells(Arc<Notify>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let mut registry = Registry::new();
    let (begin, stop) = (began.clone(), stopped.clone());
    registry.on(move |_, _: Polish| {
        let (begin, tells) = (begin.clone(), Tells(stop.clone()));
        async move {
            let _tells = tells;
            begin.notify_one();
            std::future::pending::<Result<()>>().await
        }
    });
    let worker = Worker::new(t.db().clone(), registry, "test", 1);
    let cancel = CancellationToken::new();
    let running = tokio::spawn({
        let (worker, cx, cancel) = (worker.clone(), t.system(), cancel.clone());
        async move { worker.run(cx, cancel).await }
    });
    enqueue(&t.operator(), t.db(), 1).await?;
    began.notified().await;
    let id = t.jobs("running").await[0].id;
    let mut write = t.db().write(&t.operator(), &ADD).await?;
    write.cancel_job(id, "enough").await?;
    write.commit(&Subject::new("job", id)).await?;
    stopped.notified().await;
    cancel.cancel();
    running.await.expect("the worker does not panic")?;
    assert_eq!(state(t.db(), id).await?, JobState::Cancelled);
});

both!(a_kind_with_a_limit_leaves_room_for_others, async |t: TestDb| {
    let (mut registry, began, finish) = (Registry::new(), Arc::new(Notify::new()), CancellationToken::new());
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let baking = Arc::new(Semaphore::new(0));
    let (count, peak, end, bakes) = (now.clone(), most.clone(), finish.clone(), baking.clone());
    registry.on(move |_, _: Bake| {
        let (count, peak, end, bakes) = (count.clone(), peak.clone(), end.clone(), bakes.clone());
        async move {
            peak.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            bakes.add_permits(1);
            end.cancelled().await;
            count.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    let begin = began.clone();
    registry.on(move |_, _: Polish| {
        begin.notify_one();
        async { Ok(()) }
    });
    let worker = Worker::new(t.db().clone(), registry, "test", 3);
    let cx = t.operator();
    let mut write = t.db().write(&cx, &ADD).await?;
    for number in 0..5 {
        write.enqueue(&Bake { number });
    }
    write.commit(&Subject::new("thing", "all")).await?;
    t.clock.advance(SignedDuration::from_secs(1));
    enqueue(&cx, t.db(), 1).await?;
    let cancel = CancellationToken::new();
    let running = tokio::spawn({
        let (worker, cx, cancel) = (worker.clone(), t.system(), cancel.clone());
        async move { worker.run(cx, cancel).await }
    });
    // It came last, and yet does not wait for the five.
    began.notified().await;
    baking.acquire_many(2).await.expect("nobody closes it").forget();
    finish.cancel();
    while t.jobs("completed").await.len() < 6 {
        tokio::task::yield_now().await;
    }
    cancel.cancel();
    running.await.expect("the worker does not panic")?;
    assert_eq!(most.load(Ordering::SeqCst), 2);
});

both!(a_slow_worker_whose_job_was_taken_over_has_no_second_effect, async |t: TestDb| {
    let (began, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let worker = |db: &Db, slow: bool| {
        let (db, handler_db, begin, end) = (db.clone(), db.clone(), began.clone(), go_on.clone());
        let mut registry = Registry::new();
        registry.on(move |cx: Cx, job: Polish| {
            let (db, begin, end) = (handler_db.clone(), begin.clone(), end.clone());
            async move {
                if slow {
                    begin.notify_one();
                    end.notified().await;
                }
                see_once(&cx, &db, job.id).await
            }
        });
        Worker::new(db, registry, "test", 1)
    };
    enqueue(&t.operator(), t.db(), 1).await?;
    let slow = tokio::spawn({
        let (slow, cx) = (worker(t.db(), true), t.system());
        async move { slow.run_once(&cx).await }
    });
    began.notified().await;
    t.clock.advance(LEASE + SignedDuration::from_secs(1));
    let other = t.reopen().await?;
    assert_eq!(worker(&other, false).run_once(&t.system()).await?, 1);
    go_on.notify_one();
    slow.await.expect("the worker does not panic")?;
    assert_eq!(seen(&t.viewer(), t.db()).await?, [(1, 1)]);
    assert_eq!(t.jobs("completed").await.len(), 1);
});

/// On SQLite one process works on the file, and takes over at its start.
#[test]
fn a_dead_workers_jobs_are_taken_over_before_their_leases_end_on_postgres() {
    run(Engine::Postgres, MIGRATIONS, take_over_from_the_dead);
}

async fn take_over_from_the_dead(t: TestDb) -> Result<()> {
    let cx = t.system();
    enqueue(&t.operator(), t.db(), 1).await?;
    let mut alive = t.db().jobs().appear(&cx, "alive").await?;
    let dead = t.reopen().await?;
    let presence = dead.jobs().appear(&cx, "dead").await?;
    let job = dead.jobs().claim(&cx, "dead", &[], 1).await?.remove(0);
    assert_eq!(alive.look(&cx).await?, 0, "it still lives");
    assert!(t.db().jobs().claim(&cx, "alive", &[], 1).await?.is_empty());
    drop(presence);
    while alive.look(&cx).await? == 0 {
        tokio::task::yield_now().await;
    }
    let taken = t.db().jobs().claim(&cx, "alive", &[], 1).await?.remove(0);
    assert_eq!((taken.id, taken.attempt), (job.id, 2));
    alive.leave().await
}
