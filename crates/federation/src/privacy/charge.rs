//! A round is paid for in the transaction that begins it.

use thunderline_contracts::federation::PrivacySpent;
use thunderline_core::{Cx, Error, Result};
use thunderline_store::Write;

use super::{
    dataset,
    ledger::{self, Amount, Refusal},
    rows::{self, PrivateRound, Spend},
};
use crate::{
    Federations,
    actions::read,
    rows::{Federation, Round},
    spec::dp::{Dp, Draw},
};

/// What a federation will have spent with one more round, computed before the transaction: accountants take their time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quote {
    /// After so many charged rounds.
    rounds: u64,
    total: Amount,
}

/// What the round will make its federation's costs.
pub(crate) async fn quote(cx: &Cx, domain: &Federations, federation: &Federation, dp: &Dp) -> Result<Quote> {
    let mut read = domain.db.read(cx, &read::ACTION).await?;
    let (_, rounds) = rows::spent(&mut read, federation.id).await?;
    drop(read);
    // Correlated noise belongs to the number of a round that makes a model, however often the round is tried.
    let releases =
        if dp.sampling == Draw::Limited { u64::from(federation.completed_rounds) } else { rounds } + 1;
    let (plan, delta) = (dp.plan(federation.spec.client_fraction), dp.delta);
    let epsilon = crate::blocking(move || Ok(plan.epsilon(releases, delta))).await?;
    Ok(Quote { rounds, total: Amount::cost(epsilon, delta) })
}

/// Charges every name of the federation's data and fixes the round's release. A refusal leaves the transaction to be dropped.
pub(crate) async fn charge(
    cx: &Cx,
    write: &mut Write,
    federation: &Federation,
    round: &Round,
    (dp, quote, divisor): (&Dp, Quote, f64),
) -> Result<Result<(), Refusal>> {
    write.lock(&format!("privacy:{}", cx.tenant())).await?;
    let (before, rounds) = rows::spent(write, federation.id).await?;
    if rounds != quote.rounds {
        return Err(Error::conflict("the federation has begun another round meanwhile"));
    }
    let goal = Amount::limit(dp.epsilon, dp.delta);
    let amount = match ledger::charge(before, quote.total, goal) {
        Ok(amount) => amount,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let names = dataset::names(&federation.spec);
    let mut accounts = rows::accounts(write, cx.tenant(), &names).await?;
    if let Err(refusal) = ledger::pay(&mut accounts, amount) {
        return Ok(Err(refusal));
    }
    let total = Amount {
        epsilon: before.epsilon.saturating_add(amount.epsilon),
        delta: before.delta.saturating_add(amount.delta),
    };
    let spend = Spend { round: round.id, federation: federation.id, amount, total, at: cx.now() };
    for (name, account) in &accounts {
        rows::set_spent(write, cx, name, account.spent).await?;
        rows::insert_spend(write, cx.tenant(), name, &spend).await?;
    }
    let clip_norm = rows::newest_norm(write, federation.id).await?.unwrap_or(dp.clip_norm);
    rows::insert_round(write, round.id, federation.id, round.number, PrivateRound { clip_norm, divisor })
        .await?;
    let ((epsilon, delta), (epsilon_total, delta_total)) = (amount.numbers(), total.numbers());
    write.emit(&PrivacySpent {
        federation: federation.id,
        round_id: round.id,
        round: round.number,
        datasets: names,
        epsilon,
        delta,
        epsilon_total,
        delta_total,
        noise_multiplier: dp.noise_multiplier,
        clip_norm,
    });
    Ok(Ok(()))
}
