//! Centred clipping: the mean of the updates, each brought within a radius of where the last round went (Karimireddy et al.
//! 2021, arXiv 2012.10333).
//!
//! With uᵢ = xᵢ − x and v what the last round moved the model by (0 at first), each iteration takes
//! v ← v + Σ αᵢ (uᵢ − v) min(1, τ / ‖uᵢ − v‖), where α are the shares; then x ← x + v, and v is kept.

use super::{Allowed, Kind, Out, Param, Round, Strategy};
use crate::{
    ModelSchema, Result,
    delta::{self, Elements, Factors},
    distance::{self, Centre},
    state,
    weighting::By,
};

pub(super) static KIND: Kind = Kind {
    name: "centeredclipping",
    paper: "2012.10333",
    params: &[
        Param::new("clipping_radius", 10.0, Allowed::Positive),
        Param::new("iterations", 1.0, Allowed::Whole(1, 1000)),
    ],
    weighting: Some(By::Uniform),
    built_in_only: false,
    build: |values| {
        let (radius, iterations) = (values.get("clipping_radius"), values.count("iterations"));
        Box::new(CenteredClipping { radius, iterations })
    },
};

#[derive(Debug)]
struct CenteredClipping {
    radius: f64,
    iterations: usize,
}

impl Strategy for CenteredClipping {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        let shares = round.shares()?;
        // v is always kept·(the last v) + Σ factorᵢ·uᵢ, so these numbers say what it is.
        let (mut kept, mut factors) = (1.0, vec![0.0; shares.len()]);
        for _ in 0..self.iterations {
            let state = if round.state.is_some() { kept } else { 0.0 };
            let away = distance::from_centre(round, Centre { factors: &factors, state })?;
            let pulls: Vec<f64> =
                shares.iter().zip(&away).map(|(share, away)| share * clip(*away, self.radius)).collect();
            let rest = 1.0 - pulls.iter().sum::<f64>();
            kept *= rest;
            factors.iter_mut().zip(&pulls).for_each(|(factor, pull)| *factor = *factor * rest + pull);
        }
        let step = |it: Elements<'_>| {
            for ((x, sum), v) in it.x.iter().zip(it.sum).zip(it.kept) {
                *v = kept * *v + *sum;
                *sum = x + *v;
            }
        };
        delta::step(round, Factors { sum: &factors, other: None }, true, step, out)
    }

    fn state(&self, model: &ModelSchema) -> Result<Option<ModelSchema>> {
        state::schema(model, &[("v", true)])
    }
}

/// What brings a length within the radius.
pub(super) fn clip(length: f64, radius: f64) -> f64 {
    if length > radius { radius / length } else { 1.0 }
}
