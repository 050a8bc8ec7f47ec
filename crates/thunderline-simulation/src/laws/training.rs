//! Leases, rounds, federations, models.

use std::{collections::BTreeMap, fs, path::Path};

use federation::{Federations, drive, plan};
use thunderline_core::{Cx, NodeId};

use super::{Broken, law};
use crate::{
    facts::{Facts, Federation, Lease, Round},
    model::Model,
    node,
};

pub(crate) fn leases(before: &Facts, after: &Facts) -> Result<(), Broken> {
    let old: BTreeMap<_, &Lease> = before.leases.iter().map(|lease| (lease.id, lease)).collect();
    law!(after.leases.len() >= before.leases.len(), "a lease vanished");
    for lease in &after.leases {
        let id = lease.id;
        let ended = !lease.is_open();
        law!(
            lease.ended_at.is_some() == ended,
            "lease {id} is {} but ended at {:?}",
            lease.state,
            lease.ended_at
        );
        law!(
            (lease.state == "released") == lease.report.is_some(),
            "lease {id} is {} with report {:?}",
            lease.state,
            lease.report
        );
        law!(
            lease.updates == 0 || (lease.state == "released" && lease.purpose == "train"),
            "lease {id} is {} and has an update",
            lease.state
        );
        law!(
            lease.state != "expired" || lease.ended_at >= Some(lease.expires_at),
            "lease {id} expired at {:?}, before its time {}",
            lease.ended_at,
            lease.expires_at
        );
        law!(
            lease.state != "released" || lease.ended_at <= Some(lease.expires_at + LATEST),
            "lease {id} was released at {:?}, long after its time {}",
            lease.ended_at,
            lease.expires_at
        );
        if let Some(old) = old.get(&id) {
            let same =
                (&old.state, old.ended_at, &old.report) == (&lease.state, lease.ended_at, &lease.report);
            law!(old.is_open() || same, "lease {id} had ended as {} and is {} now", old.state, lease.state);
            law!(old.deliveries <= lease.deliveries, "lease {id} was handed out fewer times than before");
        }
        let round = after.rounds.iter().find(|round| round.id == lease.round);
        let round = round.ok_or_else(|| format!("lease {id} has no round"))?;
        law!(ended || !is_over(round), "lease {id} is {} in a round that is {}", lease.state, round.state);
        law!(
            ended || lease.purpose != "train" || round.state == "running",
            "lease {id} is {} although its round is {}",
            lease.state,
            round.state
        );
    }
    Ok(())
}

/// A reply that arrives after its lease's time and before the next drive is still taken; drives are seconds apart.
const LATEST: thunderline_core::SignedDuration = thunderline_core::SignedDuration::from_hours(24);

fn is_over(round: &Round) -> bool {
    matches!(round.state.as_str(), "completed" | "failed" | "timed_out")
}

fn is_final(federation: &Federation) -> bool {
    matches!(federation.state.as_str(), "completed" | "failed" | "cancelled")
}

pub(crate) fn rounds(before: &Facts, after: &Facts) -> Result<(), Broken> {
    let old: BTreeMap<_, &Round> = before.rounds.iter().map(|round| (round.id, round)).collect();
    for round in &after.rounds {
        let id = round.id;
        law!(round.artifacts <= 1, "round {id} has {} models", round.artifacts);
        law!(
            (round.artifacts == 1) == round.model_out.is_some(),
            "round {id} has {} models and names {:?}",
            round.artifacts,
            round.model_out
        );
        law!(
            round.model_out.is_some() || !matches!(round.state.as_str(), "evaluating" | "completed"),
            "round {id} is {} without a model",
            round.state
        );
        if let Some(old) = old.get(&id) {
            law!(!is_over(old) || *old == round, "round {id} was over and has changed: {old:?}, {round:?}");
            law!(
                old.model_out.is_none() || old.model_out == round.model_out,
                "round {id} had another model before"
            );
        }
    }
    for federation in &after.federations {
        let own: Vec<_> = after.rounds.iter().filter(|round| round.federation == federation.id).collect();
        let mut wanted = (1, 1);
        for (index, round) in own.iter().enumerate() {
            law!(
                (round.number, round.attempt) == wanted,
                "round {}.{} of {} came where {}.{} was due",
                round.number,
                round.attempt,
                federation.name,
                wanted.0,
                wanted.1
            );
            law!(
                is_over(round) || index + 1 == own.len(),
                "round {}.{} is {} and not the last",
                round.number,
                round.attempt,
                round.state
            );
            wanted = if round.state == "completed" {
                (round.number + 1, 1)
            } else {
                (round.number, round.attempt + 1)
            };
        }
        let completed: Vec<_> = own.iter().filter(|round| round.state == "completed").collect();
        law!(
            completed.len() == federation.completed_rounds as usize,
            "{} counts {} completed rounds of {}",
            federation.name,
            federation.completed_rounds,
            completed.len()
        );
        let latest = own.iter().rev().find_map(|round| round.model_out.as_ref());
        law!(
            latest.is_none() || latest == federation.model.as_ref(),
            "{} stands at model {:?}, its rounds at {latest:?}",
            federation.name,
            federation.model
        );
    }
    Ok(())
}

