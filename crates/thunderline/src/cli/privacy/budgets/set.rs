//! `thunderline privacy budgets set`

use clap::Args;
use thunderline_web::dto::privacy::{PrivacyBudget, SetPrivacyBudget};

use super::{delta, epsilon};
use crate::{
    client::Client,
    failure::Result,
    output::{Format, print},
};

/// Set or lift a limit; what was spent stays spent
#[derive(Args, Debug)]
pub struct Set {
    /// '*' for all data, sha256:DIGEST, uri:ADDRESS, or nodes:TAGS for specs that name no data
    #[arg(value_name = "DATA")]
    dataset: String,
    /// The ε that may be spent, 0 to 1000000
    #[arg(long, required_unless_present = "unlimited", requires = "delta")]
    epsilon: Option<f64>,
    /// The δ that may be spent, 0 or more and below 1
    #[arg(long, requires = "epsilon")]
    delta: Option<f64>,
    /// Record what is spent, and allow everything
    #[arg(long, conflicts_with_all = ["epsilon", "delta"])]
    unlimited: bool,
}

impl Set {
    /// Sets it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let Self { dataset, epsilon: wanted, delta: beside, .. } = self;
        let request = SetPrivacyBudget { dataset: dataset.clone(), epsilon: *wanted, delta: *beside };
        let budget: PrivacyBudget = client.post("/api/v1/privacy/budget", &request)?;
        print(format, &budget, |it| format!("{}  ε {}  δ {}", it.dataset, epsilon(it), delta(it)));
        Ok(())
    }
}
