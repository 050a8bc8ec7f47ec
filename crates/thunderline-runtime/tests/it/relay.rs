//! Handing on events.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use futures::FutureExt;
use thunderline_core::{Error, SignedDuration};
use thunderline_runtime::{CancellationToken, Relay, Subscription};
use thunderline_store::args;
use thunderline_testkit::{TestDb, both};
use tokio::sync::Notify;

use crate::{Added, Polish, SEE, add, seen};

const NAMES: &[&str] = &["t.thing.added"];

/// Projects each thing and enqueues a job for it.
fn projecting(consumer: &'static str) -> Subscription {
    Subscription::new(consumer, NAMES, |_, event, write| {
        Box::pin(async move {
            let added: Added = event.decode()?;
            write.exec(&SEE, args![added.id]).await?;
            write.enqueue(&Polish { id: added.id });
            Ok(())
        })
    })
}

both!(a_subscription_sees_each_event_once_in_order_with_its_cause, async |t: TestDb| {
    let relay = Relay::new(t.db().clone(), vec![projecting("t.seen")]);
    for number in 1..=3 {
        add(&t.operator(), t.db(), number).await?;
    }
    assert_eq!(relay.run_once(&t.system()).await.delivered, 3);
    assert_eq!(relay.run_once(&t.system()).await.delivered, 0);
    let after_restart = Relay::new(t.db().clone(), vec![projecting("t.seen")]);
    assert_eq!(after_restart.run_once(&t.system()).await.delivered, 0);
    assert_eq!(seen(&t.viewer(), t.db()).await?, [(1, 1), (2, 1), (3, 1)]);
    let claimed = t.db().jobs().claim(&t.system(), "test", &[], 9).await?;
    let causes: Vec<_> = claimed.iter().filter_map(|job| job.causation).collect();
    let events = t.events().await;
    assert_eq!(causes.len(), 3);
    assert!(events.iter().all(|event| causes.contains(&event.id.0)));
    assert_eq!(t.db().cursor("t.seen").await?, events[2].sequence);
    assert_eq!(t.audit().await.len(), 3, "the projection adds none to those of the actions");
});

both!(a_relay_says_for_whom_it_works_as_long_as_it_runs, async |t: TestDb| {
    let relay = Relay::new(t.db().clone(), vec![projecting("t.seen")]);
    assert!(!t.db().works_for("t.seen"));
    let mut running = Box::pin(relay.run(t.system(), CancellationToken::new()));
    assert!((&mut running).now_or_never().is_none());
    assert!(t.db().works_for("t.seen") && !t.db().works_for("t.other"));
    drop(running);
    assert!(!t.db().works_for("t.seen"));
});

both!(a_failing_handler_leaves_nothing_keeps_its_place_and_stops_nobody_else, async |t: TestDb| {
    let healed = Arc::new(AtomicBool::new(false));
    let healthy = healed.clone();
    let fragile = Subscription::new("t.fragile", NAMES, move |_, event, write| {
        let healthy = healthy.load(Ordering::SeqCst);
        Box::pin(async move {
            let added: Added = event.decode()?;
            write.exec(&SEE, args![added.id]).await?;
            if added.id.as_u128() == 2 && !healthy {
                return Err(Error::internal("cannot digest 2"));
            }
            Ok(())
        })
    });
    let silent = Subscription::new("t.silent", NAMES, |_, _, _| Box::pin(async { Ok(()) }));
    let broken = Subscription::new("t.broken", NAMES, |_, _, _| Box::pin(async { panic!("always") }));
    let relay = Relay::new(t.db().clone(), vec![fragile, broken, silent]);
    for number in 1..=3 {
        add(&t.operator(), t.db(), number).await?;
    }
    for _ in 0..2 {
        let relayed = relay.run_once(&t.system()).await;
        let failed: Vec<_> = relayed.failures.iter().map(|(consumer, _)| *consumer).collect();
        assert_eq!(failed, ["t.fragile", "t.broken"]);
    }
    let events = t.events().await;
    assert_eq!(seen(&t.viewer(), t.db()).await?, [(1, 1)], "what the failing handler wrote is gone");
    assert_eq!(t.db().cursor("t.fragile").await?, events[0].sequence);
    assert_eq!(t.db().cursor("t.silent").await?, events[2].sequence);
    healed.store(true, Ordering::SeqCst);
    assert_eq!(relay.run_once(&t.system()).await.delivered, 2);
    assert_eq!(seen(&t.viewer(), t.db()).await?, [(1, 1), (2, 1), (3, 1)]);
});

both!(two_relays_of_one_subscription_do_nothing_twice, async |t: TestDb| {
    let other_db = t.reopen().await?;
    let one = Relay::new(t.db().clone(), vec![projecting("t.seen")]);
    let two = Relay::new(other_db, vec![projecting("t.seen")]);
    for number in 1..=20 {
        add(&t.operator(), t.db(), number).await?;
    }
    let cx = t.system();
    let (first, second) = tokio::join!(one.run_once(&cx), two.run_once(&cx));
    assert!(first.failures.is_empty() && second.failures.is_empty(), "{first:?} {second:?}");
    assert_eq!(first.delivered + second.delivered, 20);
    assert_eq!(seen(&t.viewer(), t.db()).await?, (1..=20).map(|number| (number, 1)).collect::<Vec<_>>());
});

both!(events_for_others_are_passed_over, async |t: TestDb| {
    let deaf = Subscription::new("t.deaf", &["t.other.happened"], |_, _, _| Box::pin(async { Ok(()) }));
    let relay = Relay::new(t.db().clone(), vec![deaf]);
    add(&t.operator(), t.db(), 1).await?;
    assert_eq!(relay.run_once(&t.system()).await.delivered, 0);
    assert_eq!(t.db().cursor("t.deaf").await?, 0, "a cursor moves by events that it is for");
});

both!(a_running_relay_is_woken_by_new_events_and_ends_when_cancelled, async |t: TestDb| {
    let (heard, count) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (tell, counted) = (heard.clone(), count.clone());
    let listener = Subscription::new("t.listener", NAMES, move |_, _, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        tell.notify_one();
        Box::pin(async { Ok(()) })
    });
    let relay = Relay::new(t.db().clone(), vec![listener]);
    let cancel = CancellationToken::new();
    let running = tokio::spawn({
        let (cx, cancel) = (t.system(), cancel.clone());
        async move { relay.run(cx, cancel).await }
    });
    for number in 1..=3 {
        add(&t.operator(), t.db(), number).await?;
        heard.notified().await;
    }
    t.clock.advance(SignedDuration::from_secs(1));
    cancel.cancel();
    running.await.expect("the relay does not panic")?;
    assert_eq!(count.load(Ordering::SeqCst), 3);
});
