//! What workflows can do in other domains: one file an action. Vine asks through its port; only here both sides are known.

mod federation_cancel;
mod federation_submit;

use std::sync::Arc;

use thunderline_web::Domains;
use thundervine::{
    Vine,
    workflow::catalogue::{Catalogue, StepAction},
};

/// The same domains, their workflows able to use the others.
#[must_use]
pub fn connect(domains: Domains) -> Domains {
    let federations = domains.federations.clone();
    let ports: Vec<Arc<dyn StepAction>> = vec![
        Arc::new(federation_submit::Submit(federations.clone())),
        Arc::new(federation_cancel::Cancel(federations)),
    ];
    let vine = Vine::with_catalogue(domains.db.clone(), Catalogue::new(ports));
    Domains { vine, ..domains }
}
