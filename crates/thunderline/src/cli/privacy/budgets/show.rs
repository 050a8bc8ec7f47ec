//! `thunderline privacy budgets show`

use clap::Args;
use thunderline_web::dto::privacy::{PrivacyBudgetDetails, PrivacySpend};

use super::{delta, epsilon};
use crate::{
    client::Client,
    failure::Result,
    output::{
        Format,
        numbers::time,
        print,
        table::{pairs, table},
    },
};

/// Show one budget with what its newest rounds cost
#[derive(Args, Debug)]
pub struct Show {
    /// '*' for all data, sha256:DIGEST, uri:ADDRESS or nodes:TAGS
    #[arg(value_name = "DATA")]
    dataset: String,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let query = [("dataset", self.dataset.as_str())];
        let details: PrivacyBudgetDetails = client.get("/api/v1/privacy/budget", &query)?;
        print(format, &details, human);
        Ok(())
    }
}

fn human(details: &PrivacyBudgetDetails) -> String {
    let budget = &details.budget;
    let mut text = pairs(&[
        ("data", budget.dataset.clone()),
        ("epsilon", epsilon(budget)),
        ("delta", delta(budget)),
        ("changed", time(budget.updated_at)),
    ]);
    if !details.spends.is_empty() {
        let row = |spend: &PrivacySpend| {
            vec![
                time(spend.at),
                spend.federation.clone(),
                format!("{:.6}", spend.epsilon),
                format!("{:e}", spend.delta),
                format!("{:.4}", spend.epsilon_total),
            ]
        };
        let rows: Vec<_> = details.spends.iter().map(row).collect();
        text.push_str("\n\n");
        text.push_str(&table(&["WHEN", "FEDERATION", "EPSILON", "DELTA", "FEDERATION'S EPSILON"], &rows));
    }
    text
}
