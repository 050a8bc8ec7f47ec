//! Domains become active on ticks, are watched, and come back.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use DomainState::{Active, Crashed, Degraded, Inactive, Restarting, Waiting};
use thunderline_core::{
    Cx, DomainState, Error, Manifest, Order, Result, SignedDuration, Tick, Transition, Wish,
};
use thunderline_runtime::{
    BoxFuture, Domain, DomainRegistry, Host, Limits, Periodic, Reconciler, Tasks, Work,
};
use thunderline_testkit::{TestDb, both};

const fn manifest(domain: &'static str, depends_on: &'static [&'static str], required: bool) -> Manifest {
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
        required,
    }
}

static FIRST: Manifest = manifest("first", &[], true);
static SECOND: Manifest = manifest("second", &["first"], true);
static THIRD: Manifest = manifest("third", &["first", "second"], false);

fn idle(manifest: &'static Manifest) -> Domain {
    Domain::new(manifest, |_| async { Ok(Work::default()) })
}

/// A domain that cannot be made active while the flag is set; counts how often that was tried.
fn broken_while(manifest: &'static Manifest, broken: &Arc<AtomicBool>, tries: &Arc<AtomicUsize>) -> Domain {
    let (broken, tries) = (broken.clone(), tries.clone());
    Domain::new(manifest, move |_| {
        tries.fetch_add(1, Ordering::SeqCst);
        let broken = broken.load(Ordering::SeqCst);
        async move { if broken { Err(Error::unavailable("no disk")) } else { Ok(Work::default()) } }
    })
}

#[derive(Default)]
struct Memory {
    transitions: Mutex<Vec<(&'static str, DomainState, String)>>,
    orders: Mutex<Vec<Order>>,
}

impl Memory {
    fn order(&self, domain: &str, wish: Wish) {
        let mut orders = self.orders.lock().unwrap();
        let number = orders.len() as i64 + 1;
        orders.push(Order { number, domain: domain.into(), wish, by: "user:me".into(), reason: None });
    }

    fn states_of(&self, domain: &str) -> Vec<DomainState> {
        let transitions = self.transitions.lock().unwrap();
        transitions.iter().filter(|(name, ..)| *name == domain).map(|(_, state, _)| *state).collect()
    }
}

impl DomainRegistry for Memory {
    fn record<'a>(&'a self, _: &'a Cx, transition: &'a Transition) -> BoxFuture<'a, Result<()>> {
        let row = (transition.domain, transition.to, transition.reason.clone());
        self.transitions.lock().unwrap().push(row);
        Box::pin(std::future::ready(Ok(())))
    }

    fn orders<'a>(&'a self, _: &'a Cx, after: i64) -> BoxFuture<'a, Result<Vec<Order>>> {
        let orders =
            self.orders.lock().unwrap().iter().filter(|order| order.number > after).cloned().collect();
        Box::pin(std::future::ready(Ok(orders)))
    }
}

/// A host and its clock, both moved by hand.
struct Bench<'a> {
    t: &'a TestDb,
    host: Host,
    memory: Arc<Memory>,
    sequence: u64,
}

impl<'a> Bench<'a> {
    fn by_hand(t: &'a TestDb, domains: Vec<Domain>) -> Self {
        let memory = Arc::<Memory>::default();
        let host = Host::by_hand(&t.system(), "node", t.db(), domains, memory.clone(), Limits::default());
        Self { t, host, memory, sequence: 0 }
    }

    /// A host whose domains are tasks; ticks still come by hand.
    fn with_tasks(t: &'a TestDb, domains: Vec<Domain>) -> Self {
        let memory = Arc::<Memory>::default();
        let host = Host::new(&t.system(), "node", t.db(), domains, memory.clone(), Limits::default());
        Self { t, host, memory, sequence: 0 }
    }

    async fn tick(&mut self) -> Result<()> {
        self.sequence += 1;
        let monotonic = Duration::from_secs(self.sequence);
        let at = self.t.system().now();
        let tick = Tick { node: "node".into(), sequence: self.sequence, monotonic, at, active: 0 };
        self.host.tick(&self.t.system(), tick).await
    }

    async fn ticks(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            self.tick().await?;
        }
        Ok(())
    }

    /// Ticks, giving a healthy domain the time to finish each tick before the next.
    async fn beats(&mut self, count: usize, healthy: &str) -> Result<()> {
        for _ in 0..count {
            self.tick().await?;
            while !self.host.acknowledges(healthy, self.sequence).await {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        Ok(())
    }

    fn state(&self, domain: &str) -> DomainState {
        self.host.live().now().domain(domain).unwrap().state
    }

    /// Waits until the domain's tasks have got it there; ticks are not needed for that.
    async fn reaches(&self, domain: &str, state: DomainState) {
        self.host.live().until(|mesh| mesh.domain(domain).unwrap().state == state).await;
    }

    fn not_ready(&self) -> Vec<&'static str> {
        self.host.live().now().not_ready().map(|status| status.manifest.domain).collect()
    }
}

