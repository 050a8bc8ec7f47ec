//! Seeing and setting what may be spent.

use thunderline_contracts::federation::PrivacyBudgetSet;
use thunderline_core::{Action, Cx, Error, FederationId, Result, Role, Rule, Subject, Timestamp};

use super::{
    dataset::EVERYTHING,
    ledger::{Account, Amount},
    rows,
};
use crate::{Federations, actions::read};

pub use super::rows::Spend;

/// Limits are the installation's, not the operators', who would lift their own.
pub const SET: Action = Action::new("fl.privacy.set_budget", Rule::AtLeast(Role::Admin));

/// A data set's account.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Its name.
    pub dataset: String,
    /// What may be spent and what was.
    pub account: Account,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a federation has spent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spent {
    /// ε so far.
    pub epsilon: f64,
    /// δ so far.
    pub delta: f64,
    /// In so many rounds, failed ones included.
    pub rounds: u64,
}

/// Every account of the caller's tenant, by name.
///
/// # Errors
/// `forbidden`.
pub async fn list(cx: &Cx, domain: &Federations) -> Result<Vec<Budget>> {
    let mut read = domain.db.read(cx, &read::ACTION).await?;
    let accounts = rows::all_accounts(&mut read, cx.tenant()).await?;
    let budget = |(dataset, account, updated_at)| Budget { dataset, account, updated_at };
    Ok(accounts.into_iter().map(budget).collect())
}

/// One account with its newest costs.
///
/// # Errors
/// `not_found` where nothing was spent or limited under this name.
pub async fn show(cx: &Cx, domain: &Federations, dataset: &str) -> Result<(Budget, Vec<Spend>)> {
    let found = list(cx, domain).await?.into_iter().find(|budget| budget.dataset == dataset);
    let budget = found.ok_or_else(|| Error::not_found(format_args!("a privacy budget for '{dataset}'")))?;
    let mut read = domain.db.read(cx, &read::ACTION).await?;
    let spends = rows::spends(&mut read, cx.tenant(), dataset, 100).await?;
    Ok((budget, spends))
}

/// Sets or lifts a limit. What was spent stays spent, also where it is more.
///
/// # Errors
/// `invalid` where the name is none that specs give to data, or a limit is out of range.
pub async fn set(cx: &Cx, domain: &Federations, dataset: &str, limit: Option<(f64, f64)>) -> Result<Budget> {
    let known = dataset == EVERYTHING
        || ["sha256:", "uri:", "nodes:"]
            .iter()
            .any(|prefix| dataset.strip_prefix(prefix).is_some_and(|rest| !rest.trim().is_empty()));
    if !known || dataset.chars().count() > 2000 {
        let reason = format!("'{dataset}' names no data");
        return Err(Error::invalid_value(
            "dataset",
            reason,
            "* (all data), sha256:<digest>, uri:<address> or nodes:<tags>",
        ));
    }
    if let Some((epsilon, delta)) = limit {
        if !(epsilon.is_finite() && (0.0..=1e6).contains(&epsilon)) {
            return Err(Error::invalid_value(
                "epsilon",
                format!("{epsilon} is out of range"),
                "0 to 1000000",
            ));
        }
        if !(0.0..1.0).contains(&delta) {
            return Err(Error::invalid_value(
                "delta",
                format!("{delta} is out of range"),
                "0 or more and below 1",
            ));
        }
    }
    let amount = limit.map(|(epsilon, delta)| Amount::limit(epsilon, delta));
    let mut write = domain.db.write(cx, &SET).await?;
    write.lock(&format!("privacy:{}", cx.tenant())).await?;
    rows::set_limit(&mut write, cx, dataset, amount).await?;
    let names = [dataset.to_owned()];
    let account = rows::accounts(&mut write, cx.tenant(), &names).await?[dataset];
    write.emit(&PrivacyBudgetSet {
        dataset: dataset.into(),
        epsilon: limit.map(|(epsilon, _)| epsilon),
        delta: limit.map(|(_, delta)| delta),
    });
    write.commit(&Subject::new("privacy_budget", dataset)).await?;
    Ok(Budget { dataset: dataset.into(), account, updated_at: cx.now() })
}

/// What a federation has spent; nothing where it is not private.
///
/// # Errors
/// `forbidden`.
pub async fn spent(cx: &Cx, domain: &Federations, federation: FederationId) -> Result<Spent> {
    let mut read = domain.db.read(cx, &read::ACTION).await?;
    let (total, rounds) = rows::spent(&mut read, federation).await?;
    let (epsilon, delta) = total.numbers();
    Ok(Spent { epsilon, delta, rounds })
}
