//! SCAFFOLD: client steps are corrected by control variates, estimates of how far a client's gradient is from everybody's
//! (Karimireddy et al. 2020, arXiv 1910.06378).
//!
//! Each of the K local steps of a client is y ← y − η(g − cᵢ + c); afterwards cᵢ ← cᵢ − c + (x − y) / (Kη) (the paper's
//! option II). The server takes x ← x + η_g·Σ pᵢ(yᵢ − x) and c ← c + (|S|/N)·Σ pᵢ Δcᵢ, where p are the shares.
//!
//! A client keeps its cᵢ and sends its model only: Δcᵢ = (x − yᵢ) / (Kᵢη) − c, of which the server knows every part. So an
//! upload is as large as FedAvg's; c goes down with the model.

use std::collections::BTreeMap;

use super::{
    Allowed, Kind, Out, Param, Round, Strategy,
    fednova::{NUM_STEPS, check_steps},
};
use crate::{
    ModelSchema, Result,
    delta::{self, Elements, Factors},
    state,
    weighting::By,
};

pub(super) static KIND: Kind = Kind {
    name: "scaffold",
    paper: "1910.06378",
    params: &[
        Param::new("server_learning_rate", 1.0, Allowed::Positive),
        Param::required("client_learning_rate", Allowed::Positive),
    ],
    weighting: Some(By::Examples),
    built_in_only: true,
    build: |values| {
        Box::new(Scaffold {
            server_learning_rate: values.get("server_learning_rate"),
            client_learning_rate: values.get("client_learning_rate"),
        })
    },
};

#[derive(Debug)]
struct Scaffold {
    server_learning_rate: f64,
    client_learning_rate: f64,
}

impl Strategy for Scaffold {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        let shares = round.shares()?;
        let steps = round.metric(NUM_STEPS)?;
        let slopes: Vec<f64> = shares
            .iter()
            .zip(&steps)
            .map(|(share, steps)| share / (steps * self.client_learning_rate))
            .collect();
        let (rate, part) = (self.server_learning_rate, round.participation);
        let step = |it: Elements<'_>| {
            for (((x, sum), other), c) in it.x.iter().zip(it.sum).zip(it.other).zip(it.kept) {
                *sum = x + rate * *sum;
                *c += part * (-other - *c);
            }
        };
        delta::step(round, Factors { sum: &shares, other: Some(&slopes) }, true, step, out)
    }

    fn state(&self, model: &ModelSchema) -> Result<Option<ModelSchema>> {
        state::schema(model, &[("c", true)])
    }

    fn check_metrics(&self, metrics: &BTreeMap<String, f64>) -> Result<()> {
        check_steps(metrics, NUM_STEPS)
    }
}
