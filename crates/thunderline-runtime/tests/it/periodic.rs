//! Reconcilers under a clock that is moved by hand; no database is involved.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use thunderline_core::{Actor, Cx, Error, FixedClock, SeededRandom, SignedDuration, TenantId, Timestamp};
use thunderline_runtime::{CancellationToken, Periodic, Reconciler};
use tokio::sync::Notify;
use uuid::Uuid;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn clock_and_cx() -> (Arc<FixedClock>, Cx) {
    let clock = FixedClock::new(Timestamp::UNIX_EPOCH);
    let tenant = TenantId(Uuid::nil());
    let cx = Cx::new(Actor::System("test"), tenant, clock.clone(), SeededRandom::new(1));
    (clock, cx)
}

fn counting(name: &'static str, every: SignedDuration) -> (Reconciler, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let step = move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(()))
    };
    (Reconciler::new(name, every, step), count)
}

#[tokio::test]
async fn a_reconciler_runs_at_once_then_in_its_time_and_on_demand() {
    let (clock, cx) = clock_and_cx();
    let ((often, frequent), (seldom, rare)) = (counting("often", MINUTE), counting("seldom", MINUTE * 10));
    let periodic = Periodic::new(vec![often, seldom]);
    assert_eq!(periodic.run_due(&cx).await.unwrap(), 2);
    assert_eq!(periodic.run_due(&cx).await.unwrap(), 0);
    clock.advance(MINUTE);
    assert_eq!(periodic.run_due(&cx).await.unwrap(), 1);
    periodic.run_now(&cx, "seldom").await.unwrap();
    assert_eq!((frequent.load(Ordering::SeqCst), rare.load(Ordering::SeqCst)), (2, 2));
    clock.advance(MINUTE * 9);
    assert_eq!(periodic.run_due(&cx).await.unwrap(), 1, "the run on demand counted");
    assert_eq!(periodic.run_now(&cx, "never").await.unwrap_err().code(), "not_found");
}

#[tokio::test]
async fn a_reconciler_that_fails_or_panics_does_not_keep_the_others_from_running() {
    let (clock, cx) = clock_and_cx();
    let failing = Reconciler::new("failing", MINUTE, |_| async { Err(Error::unavailable("away")) });
    let broken = Reconciler::new("broken", MINUTE, |_| async { panic!("broken") });
    let (healthy, count) = counting("healthy", MINUTE);
    let periodic = Periodic::new(vec![failing, broken, healthy]);
    assert_eq!(periodic.run_due(&cx).await.unwrap_err().to_string(), "away");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert_eq!(periodic.run_due(&cx).await.unwrap(), 0, "a failed step waits for its turn");
    clock.advance(MINUTE);
    assert!(periodic.run_due(&cx).await.is_err());
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_loop_follows_the_injected_clock_and_ends_when_cancelled() {
    let (clock, cx) = clock_and_cx();
    let ran = Arc::new(Notify::new());
    let tell = ran.clone();
    let step = move |_| {
        tell.notify_one();
        std::future::ready(Ok(()))
    };
    let often = SignedDuration::from_millis(10);
    let periodic = Periodic::new(vec![Reconciler::new("step", often, step)]);
    let cancel = CancellationToken::new();
    let running = tokio::spawn({
        let cancel = cancel.clone();
        async move { periodic.run(cx, cancel).await }
    });
    ran.notified().await;
    clock.advance(often);
    ran.notified().await;
    cancel.cancel();
    running.await.unwrap().unwrap();
}
