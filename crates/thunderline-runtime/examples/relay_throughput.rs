//! How many events a second a relay hands to a consumer, beside reading the same events and doing nothing with them.
//! `bench/jobs/README.md` says how to measure with it.
//!
//! Arguments: the address of an empty database, the number of events. Prints one line of JSON.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use serde::{Deserialize, Serialize};
use thunderline_core::{
    Action, Actor, Cx, Error, Event, Result, Role, Rule, Subject, SystemClock, SystemRandom, TenantId,
};
use thunderline_runtime::{CancellationToken, Relay, Subscription};
use thunderline_store::Db;
use thunderline_testkit::TestContracts;
use tokio::sync::Notify;
use uuid::Uuid;

/// Events of one transaction.
const BATCH: u32 = 1_000;
/// Events read at once where nothing is done with them.
const PAGE: u32 = 1_000;

const ADD: Action = Action::new("bench.thing.add", Rule::AtLeast(Role::Operator));

#[derive(Serialize, Deserialize)]
struct Happened {
    number: u32,
}

impl Event for Happened {
    const NAME: &'static str = "bench.thing.happened";
    fn subject(&self) -> Subject {
        Subject::new("thing", self.number % 100)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let number = |text: &String| text.parse::<u32>().ok().filter(|it| *it > 0);
    let [url, events] = &arguments[..] else { return Err(usage()) };
    let events = number(events).ok_or_else(usage)?;
    let tenant = TenantId(Uuid::nil());
    let cx = Cx::new(Actor::System("bench"), tenant, Arc::new(SystemClock), Arc::new(SystemRandom));
    let db = Db::connect(url).await?;
    db.migrate(&cx, &[]).await?;
    db.hold_to(TestContracts);

    let (left, done) = (Arc::new(AtomicU32::new(events)), Arc::new(Notify::new()));
    let (count, tell) = (left.clone(), done.clone());
    let subscription = Subscription::new("bench.consumer", &["bench.thing.happened"], move |_, _, _| {
        if count.fetch_sub(1, Ordering::AcqRel) == 1 {
            tell.notify_one();
        }
        Box::pin(async { Ok(()) })
    });
    let relay = Relay::new(db.clone(), vec![subscription]);
    // A consumer begins with what happens after it is first seen.
    relay.run_once(&cx).await;

    let started = Instant::now();
    for first in (0..events).step_by(BATCH as usize) {
        let mut write = db.write(&cx, &ADD).await?;
        for number in first..events.min(first + BATCH) {
            write.emit(&Happened { number });
        }
        write.commit(&Subject::new("thing", first)).await?;
    }
    let appended = f64::from(events) / started.elapsed().as_secs_f64();

    let started = Instant::now();
    let mut sequence = db.first_sequence().await? - 1;
    while let Some(event) = db.events(sequence, PAGE, &Default::default()).await?.last() {
        sequence = event.sequence;
    }
    let read = f64::from(events) / started.elapsed().as_secs_f64();

    let cancel = CancellationToken::new();
    let started = Instant::now();
    let running = tokio::spawn({
        let (cx, cancel) = (cx.clone(), cancel.clone());
        async move { relay.run(cx, cancel).await }
    });
    done.notified().await;
    let relayed = f64::from(events) / started.elapsed().as_secs_f64();
    cancel.cancel();
    running.await.map_err(|error| Error::internal("the relay broke off").caused_by(error))??;
    println!(
        r#"{{"engine":"{:?}","events":{events},"appended_per_s":{appended:.0},"read_per_s":{read:.0},"relayed_per_s":{relayed:.0}}}"#,
        db.engine()
    );
    Ok(())
}

fn usage() -> Error {
    Error::invalid_value("arguments", "two are needed", "DATABASE-URL EVENTS")
}
