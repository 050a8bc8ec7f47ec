//! q-FFL, solved by q-FedAvg: clients with a high loss move the model more (Li et al. 2019, arXiv 1905.10497).
//!
//! With L = 1 / the clients' learning rate and Fᵢ the reported loss: Δᵢ = Fᵢ^q · L(x − xᵢ),
//! hᵢ = q·Fᵢ^(q−1)·‖L(x − xᵢ)‖² + L·Fᵢ^q, and x ← x − ΣΔᵢ / Σhᵢ.

use std::collections::BTreeMap;

use super::{Allowed, Kind, Out, Param, Round, Strategy, require};
use crate::{
    Error, ErrorKind, Result, delta,
    distance::{self, Centre},
};

/// The metric by which clients report their loss.
const TRAIN_LOSS: &str = "train_loss";

pub(super) static KIND: Kind = Kind {
    name: "qfedavg",
    paper: "1905.10497",
    params: &[
        Param::new("q", 0.1, Allowed::NotNegative),
        Param::required("client_learning_rate", Allowed::Positive),
    ],
    weighting: None,
    built_in_only: false,
    build: |values| {
        Box::new(QFedAvg { q: values.get("q"), lipschitz: 1.0 / values.get("client_learning_rate") })
    },
};

#[derive(Debug)]
struct QFedAvg {
    q: f64,
    lipschitz: f64,
}

impl Strategy for QFedAvg {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        let losses = round.metric(TRAIN_LOSS)?;
        let lengths = distance::from_centre(round, Centre { factors: &vec![0.0; losses.len()], state: 0.0 })?;
        let (lipschitz, q) = (self.lipschitz, self.q);
        let mut divisor = 0.0;
        let mut factors = Vec::with_capacity(losses.len());
        for (loss, length) in losses.iter().zip(&lengths) {
            // Flower's guard against a loss of 0.
            let loss = loss + 1e-10;
            let power = libm::pow(loss, q);
            divisor += q * libm::pow(loss, q - 1.0) * (lipschitz * length).powi(2) + lipschitz * power;
            factors.push(power * lipschitz);
        }
        if !(divisor.is_finite() && divisor > 0.0) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the losses and distances add up to {divisor}"),
            ));
        }
        factors.iter_mut().for_each(|factor| *factor /= divisor);
        delta::move_by(round, &factors, out)
    }

    fn check_metrics(&self, metrics: &BTreeMap<String, f64>) -> Result<()> {
        require(metrics, TRAIN_LOSS, |loss| (0.0..=1e12).contains(&loss), "a loss from 0 to 1e12")
    }
}
