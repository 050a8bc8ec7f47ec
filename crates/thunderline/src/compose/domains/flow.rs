//! thunderflow as something that runs.

use thunderflow::events::retain;
use thunderline_core::SignedDuration;
use thunderline_runtime::{Domain, Reconciler, Work};
use thunderline_web::Domains;

pub fn domain(domains: &Domains) -> Domain {
    let flow = domains.flow.clone();
    Domain::new(&thunderflow::MANIFEST, move |_cx| {
        let flow = flow.clone();
        async move {
            let retain = Reconciler::new("flow.retain", SignedDuration::from_hours(1), move |cx| {
                let flow = flow.clone();
                async move { retain::retain(&cx, &flow, retain::EVENTS_KEPT).await.map(drop) }
            });
            Ok(Work { reconcilers: vec![retain], ..Work::default() })
        }
    })
}
