//! The host of the domains: makes them active on ticks, watches that they acknowledge ticks, restarts those that fail.
//!
//! What happens next to a domain is decided in [`lifecycle`], purely; the host carries it out. Nothing here waits for a
//! domain: activation and work are the domain's own tasks ([`scope`]), so that one that hangs holds up nobody. What happened
//! is told to the [`DomainRegistry`] in order, later if its database is away. The present state is read from [`Live`].

mod lifecycle;
mod live;
mod scope;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::{BoxFuture, join_all};
use thunderline_core::{Cx, DOMAIN_ORDERS, DomainState, Order, Result, Tick, Transition, Wish};
use thunderline_store::Db;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{Background, Domain, Kind, Tasks};
use lifecycle::{Life, Running, Step, next};
use scope::Scope;

pub use lifecycle::Limits;
pub use live::{DomainStatus, Live, Mesh};

/// The longest time between two looks at the orders.
const LOOK: Duration = Duration::from_secs(5);
/// Pause after the registry could not be written.
const PAUSE: Duration = Duration::from_secs(1);

/// Who keeps what happened to domains, and what operators want of them.
pub trait DomainRegistry: Send + Sync {
    /// Keeps a transition; repeating the same one changes nothing.
    ///
    /// # Errors
    /// It is tried again then, before any later one.
    fn record<'a>(&'a self, cx: &'a Cx, transition: &'a Transition) -> BoxFuture<'a, Result<()>>;

    /// Orders with a greater number than `after`, in order.
    ///
    /// # Errors
    /// They are asked for again then.
    fn orders<'a>(&'a self, cx: &'a Cx, after: i64) -> BoxFuture<'a, Result<Vec<Order>>>;
}

/// Runs the domains of a process. Cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    node: String,
    db: Db,
    registry: Arc<dyn DomainRegistry>,
    limits: Limits,
    by_hand: bool,
    live: Live,
    ticks: watch::Sender<Option<Tick>>,
    changed: Arc<Notify>,
    happened: Arc<Notify>,
    untold: Mutex<VecDeque<Transition>>,
    tasks: Tasks,
    state: tokio::sync::Mutex<State>,
}

struct State {
    cells: Vec<Cell>,
    published: u64,
    began: bool,
    orders: Option<i64>,
}

struct Cell {
    domain: Domain,
    life: Life,
    reason: String,
    activated_at: Option<u64>,
    scope: Option<Scope>,
}

impl Host {
    /// A host whose domains run as tasks once it is started and has ticked.
    ///
    /// # Panics
    /// Where a domain depends on one that is not there, or on itself through others: the program is put together wrongly.
    #[must_use]
    pub fn new(
        cx: &Cx,
        node: &str,
        db: &Db,
        domains: Vec<Domain>,
        registry: Arc<dyn DomainRegistry>,
        limits: Limits,
    ) -> Self {
        Self::build(cx, node, db, domains, registry, limits, false)
    }

    /// A host that starts no tasks: domains are active, and their work is done by [`Host::settle`] and [`Host::background`].
    ///
    /// # Panics
    /// As [`Host::new`].
    #[must_use]
    pub fn by_hand(
        cx: &Cx,
        node: &str,
        db: &Db,
        domains: Vec<Domain>,
        registry: Arc<dyn DomainRegistry>,
        limits: Limits,
    ) -> Self {
        Self::build(cx, node, db, domains, registry, limits, true)
    }

    fn build(
        cx: &Cx,
        node: &str,
        db: &Db,
        domains: Vec<Domain>,
        registry: Arc<dyn DomainRegistry>,
        limits: Limits,
        by_hand: bool,
    ) -> Self {
        let now = cx.now();
        let reason = "the process started";
        let cell = |domain| Cell {
            domain,
            life: Life::new(now),
            reason: reason.to_owned(),
            activated_at: None,
            scope: None,
        };
        let cells: Vec<_> = in_order(domains).into_iter().map(cell).collect();
        let untold = cells.iter().map(|cell| Transition {
            node: node.to_owned(),
            domain: cell.domain.name(),
            from: DomainState::Inactive,
            to: DomainState::Waiting,
            reason: reason.to_owned(),
            tick: 0,
            at: now,
        });
        let host = Self(Arc::new(Inner {
            node: node.to_owned(),
            db: db.clone(),
            registry,
            limits,
            by_hand,
            live: Live::new(Mesh { node: node.to_owned(), tick: None, domains: Vec::new() }),
            ticks: watch::Sender::new(None),
            changed: Arc::default(),
            happened: Arc::default(),
            untold: Mutex::new(untold.collect()),
            tasks: Tasks::new(),
            state: tokio::sync::Mutex::new(State { cells, published: 0, began: false, orders: None }),
        }));
        host.publish(&host.0.state.try_lock().expect("nobody else has the host yet"));
        host
    }

