//! Server optimisers: the weighted mean is not the next model but a direction to step in.
//!
//! FedAvgM (Hsu et al. 2019, arXiv 1909.06335) and the adaptive family FedAdagrad, FedAdam, FedYogi (Reddi et al. 2020, arXiv
//! 2003.00295), with Flower's formulas. A step takes the model, the mean and the optimiser's state to the next model and the
//! next state, tile by tile on top of the same fold as the plain mean: memory is O(threads × tile).
//!
//! *Precision.* All arithmetic is in `f64`, on the mean before it is rounded; the model is rounded once to its own type. The
//! state is kept in `f32` beside arrays of 16 and 32 bits and in `f64` beside those of 64: the square of a small step does
//! not exist in 16 bits. Flower computes in the arrays' own type throughout, so its `f32` results differ from these in the
//! last digits.
//!
//! *Integers and booleans* are counters and masks: they have no state and take the weighted mean.

use crate::{
    ArrayReader, ModelSchema, Result, Weighted, kernels, mean,
    state::{self, Pieces},
    tiles::Tile,
};

pub use crate::state::Part;

/// How the mean of the updates becomes the next model. With x the model, x̄ the mean, Δ = x̄ − x; m and v start at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimiser {
    /// m ← β·m − Δ; x ← x − η·m. With η = 1 and β = 0 this is the mean itself, to the last bit.
    Momentum {
        /// η, above 0.
        learning_rate: f64,
        /// β in [0, 1).
        momentum: f64,
    },
    /// v ← v + Δ²; x ← x + η·Δ / (√v + τ).
    Adagrad {
        /// η, above 0.
        eta: f64,
        /// τ, above 0.
        tau: f64,
    },
    /// m ← β₁·m + (1 − β₁)·Δ; v ← β₂·v + (1 − β₂)·Δ²; x ← x + η'·m / (√v + τ), where in round r
    /// η' = η·√(1 − β₂^(r+1)) / (1 − β₁^(r+1)). The exponent is Flower's; Kingma and Ba have r.
    Adam {
        /// η, above 0.
        eta: f64,
        /// β₁ in [0, 1).
        beta_1: f64,
        /// β₂ in [0, 1).
        beta_2: f64,
        /// τ, above 0.
        tau: f64,
    },
    /// m as Adam; v ← v − (1 − β₂)·Δ²·sign(v − Δ²); x ← x + η·m / (√v + τ).
    Yogi {
        /// η, above 0.
        eta: f64,
        /// β₁ in [0, 1).
        beta_1: f64,
        /// β₂ in [0, 1).
        beta_2: f64,
        /// τ, above 0.
        tau: f64,
    },
}

/// What a step starts from.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    /// The model that the updates were trained from.
    pub model: &'a dyn ArrayReader,
    /// What the last step left, with the arrays of [`Optimiser::state_schema`]; nothing before the first step.
    pub state: Option<&'a dyn ArrayReader>,
    /// The round's number, from 1.
    pub round: u32,
}

impl Optimiser {
    fn keeps_first(&self) -> bool {
        match self {
            Self::Momentum { momentum, .. } => *momentum != 0.0,
            Self::Adagrad { .. } => false,
            Self::Adam { .. } | Self::Yogi { .. } => true,
        }
    }

    fn keeps_second(&self) -> bool {
        !matches!(self, Self::Momentum { .. })
    }

    /// The arrays of the state: `m/<array>` for every floating-point array of the model, in order, then `v/<array>`, as
    /// far as the optimiser keeps them. `None` where there is nothing to keep.
    ///
    /// # Errors
    /// `invalid` where the state would be larger than a file can be.
    pub fn state_schema(&self, model: &ModelSchema) -> Result<Option<ModelSchema>> {
        state::schema(model, &[("m", self.keeps_first()), ("v", self.keeps_second())])
    }

