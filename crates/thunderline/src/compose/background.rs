//! What runs in the background: jobs, subscriptions between domains, and what is mended again and again.

use federation::{Federations, drive};
use thunderline_core::SignedDuration;
use thunderline_runtime::{Background, Periodic, Reconciler, Registry, Relay, Subscription, Worker};
use thunderlink::Links;

/// Federations that are carried on at the same time.
const CONCURRENCY: usize = 4;
/// How long finished jobs and idempotency keys are remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The background work of a server.
#[must_use]
pub fn background(federations: &Federations, links: &Links) -> Background {
    let mut registry = Registry::new();
    let domain = federations.clone();
    registry.on(move |cx, job: drive::Drive| {
        let domain = domain.clone();
        async move { drive::drive(&cx, &domain, job.federation).await }
    });
    let nodes = Subscription::new("federation.nodes", federation::project::EVENTS, |cx, event, write| {
        Box::pin(federation::project::on_node_event(cx, event, write))
    });
    let db = federations.db.clone();
    let (sweeping, cleaning, expiring, pruned) =
        (federations.clone(), federations.clone(), links.clone(), db.clone());
    let periodic = vec![
        Reconciler::new("federation.sweep", SignedDuration::from_secs(5), move |cx| {
            let domain = sweeping.clone();
            async move { drive::sweep(&cx, &domain).await.map(drop) }
        }),
        Reconciler::new("federation.uploads", SignedDuration::from_hours(1), move |cx| {
            let domain = cleaning.clone();
            async move { drive::sweep_uploads(&cx, &domain).await.map(drop) }
        }),
        Reconciler::new("link.expire", SignedDuration::from_secs(1), move |cx| {
            let links = expiring.clone();
            async move { thunderlink::presence::expire(&cx, &links).await.map(drop) }
        }),
        Reconciler::new("jobs.prune", SignedDuration::from_hours(1), move |cx| {
            let db = pruned.clone();
            async move { db.jobs().prune(cx.now() - REMEMBERED).await.map(drop) }
        }),
    ];
    Background {
        worker: Worker::new(db.clone(), registry, &format!("server-{}", std::process::id()), CONCURRENCY),
        relay: Relay::new(db, vec![nodes]),
        periodic: Periodic::new(periodic),
    }
}
