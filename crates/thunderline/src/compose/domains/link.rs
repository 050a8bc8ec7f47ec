//! thunderlink as something that runs.

use thunderline_core::SignedDuration;
use thunderline_runtime::{Domain, Reconciler, Work};
use thunderline_web::Domains;
use thunderlink::{heartbeats, presence, refresh};

pub fn domain(domains: &Domains) -> Domain {
    let links = domains.links.clone();
    Domain::new(&thunderlink::MANIFEST, move |cx| {
        let links = links.clone();
        async move {
            let returning = presence::restore(&cx, &links).await?;
            tracing::info!(nodes = returning, "nodes that were there before are expected back");
            let second = SignedDuration::from_secs(1);
            let every = [links.clone(), links.clone(), links.clone(), links.clone(), links];
            let [silent, orphaned, committed, counted, old] = every;
            let reconcilers = vec![
                Reconciler::new("link.expire", second, move |cx| {
                    let links = silent.clone();
                    async move { presence::expire(&cx, &links).await.map(drop) }
                }),
                Reconciler::new("link.adopt", second * 10, move |cx| {
                    let links = orphaned.clone();
                    async move { presence::restore(&cx, &links).await.map(drop) }
                }),
                Reconciler::new("link.refresh", second, move |cx| {
                    let links = committed.clone();
                    async move { refresh::refresh(&cx, &links).await.map(drop) }
                }),
                Reconciler::new("link.heartbeats", second, move |cx| {
                    let links = counted.clone();
                    async move { heartbeats::record(&cx, &links).await.map(drop) }
                }),
                Reconciler::new("link.prune", SignedDuration::from_mins(10), move |cx| {
                    let links = old.clone();
                    async move { heartbeats::prune(&cx, &links).await.map(drop) }
                }),
            ];
            Ok(Work { reconcilers, ..Work::default() })
        }
    })
}
