//! thunderblock as something that runs.

use thunderline_core::SignedDuration;
use thunderline_runtime::{Domain, Reconciler, Work};
use thunderline_store::Retention;
use thunderline_web::Domains;

pub fn domain(domains: &Domains) -> Domain {
    let db = domains.db.clone();
    Domain::new(&thunderblock::MANIFEST, move |_cx| {
        let db = db.clone();
        async move {
            let prune = Reconciler::new("block.jobs.prune", SignedDuration::from_hours(1), move |cx| {
                let db = db.clone();
                async move { db.jobs().prune(&cx, &Retention::default()).await.map(drop) }
            });
            Ok(Work { reconcilers: vec![prune], ..Work::default() })
        }
    })
}
