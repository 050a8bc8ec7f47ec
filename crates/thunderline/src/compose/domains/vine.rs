//! thundervine as something that runs.

use thunderline_core::SignedDuration;
use thunderline_runtime::{Domain, Reconciler, Registry, Subscription, Work};
use thunderline_web::Domains;
use thundervine::{
    MANIFEST, lineage,
    workflow::{drive, project},
};

pub fn domain(domains: &Domains) -> Domain {
    let vine = domains.vine.clone();
    Domain::new(&MANIFEST, move |_cx| {
        let vine = vine.clone();
        async move {
            let mut jobs = Registry::new();
            let (driven, swept) = (vine.clone(), vine);
            jobs.on(move |cx, job: drive::Drive| {
                let vine = driven.clone();
                async move { drive::drive(&cx, &vine, job.execution).await }
            });
            let lineage = Subscription::new("vine.lineage", lineage::project::EVENTS, |cx, event, write| {
                Box::pin(lineage::project::on_event(cx, event, write))
            });
            let outcomes = Subscription::new("vine.outcomes", project::EVENTS, |cx, event, write| {
                Box::pin(project::on_event(cx, event, write))
            });
            let sweep = Reconciler::new("vine.sweep", SignedDuration::from_secs(10), move |cx| {
                let vine = swept.clone();
                async move { drive::sweep(&cx, &vine).await.map(drop) }
            });
            Ok(Work { jobs, subscriptions: vec![lineage, outcomes], reconcilers: vec![sweep] })
        }
    })
}