pub(crate) fn federations(before: &Facts, after: &Facts) -> Result<(), Broken> {
    for (index, old) in before.federations.iter().enumerate() {
        let now = after.federations.get(index).filter(|now| now.id == old.id);
        let now = now.ok_or_else(|| format!("{} vanished", old.name))?;
        law!(!is_final(old) || old.state == now.state, "{} was {} and is {}", old.name, old.state, now.state);
        let opened = |facts: &Facts| facts.rounds.iter().filter(|round| round.federation == old.id).count();
        let waits = old.state == "paused" && now.state == "paused";
        law!(!waits || opened(before) == opened(after), "{} is paused and began a round", old.name);
    }
    for federation in after.federations.iter().filter(|federation| is_final(federation)) {
        let own = |lease: &&Lease| lease.federation == federation.id && lease.is_open();
        law!(after.leases.iter().find(own).is_none(), "{} is over and has open leases", federation.name);
        let whole = federation.state != "completed" || federation.completed_rounds == federation.rounds_total;
        law!(whole, "{} is completed after {} rounds", federation.name, federation.completed_rounds);
    }
    Ok(())
}

/// Looks into every model: whose replies are in it, and were they made for it?
pub(crate) fn models(
    model: &mut Model,
    facts: &Facts,
    objects: &Path,
    index_of: impl Fn(NodeId) -> Option<usize>,
) -> Result<(), Broken> {
    for round in facts.rounds.iter().filter(|round| round.model_out.is_some()) {
        let released: Vec<_> =
            facts.leases_of(round.id, "train").filter(|lease| lease.state == "released").collect();
        if let Some(count) = model.opened.get(&round.id) {
            law!(
                *count == released.len(),
                "round {} has {} released leases and {count} in its model",
                round.id,
                released.len()
            );
            continue;
        }
        let digest = round.model_out.as_deref().unwrap_or_default();
        let mean = read_model(&objects.join("checkpoints").join(digest))?;
        let found = node::contributors(&mean, released.len());
        let found = found.ok_or_else(|| {
            format!("round {}: {mean:?} is no mean of {} replies", round.id, released.len())
        })?;
        for lease in &released {
            let index = index_of(lease.node).ok_or("a lease of a stranger")?;
            let inside = found.iter().find(|(who, _)| *who == index);
            let (_, number) =
                inside.ok_or_else(|| format!("node {index} was released and is not in the model"))?;
            let made = lease.message.as_ref().and_then(|message| model.made.get(message));
            law!(
                made.is_some_and(|made| made.contains(number)),
                "reply {number} of node {index} is in the model of a round that it was not made for ({made:?})"
            );
        }
        model.opened.insert(round.id, released.len());
    }
    Ok(())
}

/// The elements of a safetensors file of one small array.
fn read_model(path: &Path) -> Result<Vec<f32>, Broken> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let short = || format!("{} is too short", path.display());
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(short)?;
    let data = rest.get(u64::from_le_bytes(*length) as usize..).ok_or_else(short)?;
    let (elements, _) = data.as_chunks::<4>();
    Ok(elements.iter().map(|raw| f32::from_le_bytes(*raw)).collect())
}

/// A finished drive leaves nothing to do.
pub(crate) async fn idle(cx: &Cx, domain: &Federations, facts: &Facts) -> Result<(), Broken> {
    for federation in &facts.federations {
        // A wake-up swallows the one that waits for a deadline; the sweep comes within seconds.
        let late = |lease: &Lease| {
            lease.federation == federation.id && lease.is_open() && lease.expires_at <= cx.now()
        };
        if facts.leases.iter().any(late) {
            continue;
        }
        let view = drive::view(cx, domain, federation.id).await.map_err(|error| error.chain())?;
        let steps = plan::next(&view, cx.now());
        law!(steps.is_empty(), "{} was driven and has left {steps:?}", federation.name);
    }
    Ok(())
}

/// No lease outlives its deadline once its federation was driven after it.
pub(crate) fn none_overdue(facts: &Facts, now: thunderline_core::Timestamp) -> Result<(), Broken> {
    for lease in facts.leases.iter().filter(|lease| lease.is_open()) {
        law!(
            lease.expires_at > now,
            "lease {} was to end at {} and is {} at {now}",
            lease.id,
            lease.expires_at,
            lease.state
        );
    }
    Ok(())
}
