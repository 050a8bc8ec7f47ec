//! `thunderline privacy budgets list`

use clap::Args;
use thunderline_web::dto::{page::Page, privacy::PrivacyBudget};

use super::{delta, epsilon};
use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::time, print, table::table},
};

/// List every data set that was spent on or limited
#[derive(Args, Debug)]
pub struct List {}

impl List {
    /// Lists.
    #[expect(clippy::unused_self, reason = "every command is run on its arguments")]
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let page: Page<PrivacyBudget> = client.get("/api/v1/privacy/budgets", &[])?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<PrivacyBudget>) -> String {
    if page.items.is_empty() {
        return "nothing was spent or limited yet: submit a federation with dp, or set a limit".into();
    }
    let row = |budget: &PrivacyBudget| {
        vec![budget.dataset.clone(), epsilon(budget), delta(budget), time(budget.updated_at)]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    table(&["DATA", "EPSILON", "DELTA", "CHANGED"], &rows)
}
