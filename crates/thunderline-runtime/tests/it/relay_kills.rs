//! A relay that is killed again and again loses nothing and does nothing twice.

use std::{
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use thunderline_core::{Actor, Cx, Result, Subject, SystemClock, SystemRandom, TenantId};
use thunderline_runtime::{CancellationToken, Pipeline, Relay, Subscription};
use thunderline_store::{Db, Stmt, args};
use thunderline_testkit::{TestContracts, TestDb, both};
use uuid::Uuid;

use crate::{ADD, Added, LOOK};

const NAMES: &[&str] = &["t.thing.added"];
const THINGS: u128 = 100;
/// Where a child process finds its database.
const CHILD: &str = "THUNDERLINE_TEST_RELAY";

const NOTE: Stmt = Stmt::new("notes.add", "insert into t_notes (consumer, event) values ($1, $2)");
const NOTES: Stmt = Stmt::new("notes.all", "select event from t_notes where consumer = $1 order by id");

/// Fills the outbox; gives all sequences in order.
async fn fill(t: &TestDb, events: usize) -> Result<Vec<i64>> {
    const TOGETHER: usize = 1_000;
    for first in (0..events).step_by(TOGETHER) {
        let mut write = t.db().write(&t.operator(), &ADD).await?;
        for number in first..events.min(first + TOGETHER) {
            write.emit(&Added { id: Uuid::from_u128(number as u128 % THINGS) });
        }
        write.commit(&Subject::new("thing", first)).await?;
    }
    let all: Vec<_> = (t.db().first_sequence().await?..=t.db().last_sequence().await?).collect();
    assert_eq!(all.len(), events, "numbered without gaps");
    Ok(all)
}

/// Writes down each event in the transaction of the cursor.
fn writing(consumer: &'static str) -> Subscription {
    let subscription = Subscription::new(consumer, NAMES, move |_, event, write| {
        Box::pin(async move { write.exec(&NOTE, args![consumer, event.sequence]).await.map(drop) })
    });
    subscription.in_pipeline(Pipeline::General)
}

/// Has an effect outside of the database: what it saw, in order.
fn remembering(consumer: &'static str, seen: &Arc<Mutex<Vec<i64>>>) -> Subscription {
    let seen = seen.clone();
    Subscription::new(consumer, NAMES, move |_, event, _| {
        seen.lock().unwrap().push(event.sequence);
        Box::pin(async { Ok(()) })
    })
}

async fn written(t: &TestDb, consumer: &str) -> Result<Vec<i64>> {
    let rows = t.db().read(&t.viewer(), &LOOK).await?.all(&NOTES, args![consumer]).await?;
    rows.iter().map(|row| row.get("event")).collect()
}

both!(
    a_hundred_thousand_events_are_seen_in_order_by_each_consumer_of_a_relay_that_is_aborted,
    async |t: TestDb| {
        let events = fill(&t, 100_000).await?;
        let seen = Arc::<Mutex<Vec<i64>>>::default();
        let cx = t.system();
        let mut kills = 0_u32;
        loop {
            // A new one each time: nothing is remembered but what is in the database.
            let subscriptions = vec![writing("t.written"), remembering("t.seen", &seen)];
            let relay = Relay::new(t.db().clone(), subscriptions);
            let cancel = CancellationToken::new();
            // Longer and longer, so that it gets to its end where a page of events takes as long as this.
            let patience = Duration::from_millis(20 + cx.random_u64() % 600) * (1 + kills / 8);
            let all = async {
                let mut done = false;
                while !done {
                    let waits = tokio::time::sleep(Duration::from_millis(5));
                    waits.await;
                    let consumers = t.db().consumers().await.unwrap_or_default();
                    done = consumers.len() == 2
                        && consumers.iter().all(|it| Some(&it.sequence) == events.last());
                }
            };
            tokio::select! {
                _ = relay.run(cx.clone(), cancel) => {}
                () = tokio::time::sleep(patience) => kills += 1,
                () = all => break,
            }
        }
        assert!(kills >= 5, "killed {kills} times only");
        assert!(written(&t, "t.written").await? == events, "each event once and in order, with the cursor");
        let seen = seen.lock().unwrap().clone();
        // In order, but for the events of a transaction that did not get through and is done again.
        let mut first_times = Vec::with_capacity(events.len());
        for (index, sequence) in seen.iter().enumerate() {
            if first_times.last().is_none_or(|last| last < sequence) {
                first_times.push(*sequence);
            }
            let before = if index > 0 { seen[index - 1] } else { 0 };
            assert!(
                before - sequence < Pipeline::CrossDomain.batch() as i64,
                "from {before} back to {sequence}"
            );
        }
        assert!(first_times == events, "every event, in order");
    }
);

both!(a_process_that_is_killed_loses_nothing_and_does_nothing_twice, async |t: TestDb| {
    const KILLS: i64 = 12;
    let events = fill(&t, 12_000).await?;
    let per_kill = events.len() as i64 / (KILLS + 1);
    let mut child = start(&t);
    for kill in 1..=KILLS {
        let random = i64::try_from(t.system().random_u64() % 300).unwrap_or(0);
        reach(&t, &mut child, events[0] + kill * per_kill - random).await?;
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        child = start(&t);
    }
    reach(&t, &mut child, *events.last().expect("there are events")).await?;
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    for consumer in ["t.one", "t.two"] {
        assert!(written(&t, consumer).await? == events, "{consumer}: each event once and in order");
    }
});

/// Waits until both consumers of the child have come so far.
async fn reach(t: &TestDb, child: &mut Child, sequence: i64) -> Result<()> {
    loop {
        let consumers = t.db().consumers().await?;
        if consumers.len() == 2 && consumers.iter().all(|it| it.sequence >= sequence) {
            return Ok(());
        }
        assert!(child.try_wait().expect("it can be asked").is_none(), "the relay's process ended by itself");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// This test program again, as a process that only relays.
fn start(t: &TestDb) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("a program knows its file"));
    command.args(["--exact", "relay_kills::the_process_that_is_killed", "--ignored", "--nocapture"]);
    command.env(CHILD, t.url()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it can be started again")
}

#[test]
#[ignore = "not a test: the process that another test starts and kills"]
fn the_process_that_is_killed() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let tenant = TenantId(Uuid::from_u128(0x7e57));
    let cx = Cx::new(Actor::System("test"), tenant, Arc::new(SystemClock), Arc::new(SystemRandom));
    runtime.block_on(async {
        let db = Db::connect(&url).await.unwrap();
        db.hold_to(TestContracts);
        let relay = Relay::new(db, vec![writing("t.one"), writing("t.two")]);
        relay.run(cx, CancellationToken::new()).await.unwrap();
    });
}
