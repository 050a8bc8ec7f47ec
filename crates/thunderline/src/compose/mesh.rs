//! The domain mesh of a server: its host, its clock, and who keeps what happens.

use std::{sync::Arc, time::Duration};

use thunderblock::{Block, registry};
use thunderline_core::{Cx, Order, Result, Transition};
use thunderline_runtime::{BoxFuture, DomainRegistry, Host, Kind, Limits, Tasks};
use thunderline_web::Domains;
use thunderlink::tick::TickGenerator;
use tokio::{
    sync::Mutex,
    time::{Instant, MissedTickBehavior, interval},
};

use super::domains;

struct Registry(Block);

impl DomainRegistry for Registry {
    fn record<'a>(&'a self, cx: &'a Cx, transition: &'a Transition) -> BoxFuture<'a, Result<()>> {
        Box::pin(registry::record(cx, &self.0, transition))
    }

    fn orders<'a>(&'a self, cx: &'a Cx, after: i64) -> BoxFuture<'a, Result<Vec<Order>>> {
        Box::pin(registry::orders(cx, &self.0, after))
    }
}

/// Who keeps what happens to domains, and what operators want of them.
#[must_use]
pub fn registry(domains: &Domains) -> Arc<dyn DomainRegistry> {
    Arc::new(Registry(domains.block.clone()))
}

/// The host of all domains of this process.
pub fn host(cx: &Cx, node: &str, domains: &Domains) -> Host {
    Host::new(cx, node, &domains.db, domains::all(domains), registry(domains), Limits::default())
}

/// Starts the host and its clock; the first tick is at once. Resolves when whatever an operator deactivated is known.
pub async fn start(tasks: &Tasks, cx: &Cx, host: &Host, generator: TickGenerator) -> Result<()> {
    host.heed(cx).await?;
    host.start(tasks, cx);
    let (host, cx, began) = (host.clone(), cx.clone(), Instant::now());
    let generator = Arc::new(Mutex::new(generator));
    tasks.spawn("ticks", Kind::Vital, move |cancel| {
        let (host, cx, generator) = (host.clone(), cx.clone(), generator.clone());
        async move {
            let mut generator = generator.lock().await;
            let mut beats = interval(generator.interval());
            // A process that was held up has missed ticks; it must not make up for them all at once.
            beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    _ = beats.tick() => {}
                }
                let tick = generator.tick(began.elapsed(), cx.now(), host.live().now().active());
                let (sequence, active) = (tick.sequence, tick.active);
                let asked = Instant::now();
                host.tick(&cx, tick).await?;
                let latency_ns = u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX);
                tracing::trace!(target: "thunderline.tick", sequence, active, latency_ns);
            }
        }
    });
    Ok(())
}

/// Waits until the first tick has made active what it can, so that the first request finds the domains; not for longer.
pub async fn first_tick(host: &Host) {
    let live = host.live();
    let ready = live.until(|mesh| mesh.not_ready().next().is_none());
    let _late = tokio::time::timeout(Duration::from_secs(2), ready).await;
}
