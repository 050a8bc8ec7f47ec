//! What clients were told.

use std::collections::BTreeMap;

use thunderline_core::Timestamp;

use super::{Broken, law};
use crate::{
    facts::{Facts, Lease},
    model::Model,
};

pub(crate) fn kept(model: &Model, facts: &Facts, now: Timestamp) -> Result<(), Broken> {
    for id in &model.submitted {
        law!(facts.federation(*id).is_some(), "federation {id} was accepted and does not exist");
    }
    let mut names = BTreeMap::new();
    for federation in &facts.federations {
        let earlier = names.insert(&federation.name, federation.id);
        law!(earlier.is_none(), "there are two of {}: a request was done twice", federation.name);
    }
    let by_message: BTreeMap<&str, &Lease> =
        facts.leases.iter().filter_map(|lease| Some((lease.message.as_deref()?, lease))).collect();
    for message in &model.given {
        law!(by_message.contains_key(message.as_str()), "a task was given, and nothing says so at {now}");
    }
    for message in &model.taken {
        let lease = by_message.get(message.as_str());
        law!(
            lease.is_some_and(|lease| !lease.is_open()),
            "a reply was taken, but its lease is {:?}",
            lease.map(|lease| &lease.state)
        );
    }
    Ok(())
}