    /// Where the present state is read.
    #[must_use]
    pub fn live(&self) -> Live {
        self.0.live.clone()
    }

    /// Starts what carries out orders, notices failures between ticks and tells the registry. Ticks come from outside.
    pub fn start(&self, tasks: &Tasks, cx: &Cx) {
        let (host, at) = (self.clone(), cx.clone());
        tasks.spawn("domains", Kind::Restarting, move |cancel| {
            let (host, cx) = (host.clone(), at.clone());
            async move {
                tokio::join!(host.follow(&cx, &cancel), host.hear(&cx, &cancel));
                Ok(())
            }
        });
        let (host, at) = (self.clone(), cx.clone());
        tasks.spawn("domain-registry", Kind::Restarting, move |cancel| {
            let (host, cx) = (host.clone(), at.clone());
            async move {
                while !cancel.is_cancelled() {
                    let pause = if let Err(error) = host.tell(&cx).await {
                        tracing::warn!(
                            error = error.chain(),
                            "what happened to domains was not recorded yet"
                        );
                        PAUSE
                    } else {
                        LOOK
                    };
                    tokio::select! {
                        () = cancel.cancelled() => {}
                        _ = timeout(pause, host.0.happened.notified()) => {}
                    }
                }
                Ok(())
            }
        });
    }

    /// Makes domains active without waiting for the first tick: for tests and tools.
    ///
    /// # Errors
    /// By hand only: where the registry cannot be asked or told.
    pub async fn begin(&self, cx: &Cx) -> Result<()> {
        self.0.state.lock().await.began = true;
        self.heed(cx).await?;
        if self.0.by_hand { self.tell(cx).await } else { Ok(()) }
    }

    /// Takes a tick: looks at what each domain acknowledged, makes active what can be, and hands the tick on.
    ///
    /// # Errors
    /// By hand only: where the registry cannot be asked or told.
    pub async fn tick(&self, cx: &Cx, tick: Tick) -> Result<()> {
        if self.0.by_hand {
            self.heed(cx).await?;
        }
        let sequence = tick.sequence;
        {
            let mut state = self.0.state.lock().await;
            state.began = true;
            self.0.ticks.send_replace(Some(tick));
            self.evaluate(&mut state, cx, sequence).await;
            state.published = sequence;
            if self.0.by_hand {
                let scopes = state.cells.iter().filter_map(|cell| cell.scope.as_ref());
                scopes.for_each(|scope| scope.acknowledge(sequence));
            }
            self.publish(&state);
        }
        if self.0.by_hand { self.tell(cx).await } else { Ok(()) }
    }

    /// Does all work that there is for now, domain by domain, for a host by hand. Returns how many events and jobs.
    ///
    /// # Errors
    /// As [`Background::settle`].
    pub async fn settle(&self, cx: &Cx) -> Result<usize> {
        let mut total = 0;
        loop {
            let mut done = 0;
            for name in self.0.live.now().domains.iter().map(|domain| domain.manifest.domain) {
                if let Some(background) = self.background(name).await {
                    done += background.settle(cx).await?;
                }
            }
            if done == 0 {
                return Ok(total);
            }
            total += done;
        }
    }

    /// The work of a domain while it is active.
    pub async fn background(&self, domain: &str) -> Option<Background> {
        let state = self.0.state.lock().await;
        state.cells.iter().find(|cell| cell.domain.name() == domain)?.scope.as_ref()?.background()
    }

    /// Whether the domain works and has finished this tick.
    pub async fn acknowledges(&self, domain: &str, sequence: u64) -> bool {
        let state = self.0.state.lock().await;
        let cell = state.cells.iter().find(|cell| cell.domain.name() == domain);
        let scope = cell.filter(|cell| works(cell)).and_then(|cell| cell.scope.as_ref());
        scope.is_some_and(|scope| scope.acknowledged() >= sequence)
    }

