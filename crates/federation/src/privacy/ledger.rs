//! The ledger's arithmetic: may this be paid for, and what is spent then. Pure.
//!
//! Federations compose by addition of their (ε, δ), which holds for any number of them at the same time and for budgets that
//! depend on what came out before (Rogers et al. 2016, arXiv 1605.08294; Vadhan and Zhang 2023, arXiv 2207.08335). Within a
//! federation its accountant composes, whose result for n rounds is charged as the difference to n − 1.

use std::collections::BTreeMap;

/// A cost: ε in units of 1e-9, δ in units of 1e-18.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount {
    /// ε · 10⁹.
    pub epsilon: i64,
    /// δ · 10¹⁸.
    pub delta: i64,
}

const EPSILON_UNIT: f64 = 1e9;
const DELTA_UNIT: f64 = 1e18;

impl Amount {
    /// A cost, rounded up. Infinite costs stay larger than any limit.
    #[must_use]
    pub fn cost(epsilon: f64, delta: f64) -> Self {
        // A float converts to the nearest whole number there is; NaN must not become 0.
        let up = |x: f64, unit: f64| if x.is_nan() { i64::MAX } else { (x * unit).ceil() as i64 };
        Self { epsilon: up(epsilon, EPSILON_UNIT), delta: up(delta, DELTA_UNIT) }
    }

    /// A limit: to the nearest unit, so that a limit of ε pays for a cost of ε.
    #[must_use]
    pub fn limit(epsilon: f64, delta: f64) -> Self {
        Self::cost(epsilon, delta)
    }

    /// ε and δ as numbers.
    #[must_use]
    pub fn numbers(self) -> (f64, f64) {
        (self.epsilon as f64 / EPSILON_UNIT, self.delta as f64 / DELTA_UNIT)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            epsilon: self.epsilon.saturating_add(other.epsilon),
            delta: self.delta.saturating_add(other.delta),
        }
    }

    /// What is missing to `total`; nothing where it is less.
    #[must_use]
    pub fn missing_to(self, total: Self) -> Self {
        Self {
            epsilon: total.epsilon.saturating_sub(self.epsilon).max(0),
            delta: total.delta.saturating_sub(self.delta).max(0),
        }
    }

    fn fits(self, limit: Self) -> bool {
        self.epsilon <= limit.epsilon && self.delta <= limit.delta
    }
}

/// One data set's account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What may be spent; none where it is only recorded.
    pub limit: Option<Amount>,
    /// What was spent.
    pub spent: Amount,
}

/// Why a round is not paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose budget: a data set's name, or `dp.epsilon` for the federation's own.
    pub budget: String,
    /// What it would cost.
    pub wanted: Amount,
    /// What is left.
    pub left: Amount,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ((epsilon, delta), (epsilon_left, delta_left)) = (self.wanted.numbers(), self.left.numbers());
        write!(
            f,
            "privacy_budget_exhausted: the round would cost ε = {epsilon:.6}, δ = {delta:e}; the budget '{}' has \
             ε = {epsilon_left:.6}, δ = {delta_left:e} left",
            self.budget
        )
    }
}

/// Takes the charge from every account, or from none.
///
/// # Errors
/// The first account that cannot pay.
pub fn pay(accounts: &mut BTreeMap<String, Account>, charge: Amount) -> Result<(), Refusal> {
    for (name, account) in accounts.iter() {
        if let Some(limit) = account.limit
            && !account.spent.plus(charge).fits(limit)
        {
            let left = account.spent.missing_to(limit);
            return Err(Refusal { budget: name.clone(), wanted: charge, left });
        }
    }
    accounts.values_mut().for_each(|account| account.spent = account.spent.plus(charge));
    Ok(())
}

/// What a federation's next round adds, where it has spent `before` and will have spent `after`.
///
/// # Errors
/// Its own goal does not allow it.
pub fn charge(before: Amount, after: Amount, goal: Amount) -> Result<Amount, Refusal> {
    let wanted = before.missing_to(after);
    if after.fits(goal) {
        return Ok(wanted);
    }
    Err(Refusal { budget: "dp.epsilon".into(), wanted, left: before.missing_to(goal) })
}

#[cfg(test)]
mod tests;
