//! The geometric median: the point with the smallest weighted sum of distances to the updates, by the smoothed Weiszfeld
//! algorithm (RFA, Pillutla et al. 2019, arXiv 1912.13445).
//!
//! From the weighted mean, each iteration takes v ← Σ βᵢxᵢ / Σ βᵢ with βᵢ = αᵢ / max(ν, ‖v − xᵢ‖), where α are the shares.

use super::{Allowed, Kind, Out, Param, Round, Strategy};
use crate::{
    Result, delta,
    distance::{self, Centre},
    weighting::By,
};

pub(super) static KIND: Kind = Kind {
    name: "geometricmedian",
    paper: "1912.13445",
    params: &[
        Param::new("smoothing", 1e-6, Allowed::Positive),
        Param::new("iterations", 3.0, Allowed::Whole(1, 1000)),
    ],
    weighting: Some(By::Examples),
    built_in_only: false,
    build: |values| {
        let (smoothing, iterations) = (values.get("smoothing"), values.count("iterations"));
        Box::new(GeometricMedian { smoothing, iterations })
    },
};

#[derive(Debug)]
struct GeometricMedian {
    /// ν: nearer than this does not count more.
    smoothing: f64,
    iterations: usize,
}

impl Strategy for GeometricMedian {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        let shares = round.shares()?;
        // The point is always an average of the updates, so its factors say where it is.
        let mut factors = shares.clone();
        for _ in 0..self.iterations {
            let away = distance::from_centre(round, Centre { factors: &factors, state: 0.0 })?;
            let pulls = shares.iter().zip(&away).map(|(share, away)| share / away.max(self.smoothing));
            let pulls: Vec<f64> = pulls.collect();
            let total: f64 = pulls.iter().sum();
            factors = pulls.iter().map(|pull| pull / total).collect();
        }
        delta::move_by(round, &factors, out)
    }
}
