//! thundergrid as something that runs.

use thundergrid::{actions::expire::expire, project};
use thunderline_core::SignedDuration;
use thunderline_runtime::{Domain, Reconciler, Subscription, Work};
use thunderline_web::Domains;

pub fn domain(domains: &Domains) -> Domain {
    let grid = domains.grid.clone();
    Domain::new(&thundergrid::MANIFEST, move |_cx| {
        let grid = grid.clone();
        async move {
            let nodes = Subscription::new("thundergrid.nodes", project::EVENTS, |cx, event, write| {
                Box::pin(project::on_node_event(cx, event, write))
            });
            let overdue = Reconciler::new("grid.expire", SignedDuration::from_secs(1), move |cx| {
                let grid = grid.clone();
                async move { expire(&cx, &grid).await.map(drop) }
            });
            Ok(Work { subscriptions: vec![nodes], reconcilers: vec![overdue], ..Work::default() })
        }
    })
}
