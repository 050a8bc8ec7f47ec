//! thunderprism as something that runs.

use thunderline_runtime::{Domain, Pipeline, Subscription, Work};
use thunderline_web::Domains;
use thunderprism::{MANIFEST, project};

use super::flow::set_aside;

pub fn domain(domains: &Domains) -> Domain {
    let policy = set_aside(&domains.flow);
    Domain::new(&MANIFEST, move |_cx| {
        let policy = policy.clone();
        async move {
            let decisions = Subscription::new("prism.decisions", project::EVENTS, |cx, event, write| {
                Box::pin(project::on_event(cx, event, write))
            });
            let decisions = decisions.in_pipeline(Pipeline::General).with_policy(policy);
            Ok(Work { subscriptions: vec![decisions], ..Work::default() })
        }
    })
}