both!(all_domains_become_active_on_the_first_tick_in_the_order_of_their_dependencies, async |t: TestDb| {
    let mut bench = Bench::by_hand(&t, vec![idle(&THIRD), idle(&SECOND), idle(&FIRST)]);
    bench.host.heed(&t.system()).await?;
    assert_eq!(bench.state("first"), Waiting);
    assert_eq!(bench.not_ready(), ["first", "second"]);
    bench.tick().await?;
    let transitions = bench.memory.transitions.lock().unwrap().clone();
    let activated: Vec<_> =
        transitions.iter().filter(|(_, state, _)| *state == Active).map(|(domain, ..)| *domain).collect();
    assert_eq!(activated, ["first", "second", "third"]);
    assert!(bench.not_ready().is_empty());
    assert_eq!(bench.host.live().now().active(), 3);
    bench.ticks(20).await?;
    assert_eq!(bench.memory.states_of("third"), [Waiting, Active], "later ticks are heartbeats only");
});

both!(without_waiting_for_a_tick_domains_begin_at_once_and_the_registry_is_told, async |t: TestDb| {
    let bench = Bench::by_hand(&t, vec![idle(&FIRST), idle(&SECOND)]);
    bench.host.begin(&t.system()).await?;
    assert_eq!(bench.memory.states_of("second"), [Waiting, Active]);
});

both!(
    a_domain_whose_dependency_is_missing_is_reported_after_thirty_seconds_and_comes_when_it_can,
    async |t: TestDb| {
        let (broken, tries) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let mut bench =
            Bench::by_hand(&t, vec![broken_while(&FIRST, &broken, &tries), idle(&SECOND), idle(&THIRD)]);
        bench.tick().await?;
        assert_eq!((bench.state("first"), bench.state("second")), (Restarting, Waiting));
        t.clock.advance(SignedDuration::from_secs(30));
        bench.tick().await?;
        let mesh = bench.host.live().now();
        let second = mesh.domain("second").unwrap();
        assert_eq!(second.state, Degraded);
        assert!(second.reason.starts_with("tick_timeout"), "{}", second.reason);
        assert_eq!(bench.not_ready(), ["first", "second"]);
        broken.store(false, Ordering::SeqCst);
        t.clock.advance(SignedDuration::from_secs(30));
        bench.tick().await?;
        assert_eq!(["first", "second", "third"].map(|domain| bench.state(domain)), [Active; 3]);
    }
);

both!(a_domain_that_keeps_failing_ends_inactive_and_nothing_else_stops, async |t: TestDb| {
    let (broken, tries) = (Arc::new(AtomicBool::new(true)), Arc::default());
    let mut bench = Bench::by_hand(&t, vec![idle(&FIRST), broken_while(&SECOND, &broken, &tries)]);
    for _ in 0..40 {
        bench.tick().await?;
        t.clock.advance(SignedDuration::from_secs(1));
    }
    assert_eq!((bench.state("first"), bench.state("second")), (Active, Inactive));
    assert_eq!(tries.load(Ordering::SeqCst), 6);
    assert_eq!(bench.not_ready(), ["second"]);
    assert_eq!(bench.memory.states_of("first"), [Waiting, Active]);
    broken.store(false, Ordering::SeqCst);
    bench.ticks(100).await?;
    assert_eq!(bench.state("second"), Inactive, "only an operator brings it back");
    bench.memory.order("second", Wish::Activate);
    bench.tick().await?;
    assert_eq!(bench.state("second"), Active);
});

both!(a_killed_task_takes_its_domain_through_crashed_and_restarting_back_to_active, async |t: TestDb| {
    let mut bench = Bench::with_tasks(&t, vec![idle(&FIRST), idle(&SECOND)]);
    let tasks = Tasks::new();
    bench.host.heed(&t.system()).await?;
    bench.host.start(&tasks, &t.system());
    bench.tick().await?;
    bench.reaches("second", Active).await;
    bench.memory.order("second", Wish::Kill);
    bench.host.heed(&t.system()).await?;
    bench.reaches("second", Restarting).await;
    assert!(bench.host.live().now().domain("first").unwrap().works());
    t.clock.advance(SignedDuration::from_secs(1));
    bench.tick().await?;
    bench.reaches("second", Active).await;
    let unfinished = bench.host.stop(&t.system()).await?;
    assert!(unfinished.is_empty(), "{unfinished:?}");
    tasks.drain(Duration::from_secs(10)).await;
    assert_eq!(bench.memory.states_of("second"), [Waiting, Active, Crashed, Restarting, Active, Inactive]);
    let transitions = bench.memory.transitions.lock().unwrap().clone();
    assert!(transitions.iter().any(|(_, _, reason)| reason.contains("killed by user:me")), "{transitions:?}");
    assert_eq!(bench.memory.states_of("first"), [Waiting, Active, Inactive]);
});

