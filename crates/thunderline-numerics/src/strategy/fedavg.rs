//! FedAvg: the average weighted by examples (McMahan et al. 2017, arXiv 1602.05629).

use super::{Kind, Out, Part, Round, Strategy};
use crate::{Result, weighted_mean, weighting::By};

pub(super) static KIND: Kind = Kind {
    name: "fedavg",
    paper: "1602.05629",
    params: &[],
    weighting: Some(By::Examples),
    built_in_only: false,
    build: |_| Box::new(FedAvg),
};

/// x̄.
#[derive(Debug)]
struct FedAvg;

impl Strategy for FedAvg {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        mean(round, out)
    }
}

/// Writes the weighted mean of the updates.
pub(super) fn mean(round: &Round<'_>, out: Out<'_>) -> Result<()> {
    weighted_mean(round.schema, &round.weighted(), round.threads, &mut |piece| out(Part::Model, piece))
}
