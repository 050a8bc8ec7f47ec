//! A server without ports and without tasks of its own: everything that it does is called.

use std::{
    cell::{Cell, RefCell},
    path::Path,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use thundergate::ManifestSigner;
use thunderline::compose;
use thunderline_core::{
    Actor, Cx, DomainState, Error, FixedClock, Result, Role, SeededRandom, Tick, Timestamp, Wish, seams,
};
use thunderline_fleet::{Config, Fleet};
use thunderline_objects::Objects;
use thunderline_runtime::{Domain, Host, Limits, Periodic, Relay, Work, Worker};
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

/// What a domain works at since it was last made active.
type Slot = Arc<Mutex<Option<Part>>>;

/// The domain as the host knows it: made active by it, and then worked here, one thing at a time.
fn watched(domain: Domain, db: &Db, slot: &Slot) -> Domain {
    let (db, slot) = (db.clone(), slot.clone());
    Domain::new(domain.manifest, move |cx| {
        let (db, slot, domain) = (db.clone(), slot.clone(), domain.clone());
        async move {
            let part = Part::of(domain.name(), &db, domain.activate(&cx).await?);
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(part);
            Ok(Work::default())
        }
    })
}

/// A running server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) cx: Cx,
    pub(crate) db: Db,
    pub(crate) domains: Domains,
    pub(crate) router: Router,
    pub(crate) host: Host,
    probe: Part,
    slots: Arc<[(&'static str, Slot)]>,
    ticks: Rc<Cell<u64>>,
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
        let (mut slots, mut all) = (Vec::new(), Vec::new());
        for domain in compose::domains(&domains) {
            let slot = Slot::default();
            slots.push((domain.name(), slot.clone()));
            all.push(watched(domain, &db, &slot));
        }
        let host = Host::by_hand(&cx, "simulated", &db, all, compose::registry(&domains), Limits::default());
        let signer = Arc::new(ManifestSigner::open(&folder.join("manifest.key"))?);
        // A request for work is answered at once: time does not pass while it would be held.
        let config = Config { hold: std::time::Duration::ZERO, ..Config::default() };
        let (links, federations) = (domains.links.clone(), domains.federations.clone());
        let fleet = Fleet::new(cx.clone(), links, federations, signer, config, CancellationToken::new())?;
        let probe = Part::of("probe", &db, probe::work(&db));
        let server = Self {
            cx,
            db,
            domains,
            router: thunderline_fleet::router(fleet),
            host,
            probe,
            slots: slots.into(),
            ticks: Rc::default(),
            settled: Rc::default(),
        };
        server.tick().await?;
        Ok(server)
    }

    /// The clock of the mesh ticks: domains become active, orders are heard, what happened is written down.
    pub(crate) async fn tick(&self) -> Result<usize> {
        self.ticks.set(self.ticks.get() + 1);
        let (node, sequence) = ("simulated".to_owned(), self.ticks.get());
        let active = self.host.live().now().active();
        let tick =
            Tick { node, sequence, monotonic: Duration::from_secs(sequence), at: self.cx.now(), active };
        self.host.tick(&self.cx, tick).await.map(|()| active)
    }

    /// The names of the domains, dependencies first, and where each is.
    pub(crate) fn mesh(&self) -> Vec<(&'static str, DomainState)> {
        self.host.live().now().domains.iter().map(|one| (one.manifest.domain, one.state)).collect()
    }

    /// Whether the domain's work is being done.
    pub(crate) fn works(&self, domain: &str) -> bool {
        self.host.live().now().domain(domain).is_some_and(|status| status.works())
    }

    /// An operator wants something of a domain.
    pub(crate) async fn order(&self, domain: u8, wish: Wish) -> Result<()> {
        let names: Vec<_> = self.mesh().into_iter().map(|(name, _)| name).collect();
        let name = names[usize::from(domain) % names.len()];
        let admin = Actor::User { name: "admin".into(), role: Role::Admin };
        let cx = self.cx.for_actor(admin, self.cx.tenant());
        thunderblock::registry::order(&cx, &self.domains.block, &names, name, wish, None).await
    }

    /// The work of those that work.
    fn parts(&self) -> Vec<Part> {
        let slots = self.slots.iter().filter(|(name, _)| self.works(name));
        let parts = slots.filter_map(|(_, slot)| slot.lock().unwrap_or_else(PoisonError::into_inner).clone());
        std::iter::once(self.probe.clone()).chain(parts).collect()
    }

    /// The names of all jobs that have a handler.
    pub(crate) fn jobs(&self) -> Vec<&'static str> {
        self.parts().iter().flat_map(|part| part.jobs.iter().copied()).collect()
    }

    /// The probe's worker runs one job.
    pub(crate) async fn probe_work(&self) -> Result<usize> {
        self.probe.worker.run_once(&self.cx).await
    }

    /// The worker of each domain runs one job.
    pub(crate) async fn work(&self) -> Result<usize> {
        let mut ran = 0;
        for part in self.parts() {
            ran += part.worker.run_once(&self.cx).await?;
        }
        Ok(ran)
    }

    /// Events are handed on.
    pub(crate) async fn relay(&self) -> Result<usize> {
        let mut delivered = 0;
        for part in self.parts() {
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
        for part in self.parts() {
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
