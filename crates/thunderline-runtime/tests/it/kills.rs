//! Worker processes that are killed again and again: nothing is lost and nothing happens twice.
//!
//! The processes are this test program again, running [`worker_process`]. Half of the jobs are completed in the transaction
//! of their effect; the other half have an effect that is keyed, and are completed afterwards.

use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use thunderline_core::{Actor, Cx, Job, Random, Result, SeededRandom, Subject, SystemClock, SystemRandom};
use thunderline_runtime::{CancellationToken, Registry, Worker};
use thunderline_store::{Db, Engine, JobFilter, JobState, args};
use thunderline_testkit::{TestDb, run};
use uuid::Uuid;

use crate::{ADD, MIGRATIONS, SEE, seen};

const DATABASE: &str = "THUNDERLINE_KILLED_WORKER_DATABASE";
/// Jobs of one transaction.
const BATCH: u32 = 1_000;
/// Jobs that one process runs at the same time.
const CONCURRENCY: usize = 16;

#[derive(Serialize, Deserialize)]
struct Touch {
    number: u32,
}

impl Job for Touch {
    const NAME: &'static str = "t.thing.touch";
    fn key(&self) -> String {
        self.number.to_string()
    }
}

#[test]
fn of_twenty_thousand_jobs_each_has_its_effect_once_though_two_processes_are_killed_on_postgres() {
    run(Engine::Postgres, MIGRATIONS, |t| survive(t, 20_000, 2, 20));
}

#[test]
fn each_job_has_its_effect_once_though_the_process_is_killed_on_sqlite() {
    run(Engine::Sqlite, MIGRATIONS, |t| survive(t, 4_000, 1, 8));
}

async fn survive(t: TestDb, jobs: u32, processes: usize, kills: u32) -> Result<()> {
    let cx = now();
    for first in (0..jobs).step_by(BATCH as usize) {
        let mut write = t.db().write(&cx, &ADD).await?;
        for number in first..jobs.min(first + BATCH) {
            write.enqueue(&Touch { number });
        }
        write.commit(&Subject::new("things", first)).await?;
    }
    let random = SeededRandom::new(3);
    let pick = |most: u64| {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        u64::from_le_bytes(bytes) % most
    };
    let mut workers: Vec<_> = (0..processes).map(|_| Process::start(t.url())).collect();
    let mut killed = 0;
    while left(t.db()).await? {
        // The rhythm of the killing, not a wait for anything.
        tokio::time::sleep(Duration::from_millis(150 + pick(400))).await;
        if killed < kills {
            let victim = usize::try_from(pick(processes as u64)).expect("a small number");
            workers[victim].kill();
            workers[victim] = Process::start(t.url());
            killed += 1;
        }
    }
    drop(workers);
    let effects = seen(&cx, t.db()).await?;
    assert_eq!(effects.len(), jobs as usize, "none is lost");
    let twice: Vec<_> = effects.iter().filter(|(_, times)| *times != 1).collect();
    assert!(twice.is_empty(), "these happened more than once: {twice:?}");
    assert_eq!(t.jobs("completed").await.len(), jobs as usize);
    assert!(killed > 0, "the work was over before the first kill");
    Ok(())
}

async fn left(db: &Db) -> Result<bool> {
    for state in [JobState::Available, JobState::Running] {
        let filter = JobFilter { state: Some(state), ..JobFilter::default() };
        if !db.jobs().list(&filter, 1).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The processes share no clock that a test could move.
fn now() -> Cx {
    let tenant = thunderline_core::TenantId(Uuid::from_u128(0x7e57));
    Cx::new(Actor::System("test"), tenant, Arc::new(SystemClock), Arc::new(SystemRandom))
}

/// A worker in a process of its own; killed when it is dropped.
struct Process(Child);

impl Process {
    fn start(url: &str) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let child = Command::new(program)
            .args(["--exact", "kills::worker_process", "--ignored"])
            .env(DATABASE, url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("this program can be started again"))
    }

    fn kill(&mut self) {
        self.0.kill().expect("the worker runs until it is killed");
        self.0.wait().expect("it was started here");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[test]
#[ignore = "the process that the tests above start and kill"]
fn worker_process() {
    let Ok(url) = std::env::var(DATABASE) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended: Result<()> = runtime.expect("a runtime can be made").block_on(async {
        let (cx, db) = (now(), Db::connect(&url).await?);
        if db.engine() == Engine::Sqlite {
            // Its predecessor is dead.
            db.jobs().take_over(&cx).await?;
        }
        let mut registry = Registry::new();
        let handler_db = db.clone();
        registry.on(move |cx: Cx, job: Touch| {
            let db = handler_db.clone();
            async move { touch(&cx, &db, job.number).await }
        });
        Worker::new(db, registry, "killed", CONCURRENCY).run(cx, CancellationToken::new()).await
    });
    ended.expect("the worker goes on until it is killed");
}

/// Counts in a way that shows what is done twice.
async fn touch(cx: &Cx, db: &Db, number: u32) -> Result<()> {
    let id = Uuid::from_u128(number.into());
    let mut write = db.write(cx, &ADD).await?;
    if number.is_multiple_of(2) {
        write.complete_job();
    } else if write.claim_key(&number.to_string(), "touch").await?.is_some() {
        // An attempt before this one has done it, and did not live to say so.
        return Ok(());
    }
    write.exec(&SEE, args![id]).await?;
    write.commit(&Subject::new("thing", id)).await
}
