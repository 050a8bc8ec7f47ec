//! FedNova: updates divided by how far each client's optimiser could go, so that those who take more steps do not bend the
//! objective (Wang et al. 2020, arXiv 2007.07481).
//!
//! With shares p and τᵢ = ‖aᵢ‖₁, the effective number of local steps: x ← x + (Σ pᵢτᵢ) · Σ pᵢ (xᵢ − x) / τᵢ. Clients report τᵢ
//! as `step-norm`, or leave it out where it is the number of steps, `num-steps`: for plain SGD.

use std::collections::BTreeMap;

use super::{Kind, Out, Round, Strategy, require};
use crate::{Error, Result, delta, weighting::By};

/// The metric by which clients report ‖aᵢ‖₁.
const STEP_NORM: &str = "step-norm";
/// The metric by which clients report how many steps they took.
pub(super) const NUM_STEPS: &str = "num-steps";

pub(super) static KIND: Kind = Kind {
    name: "fednova",
    paper: "2007.07481",
    params: &[],
    weighting: Some(By::Examples),
    built_in_only: false,
    build: |_| Box::new(FedNova),
};

#[derive(Debug)]
struct FedNova;

impl Strategy for FedNova {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        let shares = round.shares()?;
        let steps: Vec<f64> = round
            .updates
            .iter()
            .map(|update| update.metrics.get(STEP_NORM).or_else(|| update.metrics.get(NUM_STEPS)).copied())
            .collect::<Option<_>>()
            .ok_or_else(|| Error::internal("an accepted update lacks the number of its steps"))?;
        let effective: f64 = shares.iter().zip(&steps).map(|(share, steps)| share * steps).sum();
        let factors: Vec<f64> =
            shares.iter().zip(&steps).map(|(share, steps)| effective * share / steps).collect();
        delta::move_by(round, &factors, out)
    }

    fn check_metrics(&self, metrics: &BTreeMap<String, f64>) -> Result<()> {
        let name = if metrics.contains_key(STEP_NORM) { STEP_NORM } else { NUM_STEPS };
        check_steps(metrics, name)
    }
}

/// A number of steps: what is refused would divide by almost nothing, or drown all others.
pub(super) fn check_steps(metrics: &BTreeMap<String, f64>, name: &'static str) -> Result<()> {
    require(metrics, name, |steps| (1.0..=1e9).contains(&steps), "a number from 1 to 1e9")
}