    /// One step over a tile: `mean` becomes the next model, `m` and `v` the next state.
    fn step(&self, round: u32, x: &[f64], mean: &mut [f64], m: &mut [f64], v: &mut [f64]) {
        match *self {
            Self::Momentum { learning_rate: 1.0, momentum: 0.0 } => {}
            Self::Momentum { learning_rate, momentum } => {
                for ((&x, mean), m) in x.iter().zip(mean).zip(m) {
                    *m = momentum * *m + (x - *mean);
                    *mean = x - learning_rate * *m;
                }
            }
            Self::Adagrad { eta, tau } => {
                adaptive(x, mean, m, v, [eta, 0.0, tau], |v, square| v + square);
            }
            Self::Adam { eta, beta_1, beta_2, tau } => {
                let power = f64::from(round) + 1.0;
                let eta = eta * (1.0 - libm::pow(beta_2, power)).sqrt() / (1.0 - libm::pow(beta_1, power));
                adaptive(x, mean, m, v, [eta, beta_1, tau], |v, square| beta_2 * v + (1.0 - beta_2) * square);
            }
            Self::Yogi { eta, beta_1, beta_2, tau } => {
                adaptive(x, mean, m, v, [eta, beta_1, tau], |v, square| {
                    // The sign of zero is zero.
                    let sign = f64::from(u8::from(v > square)) - f64::from(u8::from(v < square));
                    v - (1.0 - beta_2) * square * sign
                });
            }
        }
    }
}

fn adaptive(
    x: &[f64],
    mean: &mut [f64],
    m: &mut [f64],
    v: &mut [f64],
    [eta, beta_1, tau]: [f64; 3],
    next: impl Fn(f64, f64) -> f64,
) {
    for (((&x, mean), m), v) in x.iter().zip(mean).zip(m).zip(v) {
        let delta = *mean - x;
        *m = beta_1 * *m + (1.0 - beta_1) * delta;
        *v = next(*v, delta * delta);
        *mean = x + eta * *m / (v.sqrt() + tau);
    }
}

/// Folds the updates to their weighted mean and takes one step of the optimiser. `out` gets, in pieces of any length, the
/// next model's arrays in schema order and, in between, those of the next state's two halves: each part by itself is in
/// order, and the state's file is the whole of [`Part::First`] and then the whole of [`Part::Second`].
///
/// # Errors
/// As [`weighted_mean`](crate::weighted_mean); `invalid` where an element of the next model or state is not finite any
/// more.
pub fn optimised_mean(
    schema: &ModelSchema,
    updates: &[Weighted<'_>],
    optimiser: &Optimiser,
    before: Before<'_>,
    threads: usize,
    out: &mut dyn FnMut(Part, &[u8]) -> Result<()>,
) -> Result<()> {
    let plan = Plan::new(schema, optimiser, before);
    let worker = || {
        let mut stepper = Stepper::default();
        let plan = &plan;
        move |tile: Tile, total: f64, sums: &mut [f64], pieces: &mut Pieces| {
            sums.iter_mut().for_each(|sum| *sum /= total);
            stepper.finish(plan, tile, sums, pieces)
        }
    };
    mean::fold(schema, updates, threads, worker, |tile, pieces| pieces.emit(schema, tile, out))
}

/// What every thread looks at.
struct Plan<'a> {
    optimiser: &'a Optimiser,
    before: Before<'a>,
    /// Where the arrays `m/…` stand in the state's schema, by place in the model's.
    first: Vec<Option<usize>>,
    /// Where the arrays `v/…` stand.
    second: Vec<Option<usize>>,
}

impl<'a> Plan<'a> {
    fn new(schema: &ModelSchema, optimiser: &'a Optimiser, before: Before<'a>) -> Self {
        let first = state::places(schema, optimiser.keeps_first(), 0);
        let kept = first.iter().flatten().count();
        Self { optimiser, before, first, second: state::places(schema, optimiser.keeps_second(), kept) }
    }
}

/// What one thread needs for steps.
#[derive(Default)]
struct Stepper {
    input: Vec<u8>,
    x: Vec<f64>,
    m: Vec<f64>,
    v: Vec<f64>,
}

impl Stepper {
    fn finish(&mut self, plan: &Plan<'_>, tile: Tile, mean: &mut [f64], pieces: &mut Pieces) -> Result<()> {
        pieces.model.resize(tile.bytes(), 0);
        pieces.first.clear();
        pieces.second.clear();
        if tile.dtype.is_float() {
            let (first, second) = (plan.first[tile.array], plan.second[tile.array]);
            let Before { model, state, round } = plan.before;
            tile.read(model, format_args!("the model"), &mut self.input)?;
            kernels::widen(tile.dtype, &self.input, &mut self.x);
            state::load(tile, first, state, &mut self.input, &mut self.m)?;
            state::load(tile, second, state, &mut self.input, &mut self.v)?;
            plan.optimiser.step(round, &self.x, mean, &mut self.m, &mut self.v);
            state::store(tile, first, &mut self.m, &mut pieces.first);
            state::store(tile, second, &mut self.v, &mut pieces.second);
        }
        kernels::finish(tile.dtype, mean, 1.0, &mut pieces.model);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
