//! Once nothing fails any more.

use std::path::Path;

use super::{Broken, law};
use crate::facts::Facts;

/// True where every federation that nobody paused is over.
pub(crate) fn is_reached(facts: &Facts) -> bool {
    let over = |state: &str| matches!(state, "completed" | "failed" | "cancelled" | "paused");
    facts.federations.iter().all(|federation| over(&federation.state))
        && facts.jobs.iter().all(|job| job.state != "running")
        && facts.domains.values().all(|state| state == "active")
}

/// Nothing is left undone.
pub(crate) fn reached(facts: &Facts, objects: &Path) -> Result<(), Broken> {
    let down: Vec<_> = facts.domains.iter().filter(|(_, state)| *state != "active").collect();
    law!(down.is_empty(), "in spite of time and ticks these domains do not work: {down:?}");
    let active = facts.federations.iter().filter(|one| matches!(one.state.as_str(), "created" | "running"));
    let active: Vec<_> = active.map(|one| (&one.name, &one.state)).collect();
    law!(
        active.is_empty(),
        "in spite of time and nodes these are not over: {active:?}, {:#?}",
        facts.rounds.last()
    );
    for (number, wished, granted) in &facts.wishes {
        law!(wished == granted, "wish {number} was made {wished} times and granted for {granted}");
    }
    law!(
        facts.trail.len() == facts.events.len(),
        "{} of {} events were heard",
        facts.trail.len(),
        facts.events.len()
    );
    for job in &facts.jobs {
        law!(job.state != "running", "job {} {} runs for ever", job.name, job.key);
    }
    let paused = |id: &str| {
        facts.rounds.iter().any(|round| {
            let waits = facts.federation(round.federation).is_some_and(|one| one.state == "paused");
            round.id.to_string() == id && waits
        })
    };
    if let Ok(left) = std::fs::read_dir(objects.join("rounds")) {
        for entry in left.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            law!(paused(&name), "the uploads of round {name} were never thrown away");
        }
    }
    Ok(())
}
