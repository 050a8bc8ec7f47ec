//! Jobs.

use std::collections::BTreeSet;

use super::{Broken, law};
use crate::{facts::Facts, model::Model};

pub(crate) fn jobs(model: &Model, before: &Facts, after: &Facts) -> Result<(), Broken> {
    for state in ["available", "running"] {
        let mut seen = BTreeSet::new();
        for job in after.jobs.iter().filter(|job| job.state == state) {
            law!(seen.insert((&job.name, &job.key)), "two jobs {} {} are {state}", job.name, job.key);
        }
    }
    for job in &after.jobs {
        law!(
            job.last_error.is_none() || model.troubled,
            "job {} {} failed although nothing is wrong: {:?}",
            job.name,
            job.key,
            job.last_error
        );
        law!(job.state != "discarded", "job {} {} was given up: {:?}", job.name, job.key, job.last_error);
        let ended = |state: &str| matches!(state, "completed" | "cancelled");
        if let Some(old) = before.jobs.iter().find(|old| old.id == job.id) {
            law!(old.token <= job.token, "job {} {} went back to token {}", job.name, job.key, job.token);
            law!(
                !ended(&old.state) || old.state == job.state,
                "job {} {} was {} and is {}",
                job.name,
                job.key,
                old.state,
                job.state
            );
        }
    }
    Ok(())
}
