//! FedProx: the average of clients that train with a proximal term (Li et al. 2020, arXiv 1812.06127).

use super::{Allowed, Kind, Out, Param, Round, Strategy, fedavg};
use crate::{Result, weighting::By};

pub(super) static KIND: Kind = Kind {
    name: "fedprox",
    paper: "1812.06127",
    params: &[Param::new("proximal_mu", 0.01, Allowed::NotNegative)],
    weighting: Some(By::Examples),
    built_in_only: false,
    build: |values| Box::new(FedProx { proximal_mu: values.get("proximal_mu") }),
};

/// x̄ on the server; (μ/2)·‖w − x‖² in every client's loss.
#[derive(Debug)]
struct FedProx {
    proximal_mu: f64,
}

impl Strategy for FedProx {
    fn aggregate(&self, round: &Round<'_>, out: Out<'_>) -> Result<()> {
        fedavg::mean(round, out)
    }

    fn client_config(&self) -> Vec<(&'static str, f64)> {
        vec![("proximal-mu", self.proximal_mu)]
    }
}
