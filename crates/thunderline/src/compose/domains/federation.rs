//! Federated training as something that runs.

use ::federation::{MANIFEST, drive, drive::Driven, project};
use thunderline_core::SignedDuration;
use thunderline_runtime::{Domain, Done, Reconciler, Registry, Subscription, Work};
use thunderline_web::Domains;

pub fn domain(domains: &Domains) -> Domain {
    let federations = domains.federations.clone();
    Domain::new(&MANIFEST, move |_cx| {
        let federations = federations.clone();
        async move {
            let mut jobs = Registry::new();
            let (driven, swept, cleaned) = (federations.clone(), federations.clone(), federations);
            jobs.on_stoppable(move |cx, job: drive::Drive, stopping| {
                let domain = driven.clone();
                async move {
                    Ok(match drive::drive_until(&cx, &domain, job.federation, &stopping).await? {
                        Driven::Through => Done::Completed,
                        Driven::Stopped => Done::Snooze(SignedDuration::ZERO),
                    })
                }
            });
            let nodes = Subscription::new("federation.nodes", project::EVENTS, |cx, event, write| {
                Box::pin(project::on_node_event(cx, event, write))
            });
            let reconcilers = vec![
                Reconciler::new("federation.sweep", SignedDuration::from_secs(5), move |cx| {
                    let domain = swept.clone();
                    async move { drive::sweep(&cx, &domain).await.map(drop) }
                }),
                Reconciler::new("federation.uploads", SignedDuration::from_hours(1), move |cx| {
                    let domain = cleaned.clone();
                    async move { drive::sweep_uploads(&cx, &domain).await.map(drop) }
                }),
            ];
            Ok(Work { jobs, subscriptions: vec![nodes], reconcilers })
        }
    })
}