    /// Stops every domain, dependents first, and tells the registry. Returns the names of tasks that did not end in time.
    ///
    /// # Errors
    /// Where the registry could not be told.
    pub async fn stop(&self, cx: &Cx) -> Result<Vec<&'static str>> {
        let mut state = self.0.state.lock().await;
        let scopes: Vec<_> = state.cells.iter_mut().rev().filter_map(|cell| cell.scope.take()).collect();
        let tick = state.published;
        for cell in state.cells.iter_mut().rev() {
            self.enter(cell, DomainState::Inactive, "the process stops", tick, cx);
        }
        self.publish(&state);
        let mut unfinished: Vec<_> = join_all(scopes.into_iter().map(Scope::stop)).await.concat();
        unfinished.extend(self.0.tasks.drain(Duration::from_secs(1)).await.unfinished);
        self.tell(cx).await.map(|()| unfinished)
    }

    /// Carries on between ticks, without asking the database: one that is away must not keep a domain down.
    async fn follow(&self, cx: &Cx, cancel: &CancellationToken) {
        while !cancel.is_cancelled() {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.0.changed.notified() => self.carry_on(cx).await,
            }
        }
    }

    async fn carry_on(&self, cx: &Cx) {
        let mut state = self.0.state.lock().await;
        let sequence = self.0.ticks.borrow().as_ref().map_or(0, |tick| tick.sequence);
        self.evaluate(&mut state, cx, sequence).await;
        self.publish(&state);
    }

    /// Hears orders when they are given, and asks for them now and then.
    async fn hear(&self, cx: &Cx, cancel: &CancellationToken) {
        while !cancel.is_cancelled() {
            let ordered = self.0.db.signals().waiter(DOMAIN_ORDERS);
            if let Err(error) = self.heed(cx).await {
                tracing::warn!(error = error.chain(), "the orders for domains could not be read");
            }
            tokio::select! {
                () = cancel.cancelled() => {}
                _ = timeout(LOOK, ordered.wait()) => {}
            }
        }
    }

    /// Reads new orders and carries them out. Before the first tick, so that what an operator has deactivated stays so.
    ///
    /// # Errors
    /// Where they cannot be read; whatever else is due is done all the same.
    pub async fn heed(&self, cx: &Cx) -> Result<()> {
        let known = self.0.state.lock().await.orders;
        let orders = self.0.registry.orders(cx, known.unwrap_or(0)).await;
        let mut state = self.0.state.lock().await;
        let (tick, heard) = (state.published, state.orders);
        for order in orders.iter().flatten().filter(|order| heard.is_none_or(|number| order.number > number))
        {
            let Some(cell) = state.cells.iter_mut().find(|cell| cell.domain.name() == order.domain) else {
                continue;
            };
            let why = order.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            match order.wish {
                Wish::Deactivate => cell.life.unwanted = Some(format!("deactivated by {}{why}", order.by)),
                Wish::Activate => {
                    cell.life.unwanted = None;
                    cell.life.failures.clear();
                    if cell.life.state == DomainState::Inactive {
                        let reason = format!("activated by {}{why}", order.by);
                        self.enter(cell, DomainState::Waiting, &reason, tick, cx);
                    }
                }
                // One that was given to an earlier process was meant for that.
                Wish::Kill if known.is_some() => {
                    if let Some(scope) = &cell.scope {
                        scope.kill(&format!("{}{why}", order.by));
                    }
                }
                Wish::Kill => {}
            }
        }
        if let Ok(orders) = &orders {
            let newest = orders.last().map_or(0, |order| order.number);
            state.orders = Some(newest.max(state.orders.unwrap_or(0)));
        }
        drop(state);
        self.carry_on(cx).await;
        orders.map(drop)
    }

    /// Takes every domain as far as it can get now.
    async fn evaluate(&self, state: &mut State, cx: &Cx, sequence: u64) {
        let (now, limits) = (cx.now(), &self.0.limits);
        let mut works: BTreeSet<_> =
            state.cells.iter().filter(|cell| self::works(cell)).map(|cell| cell.domain.name()).collect();
        for cell in &mut state.cells {
            while cell.life.failures.front().is_some_and(|at| now.duration_since(*at) > limits.window) {
                cell.life.failures.pop_front();
            }
            let dependencies =
                state.began && cell.domain.manifest.depends_on.iter().all(|needed| works.contains(needed));
            loop {
                let running = match &cell.scope {
                    Some(scope) => scope.running(state.published, cx),
                    None => Running::Nothing,
                };
                match next(&cell.life, &running, dependencies, now, limits) {
                    None => break,
                    Some(Step::Start) => {
                        cell.scope = Some(if self.0.by_hand {
                            Scope::by_hand(&cell.domain, &self.0.db, cx, sequence).await
                        } else {
                            let ticks = self.0.ticks.subscribe();
                            Scope::start(&cell.domain, &self.0.db, cx, &ticks, &self.0.changed, &self.0.tasks)
                        });
                    }
                    Some(Step::Become(to, reason)) => self.enter(cell, to, &reason, sequence, cx),
                }
            }
            if self::works(cell) {
                works.insert(cell.domain.name());
            }
        }
    }

    /// Puts a domain into a state, with everything that belongs to being there.
    fn enter(&self, cell: &mut Cell, to: DomainState, reason: &str, tick: u64, cx: &Cx) {
        use DomainState::{Active, Crashed, Degraded, Inactive, Restarting, Waiting};
        let now = cx.now();
        let from = cell.life.state;
        if from == to {
            return;
        }
        match to {
            Active if from != Degraded || cell.activated_at.is_none() => cell.activated_at = Some(tick),
            Active | Degraded => {}
            Waiting => cell.life.waiting_since = now,
            Crashed => cell.life.failures.push_back(now),
            Restarting | Inactive => {}
        }
        if !matches!(to, Active | Degraded) {
            cell.activated_at = None;
            if let Some(scope) = cell.scope.take() {
                let scope = Mutex::new(Some(scope));
                self.0.tasks.spawn("domain-stop", Kind::Restarting, move |_| {
                    let scope = scope.lock().unwrap_or_else(PoisonError::into_inner).take();
                    async move {
                        if let Some(scope) = scope {
                            scope.stop().await;
                        }
                        Ok(())
                    }
                });
            }
        }
        let domain = cell.domain.name();
        match to {
            Crashed => tracing::error!(domain, reason, "a domain crashed"),
            Degraded => tracing::warn!(domain, reason, "a domain is degraded"),
            _ => tracing::info!(domain, from = %from, to = %to, reason, "a domain changed"),
        }
        cell.life.state = to;
        cell.life.since = now;
        cell.reason = reason.to_owned();
        let node = self.0.node.clone();
        let transition = Transition { node, domain, from, to, reason: reason.to_owned(), tick, at: now };
        self.untold().push_back(transition);
        self.0.happened.notify_one();
    }

    /// Tells the registry what it has not been told yet, in order.
    async fn tell(&self, cx: &Cx) -> Result<()> {
        loop {
            let Some(transition) = self.untold().front().cloned() else { return Ok(()) };
            self.0.registry.record(cx, &transition).await?;
            self.untold().pop_front();
        }
    }

    fn publish(&self, state: &State) {
        let status = |cell: &Cell| DomainStatus {
            manifest: cell.domain.manifest,
            state: cell.life.state,
            since: cell.life.since,
            reason: cell.reason.clone(),
            activated_at: cell.activated_at,
            acknowledged: cell
                .scope
                .as_ref()
                .filter(|scope| scope.background().is_some())
                .map(Scope::acknowledged),
            failures: cell.life.failures.len(),
            restart_at: (cell.life.state == DomainState::Restarting)
                .then(|| cell.life.restart_at(&self.0.limits)),
        };
        let domains = state.cells.iter().map(status).collect();
        let tick = self.0.ticks.borrow().clone();
        self.0.live.publish(Mesh { node: self.0.node.clone(), tick, domains });
    }

    fn untold(&self) -> std::sync::MutexGuard<'_, VecDeque<Transition>> {
        self.0.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether its work is being done.
