//! thunderblock as something that runs.

use ::thunderblock::{MANIFEST, jobs::prune, schedules::sweep};
use thunderline_core::SignedDuration;
use thunderline_runtime::{Domain, Reconciler, Registry, Work};
use thunderline_web::Domains;

pub fn domain(domains: &Domains) -> Domain {
    let block = domains.block.clone();
    Domain::new(&MANIFEST, move |_cx| {
        let block = block.clone();
        async move {
            let (pruned, swept) = (block.clone(), block.clone());
            let mut jobs = Registry::new();
            jobs.on(move |cx, _: prune::Prune| {
                let block = block.clone();
                async move { prune::prune(&cx, &block).await.map(drop) }
            });
            let reconcilers = vec![
                Reconciler::new("block.jobs.prune", SignedDuration::from_hours(1), move |cx| {
                    let block = pruned.clone();
                    async move { prune::prune(&cx, &block).await.map(drop) }
                }),
                Reconciler::new("block.schedules", SignedDuration::from_secs(1), move |cx| {
                    let block = swept.clone();
                    async move { sweep::sweep(&cx, &block).await.map(drop) }
                }),
            ];
            Ok(Work { jobs, reconcilers, ..Work::default() })
        }
    })
}
