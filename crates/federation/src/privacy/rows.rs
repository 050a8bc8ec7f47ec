//! Tables `fl_privacy_*`.

use std::collections::{BTreeMap, HashMap};

use thunderline_core::{Cx, Error, FederationId, NodeId, Result, RoundId, TenantId, Timestamp, hex};
use thunderline_numerics::privacy::noise::Key;
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::ledger::{Account, Amount};

pub(crate) const STATEMENTS: &[&Stmt] = &[
    &ACCOUNT,
    &ACCOUNTS,
    &SET_SPENT,
    &SET_LIMIT,
    &LIMITED,
    &INSERT_SPEND,
    &SPENT,
    &CHARGED,
    &SPENDS,
    &INSERT_ROUND,
    &ROUND,
    &NEWEST_NORM,
    &SET_NEXT_NORM,
    &INSERT_KEY,
    &KEY,
    &FORGET_KEY,
    &PAST,
];

const ACCOUNT: Stmt =
    Stmt::new("fl.privacy.account", "select * from fl_privacy_budgets where tenant = $1 and dataset = $2");
const ACCOUNTS: Stmt =
    Stmt::new("fl.privacy.accounts", "select * from fl_privacy_budgets where tenant = $1 order by dataset");
const SET_SPENT: Stmt = Stmt::new(
    "fl.privacy.set_spent",
    "insert into fl_privacy_budgets (tenant, dataset, epsilon_spent, delta_spent, updated_at)
     values ($1, $2, $3, $4, $5)
     on conflict (tenant, dataset) do update set epsilon_spent = excluded.epsilon_spent,
        delta_spent = excluded.delta_spent, updated_at = excluded.updated_at",
);
const SET_LIMIT: Stmt = Stmt::new(
    "fl.privacy.set_limit",
    "insert into fl_privacy_budgets (tenant, dataset, epsilon_limit, delta_limit, epsilon_spent, delta_spent, updated_at)
     values ($1, $2, $3, $4, 0, 0, $5)
     on conflict (tenant, dataset) do update set epsilon_limit = excluded.epsilon_limit,
        delta_limit = excluded.delta_limit, updated_at = excluded.updated_at",
);
const LIMITED: Stmt = Stmt::new(
    "fl.privacy.limited",
    "select dataset from fl_privacy_budgets where tenant = $1 and dataset = $2 and epsilon_limit is not null",
);
const INSERT_SPEND: Stmt = Stmt::new(
    "fl.privacy.insert_spend",
    "insert into fl_privacy_spends (round, dataset, tenant, federation, epsilon, delta, epsilon_total, delta_total, at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);
const SPENT: Stmt = Stmt::new(
    "fl.privacy.spent",
    "select epsilon_total, delta_total from fl_privacy_spends where federation = $1 and dataset = '*'
     order by epsilon_total desc limit 1",
);
const CHARGED: Stmt = Stmt::new(
    "fl.privacy.charged",
    "select count(*) as charged from fl_privacy_spends where federation = $1 and dataset = '*'",
);
const SPENDS: Stmt = Stmt::new(
    "fl.privacy.spends",
    "select * from fl_privacy_spends where tenant = $1 and dataset = $2 order by at desc, round desc limit $3",
);
const INSERT_ROUND: Stmt = Stmt::new(
    "fl.privacy.insert_round",
    "insert into fl_privacy_rounds (round, federation, number, clip_norm, divisor) values ($1, $2, $3, $4, $5)",
);
const ROUND: Stmt =
    Stmt::new("fl.privacy.round", "select clip_norm, divisor from fl_privacy_rounds where round = $1");
const NEWEST_NORM: Stmt = Stmt::new(
    "fl.privacy.newest_norm",
    "select next_clip_norm from fl_privacy_rounds where federation = $1 and next_clip_norm is not null
     order by number desc limit 1",
);
const SET_NEXT_NORM: Stmt = Stmt::new(
    "fl.privacy.set_next_norm",
    "update fl_privacy_rounds set next_clip_norm = $2 where round = $1",
);
const INSERT_KEY: Stmt =
    Stmt::new("fl.privacy.insert_key", "insert into fl_privacy_keys (federation, key_hex) values ($1, $2)");
const KEY: Stmt = Stmt::new("fl.privacy.key", "select key_hex from fl_privacy_keys where federation = $1");
const FORGET_KEY: Stmt =
    Stmt::new("fl.privacy.forget_key", "delete from fl_privacy_keys where federation = $1");
// Only rounds that made a model gave anything of a client away.
const PAST: Stmt = Stmt::new(
    "fl.privacy.past",
    "select l.node, count(*) as times, max(r.number) as last from fl_leases l join fl_rounds r on r.id = l.round
     where l.federation = $1 and l.purpose = 'train' and l.state = 'released' and r.model_out is not null
     group by l.node",
);

fn account(row: &Row) -> Result<Account> {
    let limit: (Option<i64>, Option<i64>) = (row.get("epsilon_limit")?, row.get("delta_limit")?);
    let limit = limit.0.zip(limit.1).map(|(epsilon, delta)| Amount { epsilon, delta });
    let spent = Amount { epsilon: row.get("epsilon_spent")?, delta: row.get("delta_spent")? };
    Ok(Account { limit, spent })
}

/// The accounts of these names; those that nobody has used or limited are empty.
pub(crate) async fn accounts(
    query: &mut impl Query,
    tenant: TenantId,
    names: &[String],
) -> Result<BTreeMap<String, Account>> {
    let mut accounts = BTreeMap::new();
    for name in names {
        let row = query.one(&ACCOUNT, args![tenant, name]).await?;
        accounts.insert(name.clone(), row.as_ref().map(account).transpose()?.unwrap_or_default());
    }
    Ok(accounts)
}

/// Every account of the tenant, by name.
pub(crate) async fn all_accounts(
    query: &mut impl Query,
    tenant: TenantId,
) -> Result<Vec<(String, Account, Timestamp)>> {
    let rows = query.all(&ACCOUNTS, args![tenant]).await?;
    rows.iter().map(|row| Ok((row.get("dataset")?, account(row)?, row.get("updated_at")?))).collect()
}

pub(crate) async fn set_spent(write: &mut Write, cx: &Cx, name: &str, spent: Amount) -> Result<()> {
    write.exec(&SET_SPENT, args![cx.tenant(), name, spent.epsilon, spent.delta, cx.now()]).await?;
    Ok(())
}

pub(crate) async fn set_limit(write: &mut Write, cx: &Cx, name: &str, limit: Option<Amount>) -> Result<()> {
    let (epsilon, delta) = limit.map(|limit| (limit.epsilon, limit.delta)).unzip();
    write.exec(&SET_LIMIT, args![cx.tenant(), name, epsilon, delta, cx.now()]).await?;
    Ok(())
}

/// The first of these names that has a limit.
pub(crate) async fn limited(
    query: &mut impl Query,
    tenant: TenantId,
    names: &[String],
) -> Result<Option<String>> {
    for name in names {
        if query.one(&LIMITED, args![tenant, name]).await?.is_some() {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}

/// A round's cost.
#[derive(Clone, Debug)]
pub struct Spend {
    /// Which round.
    pub round: RoundId,
    /// Of which federation.
    pub federation: FederationId,
    /// What it cost.
    pub amount: Amount,
    /// What the federation has spent with it.
    pub total: Amount,
    /// When it began.
    pub at: Timestamp,
}

pub(crate) async fn insert_spend(
    write: &mut Write,
    tenant: TenantId,
    dataset: &str,
    spend: &Spend,
) -> Result<()> {
    let Spend { round, federation, amount, total, at } = *spend;
    let amounts = (amount.epsilon, amount.delta, total.epsilon, total.delta);
    let args = args![round, dataset, tenant, federation, amounts.0, amounts.1, amounts.2, amounts.3, at];
    write.exec(&INSERT_SPEND, args).await?;
    Ok(())
}

/// The newest costs of a data set.
pub(crate) async fn spends(
    query: &mut impl Query,
    tenant: TenantId,
    dataset: &str,
    limit: u32,
) -> Result<Vec<Spend>> {
    let rows = query.all(&SPENDS, args![tenant, dataset, limit]).await?;
    let read = |row: &Row| {
        Ok(Spend {
            round: row.get("round")?,
            federation: row.get("federation")?,
            amount: Amount { epsilon: row.get("epsilon")?, delta: row.get("delta")? },
            total: Amount { epsilon: row.get("epsilon_total")?, delta: row.get("delta_total")? },
            at: row.get("at")?,
        })
    };
    rows.iter().map(read).collect()
}

/// What a federation has spent, and in how many rounds.
pub(crate) async fn spent(query: &mut impl Query, federation: FederationId) -> Result<(Amount, u64)> {
    let Some(row) = query.one(&SPENT, args![federation]).await? else { return Ok(Default::default()) };
    let total = Amount { epsilon: row.get("epsilon_total")?, delta: row.get("delta_total")? };
    let row = query.one(&CHARGED, args![federation]).await?;
    let count: i64 = row.ok_or_else(|| Error::internal("a count gave nothing"))?.get("charged")?;
    Ok((total, count.unsigned_abs()))
}

/// A round's release, as it was fixed when the round began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrivateRound {
    pub clip_norm: f64,
    pub divisor: f64,
}

pub(crate) async fn insert_round(
    write: &mut Write,
    round: RoundId,
    federation: FederationId,
    number: u32,
    fixed: PrivateRound,
) -> Result<()> {
    let args = args![round, federation, number, fixed.clip_norm, fixed.divisor];
    write.exec(&INSERT_ROUND, args).await?;
    Ok(())
}

pub(crate) async fn round(query: &mut impl Query, round: RoundId) -> Result<Option<PrivateRound>> {
    let Some(row) = query.one(&ROUND, args![round]).await? else { return Ok(None) };
    Ok(Some(PrivateRound { clip_norm: row.get("clip_norm")?, divisor: row.get("divisor")? }))
}

/// The clipping norm that the last model's round left.
pub(crate) async fn newest_norm(query: &mut impl Query, federation: FederationId) -> Result<Option<f64>> {
    query.one(&NEWEST_NORM, args![federation]).await?.map(|row| row.get("next_clip_norm")).transpose()
}

pub(crate) async fn set_next_norm(write: &mut Write, round: RoundId, norm: f64) -> Result<()> {
    write.exec(&SET_NEXT_NORM, args![round, norm]).await?;
    Ok(())
}

/// Draws the key of a federation's noise and sampling.
pub(crate) async fn insert_key(write: &mut Write, cx: &Cx, federation: FederationId) -> Result<()> {
    let mut key = Key::default();
    cx.fill_random(&mut key);
    write.exec(&INSERT_KEY, args![federation, hex::encode(&key)]).await?;
    Ok(())
}

/// The federation's key; none where it is over or not private.
pub(crate) async fn key(query: &mut impl Query, federation: FederationId) -> Result<Option<Key>> {
    let Some(row) = query.one(&KEY, args![federation]).await? else { return Ok(None) };
    let key = hex::decode(&row.get::<String>("key_hex")?);
    key.map(Some).ok_or_else(|| Error::internal("column fl_privacy_keys.key_hex holds no key"))
}

/// Forgets the key: from then on nobody can take the noise away again.
pub(crate) async fn forget_key(write: &mut Write, federation: FederationId) -> Result<()> {
    write.exec(&FORGET_KEY, args![federation]).await?;
    Ok(())
}

/// In how many rounds each node took part that made a model, and the last one's number.
pub(crate) async fn past(
    query: &mut impl Query,
    federation: FederationId,
) -> Result<HashMap<NodeId, (u32, u32)>> {
    let rows = query.all(&PAST, args![federation]).await?;
    rows.iter().map(|row| Ok((row.get("node")?, (row.get("times")?, row.get("last")?)))).collect()
}
