//! A server without ports and without tasks of its own: everything that it does is called.

use std::{cell::RefCell, path::Path, rc::Rc, sync::Arc};

use axum::Router;
use thundergate::ManifestSigner;
use thunderline::compose;
use thunderline_core::{Actor, Cx, Error, FixedClock, Result, SeededRandom, Timestamp, seams};
use thunderline_fleet::{Config, Fleet};
use thunderline_objects::Objects;
use thunderline_runtime::{Periodic, Relay, Work, Worker};
use thunderline_store::Db;
use thunderline_web::Domains;
use tokio_util::sync::CancellationToken;

use crate::probe;

/// Where the virtual clock starts: 2027-01-15 08:00 UTC.
const START: i64 = 1_800_000_000;

/// Passes after which work that still makes new work is called endless.
const ENDLESS: usize = 1_000;

/// What a server finds and does not own: time and chance.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) random: Arc<SeededRandom>,
}

impl Surroundings {
    pub(crate) fn new(seed: u64) -> Self {
        let start = Timestamp::from_second(START).expect("2027 is in range");
        Self { clock: FixedClock::new(start), random: SeededRandom::new(seed) }
    }

    pub(crate) fn cx(&self) -> Cx {
        let (clock, random) = (self.clock.clone(), self.random.clone());
        Cx::new(Actor::System("server"), thundergate::DEFAULT_TENANT, clock, random)
    }
}

/// The background work of one domain, one thing at a time.
#[derive(Clone)]
pub(crate) struct Part {
    worker: Worker,
    relay: Relay,
    periodic: Periodic,
    jobs: Vec<&'static str>,
}

impl Part {
    fn of(name: &str, db: &Db, work: Work) -> Self {
        Self {
            jobs: work.jobs.names(),
            worker: Worker::new(db.clone(), work.jobs, name, 1),
            relay: Relay::new(db.clone(), work.subscriptions),
            periodic: Periodic::new(work.reconcilers),
        }
    }
}

/// A running server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) cx: Cx,
    pub(crate) db: Db,
    pub(crate) domains: Domains,
    pub(crate) router: Router,
    parts: Arc<[Part]>,
    settled: Rc<RefCell<Option<(u64, Timestamp)>>>,
}

impl Server {
    /// What the program does at its start, but for ports, tokens and tasks.
    pub(crate) async fn start(folder: &Path, world: &Surroundings) -> Result<Self> {
        let cx = world.cx();
        let db = Db::connect(&url(folder)).await?;
        db.hold_to(probe::Contracts);
        let mut sets = compose::MIGRATIONS.to_vec();
        sets.push(probe::MIGRATIONS);
        db.migrate(&cx, &sets).await?;
        db.jobs().take_over(&cx).await?;
        let domains = compose::connect(Domains::over(&db, Objects::open(folder.join("objects"))?));
        let mut parts = vec![Part::of("probe", &db, probe::work(&db))];
        for domain in compose::domains(&domains) {
            let work = domain.activate(&cx).await?;
            parts.push(Part::of(domain.name(), &db, work));
        }
        let signer = Arc::new(ManifestSigner::open(&folder.join("manifest.key"))?);
        // A request for work is answered at once: time does not pass while it would be held.
        let config = Config { hold: std::time::Duration::ZERO, ..Config::default() };
        let (links, federations) = (domains.links.clone(), domains.federations.clone());
        let fleet = Fleet::new(cx.clone(), links, federations, signer, config, CancellationToken::new())?;
        Ok(Self {
            cx,
            db,
            domains,
            router: thunderline_fleet::router(fleet),
            parts: parts.into(),
            settled: Rc::default(),
        })
    }

    /// The names of all jobs that have a handler.
    pub(crate) fn jobs(&self) -> Vec<&'static str> {
        self.parts.iter().flat_map(|part| part.jobs.iter().copied()).collect()
    }

    /// The probe's worker runs one job.
    pub(crate) async fn probe_work(&self) -> Result<usize> {
        self.parts[0].worker.run_once(&self.cx).await
    }

    /// The worker of each domain runs one job.
    pub(crate) async fn work(&self) -> Result<usize> {
        let mut ran = 0;
        for part in self.parts.iter() {
            ran += part.worker.run_once(&self.cx).await?;
        }
        Ok(ran)
    }

    /// Events are handed on.
    pub(crate) async fn relay(&self) -> Result<usize> {
        let mut delivered = 0;
        for part in self.parts.iter() {
            let relayed = part.relay.run_once(&self.cx).await;
            if let Some((consumer, error)) = relayed.failures.into_iter().next() {
                return Err(Error::new(error.kind(), format!("{consumer}: {}", error.chain())));
            }
            delivered += relayed.delivered;
        }
        Ok(delivered)
    }

    /// Reconcilers run whose time has come.
    pub(crate) async fn mend(&self) -> Result<usize> {
        let mut ran = 0;
        for part in self.parts.iter() {
            ran += part.periodic.run_due(&self.cx).await?;
        }
        Ok(ran)
    }

    /// Events and jobs until none is left for now.
    pub(crate) async fn settle(&self) -> Result<usize> {
        let mut total = 0;
        for _ in 0..ENDLESS {
            // Where nothing was written since all was found settled, and no time has passed, it still is.
            let at = (seams::commits(), self.cx.now());
            if *self.settled.borrow() == Some(at) {
                return Ok(total);
            }
            let done = self.relay().await? + self.work().await?;
            if done == 0 && seams::commits() == at.0 {
                *self.settled.borrow_mut() = Some(at);
            }
            if done == 0 {
                return Ok(total);
            }
            total += done;
        }
        Err(Error::internal("events and jobs make new ones without end"))
    }
}

/// The address of the database in this folder.
pub(crate) fn url(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("thunderline.db").display())
}
