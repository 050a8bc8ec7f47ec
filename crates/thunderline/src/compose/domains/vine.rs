//! thundervine as something that runs.

use thunderline_runtime::{Domain, Subscription, Work};
use thunderline_web::Domains;
use thundervine::{MANIFEST, lineage};

pub fn domain(_domains: &Domains) -> Domain {
    Domain::new(&MANIFEST, |_cx| async {
        let lineage = Subscription::new("vine.lineage", lineage::project::EVENTS, |cx, event, write| {
            Box::pin(lineage::project::on_event(cx, event, write))
        });
        Ok(Work { subscriptions: vec![lineage], ..Work::default() })
    })
}
