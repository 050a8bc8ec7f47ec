//! Noise that is correlated over rounds by a banded matrix: DP-FTRL as a matrix mechanism (Denisov et al. 2022, arXiv
//! 2202.08312; Choquette-Choo et al. 2023, arXiv 2306.08153) whose *inverse* has bands (Kalinin et al. 2025, arXiv 2505.12128).
//!
//! Round t is released with the noise w_t = z_t − f_1·z_{t−1} − … − f_{b−1}·z_{t−b+1} of independent normals z: the noise of a
//! round is taken away again in the rounds that follow, but for a residue, and what is in the model after many rounds is little
//! more than the last few rounds' noise. In matrices: x + D·z = D·(C·x + z) with D = 1 − f_1·S − … (S shifts by one round) and
//! C = D⁻¹, so that the release is made from C·x + z alone, which neighbours move by |C·x − C·x'| at most: the
//! [sensitivity](Band::squared_sensitivity). D has bands instead of C, as in 2405.13763 and 2306.08153, because z_{t−1}… can be
//! drawn again from their keys: no noise is kept from round to round.
//!
//! The weights come from the square root of the matrix that adds up with forgetting, (1 − λ·S)^½ with 1 − λ = residue²: its first
//! b − 1 of them, and all that follow in the last, so that the weights of D add up to the residue. Without forgetting and
//! without the last step these are the weights of 2505.12128, which need many more bands for the same error.

use super::{
    Participation,
    noise::{Key, WEIGHT_BITS, derive},
    sum::Added,
};

pub use choose::choose;

/// The most bands.
pub const MOST: u32 = 32;

/// The smallest residue.
pub const LEAST_RESIDUE: f64 = 1e-3;

/// By how much a squared sensitivity is raised: more than all of its additions can lose.
const OUTWARD: f64 = 1e-6;

const ONE: i64 = 1 << WEIGHT_BITS;

/// The weights of a round's noise. What they are follows from the two numbers for ever: a federation that goes on with them goes
/// on with the same noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// How many rounds' normals a round's noise is made of, its own among them: 1 to [`MOST`].
    pub bands: u32,
    /// What stays of a round's noise for good, from [`LEAST_RESIDUE`] to 1; always 1 with one band.
    pub residue: f64,
}

impl Band {
    /// The diagonals of D, in steps of 2^-[`WEIGHT_BITS`]: 1, then none above 0. They add up to the residue.
    #[must_use]
    pub fn weights(&self) -> Vec<i64> {
        let residue = if self.bands > 1 { self.residue.clamp(LEAST_RESIDUE, 1.0) } else { 1.0 };
        let forget = 1.0 - residue * residue;
        let mut left = ONE - (residue * ONE as f64) as i64;
        let mut weights = vec![ONE];
        // That of the square root's series: 1/2, 1/8, 1/16, 5/128, …
        let mut share = 0.5;
        for back in 1..self.bands {
            share *= forget;
            let weight = if back + 1 == self.bands { left } else { left.min((share * ONE as f64) as i64) };
            weights.push(-weight);
            left -= weight;
            share *= f64::from(2 * back - 1) / f64::from(2 * back + 2);
        }
        weights
    }

    /// The squared distance of two neighbours' C·x over so many rounds, where a client moves a round's sum by 1: an upper bound,
    /// and what it is where C's numbers do not grow any more beyond the separation.
    ///
    /// C has no number below 0, so a client that moves all of its rounds the same way moves C·x furthest, by the sum of its
    /// rounds' columns. With all numbers from the separation on raised to the largest that follows, the product of two columns
    /// that far apart cannot grow when they move further apart, or both to later rounds. So the earliest and closest rounds are
    /// the worst (2405.13763, theorem 2, for numbers that never grow).
    #[must_use]
    pub fn squared_sensitivity(&self, participation: Participation, rounds: u64) -> f64 {
        let times = participation.times(rounds);
        if times == 0 {
            return 0.0;
        }
        let rounds = rounds as usize;
        // Of a client that comes once no two columns meet.
        let apart = if times == 1 { rounds } else { participation.separation.max(1) as usize };
        let mut sums = self.column(rounds);
        for round in (apart + 1..rounds).rev() {
            sums[round - 1] = sums[round - 1].max(sums[round]);
        }
        for round in apart..rounds {
            sums[round] += sums[round - apart];
        }
        // Those after its last round have one column too many for each that went by since.
        let over = apart.saturating_mul(times as usize);
        for round in (over..rounds).rev() {
            sums[round] -= sums[round - over];
        }
        sums.iter().map(|sum| sum * sum).sum::<f64>() * (1.0 + OUTWARD)
    }

    /// C's first column.
    fn column(&self, rounds: usize) -> Vec<f64> {
        let taken: Vec<f64> = self.weights()[1..].iter().map(|weight| -weight as f64 / ONE as f64).collect();
        let mut column = vec![1.0f64];
        for round in 1..rounds {
            let before = column[round.saturating_sub(taken.len())..].iter().rev();
            column.push(taken.iter().zip(before).map(|(taken, before)| taken * before).sum());
        }
        column
    }

    /// The error of the model over so many rounds that the same privacy costs: the root of the mean over rounds of the variance
    /// of all noise so far, where the sensitivity has noise of its own size. With one band, independent noise.
    #[must_use]
    pub fn error(&self, participation: Participation, rounds: u64) -> f64 {
        let weights = self.weights();
        let (mut stays, mut variance, mut total) = (0.0, 0.0, 0.0);
        for round in 0..rounds {
            // From the last band on nothing is taken away of what a round has left.
            stays += weights.get(round as usize).map_or(0.0, |weight| *weight as f64 / ONE as f64);
            variance += stays * stays;
            total += variance;
        }
        (self.squared_sensitivity(participation, rounds) * total / rounds as f64).sqrt()
    }

    /// The noise of round `round` (from 1). `key` is the federation's.
    #[must_use]
    pub fn noise(&self, key: &Key, round: u64) -> Added {
        let of_round = |round: u64| derive(key, &["banded", &round.to_string()]);
        let past = (1..=round).rev().map(of_round);
        Added::Blend(past.zip(self.weights()).collect())
    }
}

mod choose;
#[cfg(test)]
mod tests;
