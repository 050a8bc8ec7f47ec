//! How updates become the next model.
//!
//! Names, parameters and defaults are those of Flower's strategies, so that a spec says the same thing here and there.
//! `eta_l` is not among them: Flower's server has it and never uses it; clients have their own learning rate.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_numerics::{optimiser::Optimiser, order::OrderStatistic};

use super::fields::{Fields, Problems};

/// How updates become the next model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", content = "params", rename_all = "lowercase")]
pub enum Strategy {
    /// The average weighted by examples (McMahan et al. 2017, arXiv 1602.05629).
    FedAvg,
    /// The same average, of clients that train with a proximal term (Li et al. 2020, arXiv 1812.06127).
    FedProx {
        /// The proximal term's weight, ≥ 0.
        proximal_mu: f64,
    },
    /// A step with momentum towards the average (Hsu et al. 2019, arXiv 1909.06335).
    FedAvgM {
        /// Above 0.
        server_learning_rate: f64,
        /// In [0, 1).
        server_momentum: f64,
    },
    /// A step divided by the root of all squared steps so far (Reddi et al. 2020, arXiv 2003.00295).
    FedAdagrad {
        /// Step size, above 0.
        eta: f64,
        /// Keeps the divisor from zero, above 0.
        tau: f64,
    },
    /// Momentum, divided by the root of the decaying mean of squared steps (the same paper).
    FedAdam {
        /// Step size, above 0.
        eta: f64,
        /// Decay of the momentum, in [0, 1).
        beta_1: f64,
        /// Decay of the squares, in [0, 1).
        beta_2: f64,
        /// Keeps the divisor from zero, above 0.
        tau: f64,
    },
    /// As FedAdam, with squares that move by bounded amounts (the same paper).
    FedYogi {
        /// Step size, above 0.
        eta: f64,
        /// Decay of the momentum, in [0, 1).
        beta_1: f64,
        /// Decay of the squares, in [0, 1).
        beta_2: f64,
        /// Keeps the divisor from zero, above 0.
        tau: f64,
    },
    /// The median of each coordinate, unweighted (Yin et al. 2018, arXiv 1803.01498).
    FedMedian,
    /// The mean of each coordinate without its extremes, unweighted (the same paper).
    FedTrimmedAvg {
        /// The share that is cut at either end, in [0, 0.5).
        beta: f64,
    },
}

/// How a round's updates are put together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregation {
    /// The mean weighted by examples.
    Mean,
    /// A step from the current model towards that mean.
    Step(Optimiser),
    /// Something of each coordinate's sorted values.
    Order(OrderStatistic),
}

const KNOWN: &str = "fedavg, fedprox, fedavgm, fedadagrad, fedadam, fedyogi, fedmedian, fedtrimmedavg";

impl Strategy {
    /// The name in specs and listings.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::FedAvg => "fedavg",
            Self::FedProx { .. } => "fedprox",
            Self::FedAvgM { .. } => "fedavgm",
            Self::FedAdagrad { .. } => "fedadagrad",
            Self::FedAdam { .. } => "fedadam",
            Self::FedYogi { .. } => "fedyogi",
            Self::FedMedian => "fedmedian",
            Self::FedTrimmedAvg { .. } => "fedtrimmedavg",
        }
    }

    /// What the server computes.
    #[must_use]
    pub fn aggregation(&self) -> Aggregation {
        match *self {
            Self::FedAvg | Self::FedProx { .. } => Aggregation::Mean,
            Self::FedAvgM { server_learning_rate: learning_rate, server_momentum: momentum } => {
                Aggregation::Step(Optimiser::Momentum { learning_rate, momentum })
            }
            Self::FedAdagrad { eta, tau } => Aggregation::Step(Optimiser::Adagrad { eta, tau }),
            Self::FedAdam { eta, beta_1, beta_2, tau } => {
                Aggregation::Step(Optimiser::Adam { eta, beta_1, beta_2, tau })
            }
            Self::FedYogi { eta, beta_1, beta_2, tau } => {
                Aggregation::Step(Optimiser::Yogi { eta, beta_1, beta_2, tau })
            }
            Self::FedMedian => Aggregation::Order(OrderStatistic::Median),
            Self::FedTrimmedAvg { beta } => Aggregation::Order(OrderStatistic::TrimmedMean { beta }),
        }
    }
}

/// `strategy: fedprox` with `params` beside it, or `strategy: {name, params}`.
pub(super) fn read(top: &mut Fields<'_>, problems: &mut Problems) -> Strategy {
    let value = top.get("strategy");
    let (name, params) = match value {
        None => ("fedavg".to_owned(), top.group("params", problems)),
        Some(Value::String(name)) => (name.to_lowercase(), top.group("params", problems)),
        Some(_) => {
            let mut group = top.group("strategy", problems);
            let name = group.text("name", 40, problems).unwrap_or_else(|| "fedavg".into());
            let params = group.group("params", problems);
            group.refuse_unknown(problems);
            (name.to_lowercase(), params)
        }
    };
    let mut params = Params { fields: params, problems };
    let strategy = match name.as_str() {
        "fedavg" => Strategy::FedAvg,
        "fedprox" => Strategy::FedProx { proximal_mu: params.at_least_zero("proximal_mu", 0.01) },
        "fedavgm" => Strategy::FedAvgM {
            server_learning_rate: params.positive("server_learning_rate", 1.0),
            server_momentum: params.decay("server_momentum", 0.0),
        },
        "fedadagrad" => {
            Strategy::FedAdagrad { eta: params.positive("eta", 0.1), tau: params.positive("tau", 1e-3) }
        }
        "fedadam" => Strategy::FedAdam {
            eta: params.positive("eta", 0.1),
            beta_1: params.decay("beta_1", 0.9),
            beta_2: params.decay("beta_2", 0.99),
            tau: params.positive("tau", 1e-3),
        },
        "fedyogi" => Strategy::FedYogi {
            eta: params.positive("eta", 0.01),
            beta_1: params.decay("beta_1", 0.9),
            beta_2: params.decay("beta_2", 0.99),
            tau: params.positive("tau", 1e-3),
        },
        "fedmedian" => Strategy::FedMedian,
        "fedtrimmedavg" => Strategy::FedTrimmedAvg { beta: params.trim("beta", 0.2) },
        other => {
            params.problems.add("strategy", format!("'{other}' is not known"), KNOWN);
            return Strategy::FedAvg;
        }
    };
    params.fields.refuse_unknown(params.problems);
    strategy
}

/// A strategy's parameters, by what they may be.
struct Params<'a, 'p> {
    fields: Fields<'a>,
    problems: &'p mut Problems,
}

impl Params<'_, '_> {
    fn at_least_zero(&mut self, key: &'static str, default: f64) -> f64 {
        self.fields.number(key, |x| x >= 0.0, "0 or more", default, self.problems)
    }

    fn positive(&mut self, key: &'static str, default: f64) -> f64 {
        self.fields.number(key, |x| x > 0.0, "above 0", default, self.problems)
    }

    fn decay(&mut self, key: &'static str, default: f64) -> f64 {
        self.fields.number(key, |x| (0.0..1.0).contains(&x), "0 or more and below 1", default, self.problems)
    }

    fn trim(&mut self, key: &'static str, default: f64) -> f64 {
        self.fields.number(
            key,
            |x| (0.0..0.5).contains(&x),
            "0 or more and below 0.5",
            default,
            self.problems,
        )
    }
}
