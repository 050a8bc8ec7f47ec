//! The demo's federation.

use clap::ValueEnum;
use serde_json::json;

use super::Demo;

/// Widths of the network: 8 × 8 pixels, one hidden layer, ten digits.
pub const MODEL: [usize; 3] = [64, 64, 10];
/// The pixels' largest value.
pub const SCALE: f32 = 16.0;
/// The proximal term's weight for FedProx.
const PROXIMAL_MU: f64 = 0.01;

/// How updates become the next model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Strategy {
    /// The average, weighted by examples
    Fedavg,
    /// The same, of clients that are held near the global model
    Fedprox,
}

impl Strategy {
    /// The name in specs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fedavg => "fedavg",
            Self::Fedprox => "fedprox",
        }
    }

    /// The proximal term's weight.
    #[must_use]
    pub const fn proximal_mu(self) -> f64 {
        match self {
            Self::Fedavg => 0.0,
            Self::Fedprox => PROXIMAL_MU,
        }
    }
}

/// The document that is submitted. Every client takes part in every round, so that the same seed gives the same model.
pub fn document(demo: &Demo, held_out: &str) -> String {
    let [inputs, hidden, classes] = MODEL;
    let mut document = json!({
        "name": "digits",
        "model_ref": format!("builtin:mlp({inputs},{hidden},{classes})"),
        "strategy": demo.strategy.name(),
        "num_rounds": demo.rounds,
        "client_fraction": 1.0,
        "min_clients": demo.clients,
        "round": { "deadline": 120 },
        "evaluation": { "federated": false, "server": { "data": format!("sha256:{held_out}"), "scale": SCALE } },
        "seed": demo.seed,
    });
    if demo.strategy == Strategy::Fedprox {
        document["params"] = json!({ "proximal_mu": PROXIMAL_MU });
    }
    serde_json::to_string_pretty(&document).expect("a document is plain data")
}

#[cfg(test)]
mod tests {
    use federation::spec::{FederationSpec, read_document};

    use super::*;
    use crate::output::Format;

    #[test]
    fn the_demos_specs_are_accepted() {
        for strategy in [Strategy::Fedavg, Strategy::Fedprox] {
            let demo = Demo {
                clients: 3,
                rounds: 2,
                alpha: 0.5,
                strategy,
                seed: 1,
                folder: "/x".into(),
                format: Format::Human,
            };
            let document = read_document(&document(&demo, &"a".repeat(64))).unwrap();
            let spec = FederationSpec::parse(&document, 0).unwrap();
            assert_eq!((spec.seed, spec.min_clients), (1, 3));
        }
    }
}
