//! Table `fl_updates`: where the arrays of accepted updates are. Apart from the leases, which are read at every step, because
//! a layout of hundreds of arrays is long; gone when the round is over.

use std::collections::HashMap;

use thunderline_core::{LeaseId, Result, RoundId};
use thunderline_store::{Query, Stmt, Write, args};

use super::decode;
use crate::layout::UpdateLayout;

pub(crate) const STATEMENTS: &[&Stmt] = &[&INSERT, &OF_ROUND, &REMOVE];

const INSERT: Stmt =
    Stmt::new("fl.updates.insert", "insert into fl_updates (lease, round, layout) values ($1, $2, $3)");
const OF_ROUND: Stmt =
    Stmt::new("fl.updates.of_round", "select lease, layout from fl_updates where round = $1");
const REMOVE: Stmt = Stmt::new("fl.updates.remove", "delete from fl_updates where round = $1");

pub(crate) async fn insert(
    write: &mut Write,
    lease: LeaseId,
    round: RoundId,
    layout: &UpdateLayout,
) -> Result<()> {
    let layout = serde_json::to_string(layout).expect("a layout is plain data");
    write.exec(&INSERT, args![lease, round, layout]).await?;
    Ok(())
}

pub(crate) async fn of_round(
    query: &mut impl Query,
    round: RoundId,
) -> Result<HashMap<LeaseId, UpdateLayout>> {
    let rows = query.all(&OF_ROUND, args![round]).await?;
    rows.iter()
        .map(|row| {
            let layout: String = row.get("layout")?;
            Ok((row.get("lease")?, decode("fl_updates.layout", &layout)?))
        })
        .collect()
}

/// Forgets where the round's updates were.
pub(crate) async fn remove(write: &mut Write, round: RoundId) -> Result<()> {
    write.exec(&REMOVE, args![round]).await?;
    Ok(())
}
