//! FedBuff: clients are not asked in rounds; whenever K updates have come in, they make the next model (Nguyen et al. 2021,
//! arXiv 2106.06639).
//!
//! x ← x + η Σ pᵢ (1 + τᵢ)^(−a) (xᵢ − x₍ᵢ₎), where x₍ᵢ₎ is the model that client i began from, τᵢ how many versions that one is
//! older than x, and p the shares: 1/K each, as in the paper, unless clients are weighed. The shares are not made larger where
//! all are stale: a buffer of old news moves the model less.

use super::{Allowed, Buffer, Kind, Out, Param, Round, Strategy, Update};
use crate::{Result, delta, weighting::By};

pub(super) static KIND: Kind = Kind {
    name: "fedbuff",
    paper: "2106.06639",
    params: &[
        Param::new("buffer_size", 10.0, Allowed::Whole(1, 100_000)),
        Param::new("server_learning_rate", 1.0, Allowed::Positive),
        Param::new("staleness_exponent", 0.5, Allowed::NotNegative),
        // Each version that an update in the buffer began from is one open file when it is folded.
        Param::new("max_staleness", 20.0, Allowed::Whole(0, 500)),
        Param::new("max_concurrency", 100.0, Allowed::Whole(1, 1_000_000)),
    ],
    weighting: Some(By::Uniform),
    built_in_only: false,
    build: |values| {
        Box::new(FedBuff {
            buffer: Buffer {
                size: values.count("buffer_size") as u32,
                max_staleness: values.count("max_staleness") as u32,
                max_concurrency: values.count("max_concurrency") as u32,
            },
            learning_rate: values.get("server_learning_rate"),
            exponent: values.get("staleness_exponent"),
        })
    },
};

#[derive(Debug)]
struct FedBuff {
    buffer: Buffer,
    learning_rate: f64,
    exponent: f64,
}

impl Strategy for FedBuff {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        let shares = round.shares()?;
        let discounts: Vec<f64> =
            round.updates.iter().map(|update| discount(update.staleness(), self.exponent)).collect();
        let factors: Vec<f64> = shares
            .iter()
            .zip(&discounts)
            .map(|(share, discount)| self.learning_rate * share * discount)
            .collect();
        // Counters and masks have no direction: they are averaged, and there too the stale count less.
        let updates: Vec<_> = round
            .updates
            .iter()
            .zip(&discounts)
            .map(|(update, discount)| Update { weight: update.weight * discount, ..*update })
            .collect();
        delta::move_by(&Round { updates: &updates, ..*round }, &factors, out)
    }

    fn buffer(&self) -> Option<Buffer> {
        Some(self.buffer)
    }
}

/// What a stale update counts beside a fresh one.
fn discount(staleness: u32, exponent: f64) -> f64 {
    libm::pow(1.0 + f64::from(staleness), -exponent)
}