both!(a_reconciler_that_hangs_stops_the_acknowledgements_and_is_restarted, async |t: TestDb| {
    let hangs = Domain::new(&SECOND, |_| async {
        let hang = Reconciler::new("second.hang", SignedDuration::from_secs(1), |_| std::future::pending());
        Ok(Work { reconcilers: vec![hang], ..Work::default() })
    });
    let mut bench = Bench::with_tasks(&t, vec![idle(&FIRST), hangs]);
    bench.host.start(&Tasks::new(), &t.system());
    bench.tick().await?;
    bench.reaches("second", Active).await;
    while bench.host.background("second").await.unwrap().periodic.running() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    t.clock.advance(SignedDuration::from_secs(121));
    bench.beats(2, "first").await?;
    assert_eq!(bench.state("second"), Degraded, "what hangs is told before ticks are missed");
    bench.beats(10, "first").await?;
    bench.reaches("second", Restarting).await;
    assert_eq!(bench.state("first"), Active);
    assert!(bench.memory.states_of("first").iter().all(|state| *state != Degraded));
});

both!(an_activation_that_hangs_holds_up_nobody_and_counts_as_a_failure, async |t: TestDb| {
    static OTHER: Manifest = manifest("other", &[], false);
    let hangs = Domain::new(&SECOND, |_| std::future::pending());
    let mut bench = Bench::with_tasks(&t, vec![idle(&FIRST), hangs, idle(&OTHER)]);
    bench.host.start(&Tasks::new(), &t.system());
    bench.tick().await?;
    bench.reaches("other", Active).await;
    bench.reaches("first", Active).await;
    bench.beats(12, "first").await?;
    bench.reaches("second", Restarting).await;
});

both!(what_was_deactivated_stays_so_in_the_next_process, async |t: TestDb| {
    let mut bench = Bench::by_hand(&t, vec![idle(&FIRST), idle(&THIRD), idle(&SECOND)]);
    bench.tick().await?;
    bench.memory.order("second", Wish::Deactivate);
    bench.tick().await?;
    assert_eq!((bench.state("second"), bench.state("third")), (Inactive, Active));

    let domains = vec![idle(&FIRST), idle(&SECOND), idle(&THIRD)];
    let (cx, memory) = (t.system(), bench.memory.clone());
    let next = Host::by_hand(&cx, "node", t.db(), domains, memory.clone(), Limits::default());
    let mut next = Bench { t: &t, host: next, memory, sequence: 0 };
    next.memory.order("first", Wish::Kill);
    next.ticks(3).await?;
    assert_eq!(["first", "second", "third"].map(|domain| next.state(domain)), [Active, Inactive, Waiting]);
});

both!(a_reconciler_that_fails_again_and_again_degrades_its_domain_until_it_succeeds, async |t: TestDb| {
    let broken = Arc::new(AtomicBool::new(true));
    let seen = broken.clone();
    let fails = Domain::new(&FIRST, move |_| {
        let broken = seen.clone();
        async move {
            let step = Reconciler::new("first.mend", SignedDuration::from_secs(1), move |_| {
                let outcome =
                    if broken.load(Ordering::SeqCst) { Err(Error::unavailable("no disk")) } else { Ok(()) };
                std::future::ready(outcome)
            });
            Ok(Work { reconcilers: vec![step], ..Work::default() })
        }
    });
    let mut bench = Bench::by_hand(&t, vec![fails]);
    bench.tick().await?;
    let periodic: Periodic = bench.host.background("first").await.unwrap().periodic;
    for _ in 0..3 {
        periodic.run_now(&t.system(), "first.mend").await.unwrap_err();
    }
    bench.tick().await?;
    assert_eq!(bench.state("first"), Degraded);
    let mesh = bench.host.live().now();
    let reason = &mesh.domain("first").unwrap().reason;
    assert!(reason.contains("first.mend failed 3 times in a row: no disk"), "{reason}");
    broken.store(false, Ordering::SeqCst);
    periodic.run_now(&t.system(), "first.mend").await?;
    bench.tick().await?;
    assert_eq!(bench.state("first"), Active);
});