fn works(cell: &Cell) -> bool {
    cell.activated_at.is_some() && matches!(cell.life.state, DomainState::Active | DomainState::Degraded)
}

/// The domains, each after those that it depends on; otherwise in the order in which they were given.
fn in_order(mut domains: Vec<Domain>) -> Vec<Domain> {
    let mut ordered: Vec<Domain> = Vec::with_capacity(domains.len());
    while !domains.is_empty() {
        let known = |name: &str| ordered.iter().any(|domain| domain.name() == name);
        let ready =
            domains.iter().position(|domain| domain.manifest.depends_on.iter().all(|needed| known(needed)));
        let names = || domains.iter().map(Domain::name).collect::<Vec<_>>().join(", ");
        let ready = ready.unwrap_or_else(|| {
            panic!("domains that depend on what is not there, or on each other: {}", names())
        });
        ordered.push(domains.remove(ready));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use thunderline_core::Manifest;

    use super::*;
    use crate::Work;

    const fn manifest(domain: &'static str, depends_on: &'static [&'static str]) -> Manifest {
        Manifest {
            domain,
            prefix: domain,
            charter: "",
            actions: &[],
            emits: &[],
            consumes: &[],
            jobs: &[],
            ports: &[],
            depends_on,
            required: false,
        }
    }

    static LEFT: Manifest = manifest("left", &["right"]);
    static RIGHT: Manifest = manifest("right", &["left"]);

    #[test]
    #[should_panic(expected = "depend on what is not there, or on each other: left, right")]
    fn domains_that_depend_on_each_other_are_a_mistake_of_the_program() {
        let idle = |manifest| Domain::new(manifest, |_| async { Ok(Work::default()) });
        in_order(vec![idle(&LEFT), idle(&RIGHT)]);
    }
}
