//! Table `fl_rollups`.

use thunderline_core::{Cx, FederationId, Result, RollupId, TenantId};
use thunderline_store::{Query, Stmt, Write, args};

use super::{decode, rounds::Round};
use crate::rollup::Rollup;

pub(crate) const STATEMENTS: &[&Stmt] = &[&INSERT, &OF_FEDERATION];

const INSERT: Stmt = Stmt::new(
    "fl.rollups.insert",
    "insert into fl_rollups (id, tenant, federation, round, number, aggregates, created_at)
     values ($1, $2, $3, $4, $5, $6, $7)",
);
const OF_FEDERATION: Stmt = Stmt::new(
    "fl.rollups.of_federation",
    "select number, aggregates from fl_rollups where federation = $1 and tenant = $2 and number > $3
     order by number",
);

pub(crate) async fn insert(write: &mut Write, cx: &Cx, round: &Round, rollup: &Rollup) -> Result<()> {
    let aggregates = serde_json::to_string(rollup).expect("a rollup is plain data");
    let id: RollupId = cx.id();
    let args = args![id, round.tenant, round.federation, round.id, round.number, aggregates, cx.now()];
    write.exec(&INSERT, args).await?;
    Ok(())
}

/// Round numbers and rollups of rounds after that number, in order.
pub(crate) async fn of_federation(
    query: &mut impl Query,
    federation: FederationId,
    after: u32,
    tenant: TenantId,
) -> Result<Vec<(u32, Rollup)>> {
    let rows = query.all(&OF_FEDERATION, args![federation, tenant, after]).await?;
    rows.iter()
        .map(|row| {
            let aggregates: String = row.get("aggregates")?;
            Ok((row.get("number")?, decode("fl_rollups.aggregates", &aggregates)?))
        })
        .collect()
}
