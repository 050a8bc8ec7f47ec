//! Privacy budgets.

use federation::privacy::budgets;
use serde::{Deserialize, Serialize};
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// A data set's privacy budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PrivacyBudget {
    /// `*` for all data, `sha256:…`, `uri:…`, or `nodes:…` where a spec names no data.
    pub dataset: String,
    /// The ε that may be spent; none where it is only recorded.
    pub epsilon_limit: Option<f64>,
    /// The δ that may be spent.
    pub delta_limit: Option<f64>,
    /// The ε that was spent.
    pub epsilon_spent: f64,
    /// The δ that was spent.
    pub delta_spent: f64,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a round cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PrivacySpend {
    /// The round's id.
    pub round: String,
    /// Its federation's id.
    pub federation: String,
    /// The round's ε.
    pub epsilon: f64,
    /// The round's δ.
    pub delta: f64,
    /// What the federation has spent with it.
    pub epsilon_total: f64,
    /// When the round began.
    pub at: Timestamp,
}

/// A budget with its newest costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PrivacyBudgetDetails {
    /// What lists show.
    #[serde(flatten)]
    pub budget: PrivacyBudget,
    /// The newest 100 costs.
    pub spends: Vec<PrivacySpend>,
}

/// What is to be allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SetPrivacyBudget {
    /// The name of the data.
    pub dataset: String,
    /// The ε that may be spent, 0 to 1 000 000; without it spending is recorded and not limited.
    pub epsilon: Option<f64>,
    /// The δ that may be spent, 0 or more and below 1; needed beside `epsilon`.
    pub delta: Option<f64>,
}

/// What a federation has spent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PrivacySpent {
    /// The ε so far.
    pub epsilon: f64,
    /// The δ so far.
    pub delta: f64,
    /// Rounds that were paid for, failed ones included.
    pub rounds: u64,
    /// The ε that the spec allows.
    pub epsilon_goal: f64,
    /// The δ that the spec allows.
    pub delta_goal: f64,
    /// The noise's standard deviation divided by the most that two neighbours' sums differ.
    pub noise_multiplier: f64,
}

impl From<budgets::Budget> for PrivacyBudget {
    fn from(it: budgets::Budget) -> Self {
        let limit = it.account.limit.map(federation::privacy::ledger::Amount::numbers);
        let (epsilon_spent, delta_spent) = it.account.spent.numbers();
        let (epsilon_limit, delta_limit) = limit.unzip();
        Self {
            dataset: it.dataset,
            epsilon_limit,
            delta_limit,
            epsilon_spent,
            delta_spent,
            updated_at: it.updated_at,
        }
    }
}

impl From<budgets::Spend> for PrivacySpend {
    fn from(it: budgets::Spend) -> Self {
        let (epsilon, delta) = it.amount.numbers();
        Self {
            round: it.round.to_string(),
            federation: it.federation.to_string(),
            epsilon,
            delta,
            epsilon_total: it.total.numbers().0,
            at: it.at,
        }
    }
}
