//! thunderflow as something that runs.

use std::sync::Arc;

use thunderflow::{Flow, events::retain, webhooks};
use thunderline_core::SignedDuration;
use thunderline_runtime::{Domain, Done, Pipeline, Policy, Reconciler, Registry, Subscription, Work};
use thunderline_web::Domains;

pub fn domain(domains: &Domains) -> Domain {
    let flow = domains.flow.clone();
    Domain::new(&thunderflow::MANIFEST, move |cx| {
        let flow = flow.clone();
        async move {
            flow.flags.reload(&cx, &flow.db).await?;
            let sorting = Subscription::new(webhooks::sort::CONSUMER, &[], |cx, event, write| {
                Box::pin(webhooks::sort::on_event(cx, event, write))
            });
            let sorting = sorting.in_pipeline(Pipeline::General).with_policy(set_aside(&flow));
            let (retained, reloaded) = (flow.clone(), flow.clone());
            let reconcilers = vec![
                Reconciler::new("flow.retain", SignedDuration::from_hours(1), move |cx| {
                    let flow = retained.clone();
                    async move { retain::retain(&cx, &flow, retain::EVENTS_KEPT).await.map(drop) }
                }),
                Reconciler::new("flow.flags", SignedDuration::from_secs(1), move |cx| {
                    let flow = reloaded.clone();
                    async move { flow.flags.reload(&cx, &flow.db).await }
                }),
            ];
            Ok(Work { jobs: jobs(flow), subscriptions: vec![sorting], reconcilers })
        }
    })
}

fn jobs(flow: Flow) -> Registry {
    let mut jobs = Registry::new();
    jobs.on(move |cx, job: webhooks::deliver::Deliver| {
        let flow = flow.clone();
        async move {
            let pause = webhooks::deliver::deliver(&cx, &flow, job.webhook).await?;
            Ok(pause.map_or(Done::Completed, Done::Snooze))
        }
    });
    jobs
}

/// What consumers do that need not stop at an event that they cannot handle.
pub fn set_aside(flow: &Flow) -> Policy {
    Policy::SetAside(Arc::new(flow.clone()))
}
