//! thunderprism as something that runs.

use thunderline_runtime::{Domain, Pipeline, Subscription, Work};
use thunderline_web::Domains;
use thunderprism::{MANIFEST, project};

pub fn domain(_domains: &Domains) -> Domain {
    Domain::new(&MANIFEST, |_cx| async {
        let decisions = Subscription::new("prism.decisions", project::EVENTS, |cx, event, write| {
            Box::pin(project::on_event(cx, event, write))
        })
        .in_pipeline(Pipeline::General);
        Ok(Work { subscriptions: vec![decisions], ..Work::default() })
    })
}
