//! Running a script from beginning to end.

use std::fmt;

use crate::{World, fixture::Template, op::Op};

/// How a run went that broke no law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The same for the same history.
    pub trace: u64,
    /// Federations that were submitted.
    pub federations: usize,
    /// Rounds that were completed.
    pub completed_rounds: usize,
    /// Rounds that were not.
    pub failed_rounds: usize,
    /// Updates that were counted.
    pub updates: usize,
    /// Events that were told.
    pub events: usize,
}

/// How a run went that broke one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The position of the operation after which it showed; the script's length where that was at the end.
    pub at: usize,
    /// What was broken.
    pub law: String,
}

impl Failure {
    /// The law without what differs from run to run: names and numbers.
    #[must_use]
    pub fn kind(&self) -> String {
        let plain = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == ',');
        self.law.split(' ').filter(plain).take(8).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after operation {}: {}", self.at, self.law)
    }
}

/// Carries out a script, and then lets everything come to rest.
///
/// # Errors
/// The first law that is broken.
pub async fn run(
    template: &Template,
    seed: u64,
    ops: &[Op],
    mut log: impl FnMut(&Op, &str),
) -> Result<Report, Failure> {
    let fail = |at: usize| move |law: String| Failure { at, law };
    let mut world =
        World::new(template, seed).await.map_err(|error| Failure { at: 0, law: error.chain() })?;
    for (at, op) in ops.iter().enumerate() {
        let outcome = world.apply(op).await.map_err(fail(at))?;
        log(op, &outcome);
    }
    world.come_to_rest().await.map_err(fail(ops.len()))?;
    let facts = world.facts();
    let rounds =
        |state: &[&str]| facts.rounds.iter().filter(|round| state.contains(&round.state.as_str())).count();
    Ok(Report {
        trace: world.trace(),
        federations: facts.federations.len(),
        completed_rounds: rounds(&["completed"]),
        failed_rounds: rounds(&["failed", "timed_out"]),
        updates: facts
            .leases
            .iter()
            .filter(|lease| lease.purpose == "train" && lease.state == "released")
            .count(),
        events: facts.events.len(),
    })
}

/// Carries out the script of a seed.
///
/// # Errors
/// The first law that is broken.
pub async fn run_seed(template: &Template, seed: u64, draw: Draw) -> Result<Report, Failure> {
    run(template, seed, &draw(seed), |_, _| {}).await
}

/// What makes scripts of seeds.
pub type Draw = fn(u64) -> Vec<Op>;
