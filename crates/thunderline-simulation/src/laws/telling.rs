//! Events and who hears them.

use std::{collections::BTreeMap, rc::Rc};

use thunderline_core::{Envelope, NodeId};

use super::{Broken, law};
use crate::facts::Facts;

/// Events are only ever added, with growing numbers.
pub(crate) fn events(before: &Facts, after: &Facts) -> Result<(), Broken> {
    // `after` was read on from `before`: what is compared is what was added.
    let added = &after.events[before.events.len()..];
    let mut last = before.last_sequence();
    for event in added {
        law!(event.sequence > last, "event {} came after {last}", event.sequence);
        last = event.sequence;
    }
    law!(after.audited >= before.audited, "audit rows vanished");
    Ok(())
}

fn count<'a>(events: &'a [Rc<Envelope>], name: &str, field: &str) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for event in events.iter().filter(|event| event.name == name) {
        *counts.entry(event.payload[field].as_str().unwrap_or_default()).or_default() += 1;
    }
    counts
}

/// As many events of each kind as the rows say.
pub(crate) fn told_once(facts: &Facts) -> Result<(), Broken> {
    let events = &facts.events;
    let issued = count(events, "fl.client.lease_issued", "lease");
    let accepted = count(events, "fl.client.update_accepted", "lease");
    let dropped = count(events, "fl.client.dropped", "lease");
    for lease in &facts.leases {
        let id = lease.id.to_string();
        let told = |counts: &BTreeMap<&str, usize>| counts.get(id.as_str()).copied().unwrap_or(0);
        let ends = matches!(lease.state.as_str(), "expired" | "dropped");
        let wanted = (1, usize::from(lease.state == "released"), usize::from(ends));
        let found = (told(&issued), told(&accepted), told(&dropped));
        law!(
            found == wanted,
            "lease {id} is {}; it was told to be issued, accepted, dropped {found:?} times, not {wanted:?}",
            lease.state
        );
    }
    let total = |counts: &BTreeMap<&str, usize>| counts.len();
    law!(total(&issued) == facts.leases.len(), "events tell of leases that do not exist");
    let completed = count(events, "fl.round.completed", "round_id");
    let failed = count(events, "fl.round.failed", "round_id");
    let cancelled =
        |federation| facts.federation(federation).is_some_and(|federation| federation.state == "cancelled");
    for round in &facts.rounds {
        let id = round.id.to_string();
        let told = |counts: &BTreeMap<&str, usize>| counts.get(id.as_str()).copied().unwrap_or(0);
        let (well, badly) = (told(&completed), told(&failed));
        law!(
            well == usize::from(round.state == "completed"),
            "round {id} is {}, told completed {well} times",
            round.state
        );
        // The round that a cancellation ends is not told of by itself.
        let may = usize::from(matches!(round.state.as_str(), "failed" | "timed_out"));
        let must = if cancelled(round.federation) { 0 } else { may };
        law!((must..=may).contains(&badly), "round {id} is {}, told failed {badly} times", round.state);
    }
    for federation in &facts.federations {
        let id = federation.id.to_string();
        for (name, state) in [
            ("fl.federation.created", None),
            ("fl.federation.completed", Some("completed")),
            ("fl.federation.failed", Some("failed")),
            ("fl.federation.cancelled", Some("cancelled")),
        ] {
            let told = events
                .iter()
                .filter(|event| event.name == name && event.payload["federation"] == id.as_str());
            let wanted = usize::from(state.is_none_or(|state| federation.state == state));
            let found = told.count();
            law!(
                found == wanted,
                "{} is {}; {name} was told {found} times",
                federation.name,
                federation.state
            );
        }
    }
    Ok(())
}

/// What consumers know is what they have heard, and they have heard all up to their cursors, in order.
pub(crate) fn heard(facts: &Facts) -> Result<(), Broken> {
    let cursor = |consumer: &str| facts.cursors.get(consumer).copied().unwrap_or(0);
    let at = cursor("sim.trail");
    let told = facts.events.iter().filter(|event| event.sequence <= at).map(|event| event.sequence);
    let heard = facts.trail.iter().map(|(sequence, _)| *sequence);
    law!(
        told.clone().eq(heard),
        "the cursor stands at {at}: {} events were told up to there and {} were heard",
        told.count(),
        facts.trail.len()
    );
    let at = cursor("federation.nodes");
    let mut known: BTreeMap<NodeId, bool> = BTreeMap::new();
    for event in facts.events.iter().filter(|event| event.sequence <= at) {
        match (event.name.as_str(), node_of(event)) {
            ("link.node.joined", Some(node)) => _ = known.insert(node, true),
            ("link.node.left", Some(node)) => {
                known.entry(node).and_modify(|online| *online = false);
            }
            _ => {}
        }
    }
    law!(known == facts.known, "federation knows {:?} at {at}, but heard {known:?}", facts.known);
    // What was told adds up to what is.
    let mut told: BTreeMap<NodeId, bool> = BTreeMap::new();
    for event in &facts.events {
        match (event.name.as_str(), node_of(event)) {
            ("link.node.joined", Some(node)) => _ = told.insert(node, true),
            ("link.node.left", Some(node)) => _ = told.insert(node, false),
            _ => {}
        }
    }
    let is: BTreeMap<NodeId, bool> =
        facts.nodes.iter().map(|(node, state)| (*node, state == "online")).collect();
    law!(told == is, "nodes are {is:?}, but what was told adds up to {told:?}");
    Ok(())
}

/// Of a job's attempts only the one that holds it leaves an effect, and only once.
pub(crate) fn effects(facts: &Facts) -> Result<(), Broken> {
    let mut latest: BTreeMap<&str, i64> = BTreeMap::new();
    for event in facts.events.iter().filter(|event| event.name == "sim.wish.granted") {
        let job = event.payload["job"].as_str().unwrap_or_default();
        let token = event.payload["token"].as_i64().unwrap_or_default();
        let earlier = latest.insert(job, token).unwrap_or(0);
        law!(token > earlier, "attempt {token} at job {job} left an effect after attempt {earlier}");
    }
    Ok(())
}

fn node_of(event: &Envelope) -> Option<NodeId> {
    serde_json::from_value(event.payload["node"].clone()).ok()
}
