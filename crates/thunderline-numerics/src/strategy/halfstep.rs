//! Half a step towards the average.

use super::{Allowed, Kind, Out, Param, Round, Strategy};
use crate::{Result, delta, weighting::By};

pub(super) static KIND: Kind = Kind {
    name: "halfstep",
    paper: "1602.05629",
    params: &[Param::new("step", 0.5, Allowed::Positive)],
    weighting: Some(By::Examples),
    built_in_only: false,
    build: |values| Box::new(HalfStep { step: values.get("step") }),
};

#[derive(Debug)]
struct HalfStep {
    step: f64,
}

impl Strategy for HalfStep {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        let factors: Vec<f64> = round.shares()?.iter().map(|share| self.step * share).collect();
        delta::move_by(round, &factors, out)
    }
}
