//! How many jobs a second are enqueued and run. `bench/jobs/README.md` says how to measure with it, and beside what.
//!
//! Arguments: the address of an empty database, the number of jobs, jobs at the same time. Prints one line of JSON.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use serde::{Deserialize, Serialize};
use thunderline_core::{
    Action, Actor, Cx, Error, Job, Result, Role, Rule, Subject, SystemClock, SystemRandom, TenantId,
};
use thunderline_runtime::{CancellationToken, Registry, Worker};
use thunderline_store::Db;
use tokio::sync::Notify;

/// Jobs of one transaction, where they are enqueued together.
const BATCH: u32 = 1_000;
/// Transactions of one job each.
const SINGLE: u32 = 1_000;

const ADD: Action = Action::new("bench.job.add", Rule::AtLeast(Role::Operator));

#[derive(Serialize, Deserialize)]
struct Nothing {
    number: u32,
}

impl Job for Nothing {
    const NAME: &'static str = "bench.job.nothing";
    fn key(&self) -> String {
        self.number.to_string()
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, jobs, concurrency] = &arguments[..] else {
        return Err(Error::invalid_value("arguments", "three are needed", "DATABASE-URL JOBS CONCURRENCY"));
    };
    let jobs = number(jobs)?;
    let concurrency = usize::try_from(number(concurrency)?).expect("32 bits fit");
    let tenant = TenantId(uuid::Uuid::nil());
    let cx = Cx::new(Actor::System("bench"), tenant, Arc::new(SystemClock), Arc::new(SystemRandom));
    let db = Db::connect(url).await?;
    db.migrate(&cx, &[]).await?;

    let started = Instant::now();
    for first in (0..jobs).step_by(BATCH as usize) {
        enqueue(&cx, &db, first..jobs.min(first + BATCH)).await?;
    }
    let together = f64::from(jobs) / started.elapsed().as_secs_f64();
    let started = Instant::now();
    for number in jobs..jobs + SINGLE {
        enqueue(&cx, &db, number..number + 1).await?;
    }
    let singly = f64::from(SINGLE) / started.elapsed().as_secs_f64();

    let (left, done) = (Arc::new(AtomicU32::new(jobs + SINGLE)), Arc::new(Notify::new()));
    let (count, tell) = (left.clone(), done.clone());
    let mut registry = Registry::new();
    registry.on(move |_, _: Nothing| {
        if count.fetch_sub(1, Ordering::AcqRel) == 1 {
            tell.notify_one();
        }
        async { Ok(()) }
    });
    let (worker, cancel) =
        (Worker::new(db.clone(), registry, "bench", concurrency), CancellationToken::new());
    let started = Instant::now();
    let running = tokio::spawn({
        let (cx, cancel) = (cx.clone(), cancel.clone());
        async move { worker.run(cx, cancel).await }
    });
    done.notified().await;
    cancel.cancel();
    // Until the last job is noted as done.
    running.await.map_err(|error| Error::internal("the worker broke off").caused_by(error))??;
    let run = f64::from(jobs + SINGLE) / started.elapsed().as_secs_f64();
    println!(
        r#"{{"engine":"{:?}","jobs":{jobs},"concurrency":{concurrency},"enqueued_together_per_s":{together:.0},"enqueued_singly_per_s":{singly:.0},"run_per_s":{run:.0}}}"#,
        db.engine()
    );
    Ok(())
}

async fn enqueue(cx: &Cx, db: &Db, numbers: std::ops::Range<u32>) -> Result<()> {
    let mut write = db.write(cx, &ADD).await?;
    let first = numbers.start;
    for number in numbers {
        write.enqueue(&Nothing { number });
    }
    write.commit(&Subject::new("jobs", first)).await
}

fn number(text: &str) -> Result<u32> {
    text.parse().map_err(|_| Error::invalid_value("arguments", format!("'{text}' is no number"), "a number"))
}
