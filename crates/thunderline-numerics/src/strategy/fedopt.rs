//! FedAvgM (Hsu et al. 2019, arXiv 1909.06335), FedAdagrad, FedAdam and FedYogi (Reddi et al. 2020, arXiv 2003.00295): a step
//! of an [`Optimiser`] towards the average.

use super::{Allowed, Kind, Out, Param, Round, Strategy, Values};
use crate::{
    ModelSchema, Result,
    optimiser::{Before, Optimiser, optimised_mean},
    weighting::By,
};

pub(super) static FEDAVGM: Kind = Kind {
    name: "fedavgm",
    paper: "1909.06335",
    params: &[
        Param::new("server_learning_rate", 1.0, Allowed::Positive),
        Param::new("server_momentum", 0.0, Allowed::Decay),
    ],
    weighting: Some(By::Examples),
    built_in_only: false,
    build: |values| {
        Box::new(FedOpt(Optimiser::Momentum {
            learning_rate: values.get("server_learning_rate"),
            momentum: values.get("server_momentum"),
        }))
    },
};

pub(super) static FEDADAGRAD: Kind = Kind {
    name: "fedadagrad",
    paper: "2003.00295",
    params: &[Param::new("eta", 0.1, Allowed::Positive), Param::new("tau", 1e-3, Allowed::Positive)],
    weighting: Some(By::Examples),
    built_in_only: false,
    build: |values| Box::new(FedOpt(Optimiser::Adagrad { eta: values.get("eta"), tau: values.get("tau") })),
};

pub(super) static FEDADAM: Kind = Kind {
    name: "fedadam",
    paper: "2003.00295",
    params: &[
        Param::new("eta", 0.1, Allowed::Positive),
        Param::new("beta_1", 0.9, Allowed::Decay),
        Param::new("beta_2", 0.99, Allowed::Decay),
        Param::new("tau", 1e-3, Allowed::Positive),
    ],
    weighting: Some(By::Examples),
    built_in_only: false,
    build: |values| {
        let [eta, beta_1, beta_2, tau] = decaying(values);
        Box::new(FedOpt(Optimiser::Adam { eta, beta_1, beta_2, tau }))
    },
};

pub(super) static FEDYOGI: Kind = Kind {
    name: "fedyogi",
    paper: "2003.00295",
    params: &[
        Param::new("eta", 0.01, Allowed::Positive),
        Param::new("beta_1", 0.9, Allowed::Decay),
        Param::new("beta_2", 0.99, Allowed::Decay),
        Param::new("tau", 1e-3, Allowed::Positive),
    ],
    weighting: Some(By::Examples),
    built_in_only: false,
    build: |values| {
        let [eta, beta_1, beta_2, tau] = decaying(values);
        Box::new(FedOpt(Optimiser::Yogi { eta, beta_1, beta_2, tau }))
    },
};

fn decaying(values: &Values<'_>) -> [f64; 4] {
    ["eta", "beta_1", "beta_2", "tau"].map(|name| values.get(name))
}

#[derive(Debug)]
struct FedOpt(Optimiser);

impl Strategy for FedOpt {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        let before = Before { model: round.model, state: round.state, round: round.number };
        optimised_mean(round.schema, &round.weighted(), &self.0, before, round.threads, out)
    }

    fn state(&self, model: &ModelSchema) -> Result<Option<ModelSchema>> {
        self.0.state_schema(model)
    }
}
