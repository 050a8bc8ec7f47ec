//! `thunderline privacy budgets …`

mod list;
mod set;
mod show;

use clap::{Args, Subcommand};
use thunderline_web::dto::privacy::PrivacyBudget;

use crate::{client::Client, failure::Result, output::Format};

/// What may be spent on each data set, and what was
#[derive(Args, Debug)]
pub struct Budgets {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List every data set that was spent on or limited
    List(list::List),
    /// Set or lift a limit
    Set(set::Set),
    /// Show one with what its newest rounds cost
    Show(show::Show),
}

impl Budgets {
    /// Runs the chosen command.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        match &self.command {
            Command::List(command) => command.run(client, format),
            Command::Set(command) => command.run(client, format),
            Command::Show(command) => command.run(client, format),
        }
    }
}

/// ε with its limit.
fn epsilon(budget: &PrivacyBudget) -> String {
    match budget.epsilon_limit {
        Some(limit) => format!("{:.4} of {limit}", budget.epsilon_spent),
        None => format!("{:.4}, no limit", budget.epsilon_spent),
    }
}

/// δ with its limit.
fn delta(budget: &PrivacyBudget) -> String {
    match budget.delta_limit {
        Some(limit) => format!("{:e} of {limit:e}", budget.delta_spent),
        None => format!("{:e}, no limit", budget.delta_spent),
    }
}
