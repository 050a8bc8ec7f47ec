//! thunderlink as something that runs.

use thunderline_core::SignedDuration;
use thunderline_runtime::{Domain, Reconciler, Work};
use thunderline_web::Domains;

pub fn domain(domains: &Domains) -> Domain {
    let links = domains.links.clone();
    Domain::new(&thunderlink::MANIFEST, move |cx| {
        let links = links.clone();
        async move {
            let nodes = thunderlink::presence::restore(&cx, &links).await?;
            tracing::info!(nodes, "nodes that were there before are expected back");
            let expire = Reconciler::new("link.expire", SignedDuration::from_secs(1), move |cx| {
                let links = links.clone();
                async move { thunderlink::presence::expire(&cx, &links).await.map(drop) }
            });
            Ok(Work { reconcilers: vec![expire], ..Work::default() })
        }
    })
}
