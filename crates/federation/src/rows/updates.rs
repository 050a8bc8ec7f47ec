//! Table `fl_updates`: where the arrays of accepted updates are. Apart from the leases, which are read at every step, because
//! a layout of hundreds of arrays is long; gone when the round is over.

use std::collections::HashMap;

use thunderline_core::{FederationId, LeaseId, Result, RoundId};
use thunderline_store::{Query, Row, Stmt, Write, args};

use super::decode;
use crate::layout::UpdateLayout;

pub(crate) const STATEMENTS: &[&Stmt] =
    &[&INSERT, &OF_ROUND, &OF_BUFFER, &OF_LEASE, &REMOVE, &REMOVE_BUFFER, &REMOVE_ALL];

const INSERT: Stmt =
    Stmt::new("fl.updates.insert", "insert into fl_updates (lease, round, layout) values ($1, $2, $3)");
const OF_ROUND: Stmt =
    Stmt::new("fl.updates.of_round", "select lease, layout from fl_updates where round = $1");
const OF_BUFFER: Stmt = Stmt::new(
    "fl.updates.of_buffer",
    "select u.lease, u.layout from fl_updates u join fl_leases l on l.id = u.lease where l.ended_in = $1",
);
const OF_LEASE: Stmt =
    Stmt::new("fl.updates.of_lease", "select lease, layout from fl_updates where lease = $1");
const REMOVE: Stmt = Stmt::new("fl.updates.remove", "delete from fl_updates where round = $1");
const REMOVE_BUFFER: Stmt = Stmt::new(
    "fl.updates.remove_buffer",
    "delete from fl_updates where lease in (select id from fl_leases where ended_in = $1)",
);
const REMOVE_ALL: Stmt = Stmt::new(
    "fl.updates.remove_all",
    "delete from fl_updates where lease in (select id from fl_leases where federation = $1) returning lease",
);

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
    query.all(&OF_ROUND, args![round]).await?.iter().map(from_row).collect()
}

/// What the round's buffer has taken.
pub(crate) async fn of_buffer(
    query: &mut impl Query,
    round: RoundId,
) -> Result<HashMap<LeaseId, UpdateLayout>> {
    query.all(&OF_BUFFER, args![round]).await?.iter().map(from_row).collect()
}

pub(crate) async fn of_lease(query: &mut impl Query, lease: LeaseId) -> Result<Option<UpdateLayout>> {
    let row = query.one(&OF_LEASE, args![lease]).await?;
    Ok(row.as_ref().map(from_row).transpose()?.map(|(_, layout)| layout))
}

fn from_row(row: &Row) -> Result<(LeaseId, UpdateLayout)> {
    let layout: String = row.get("layout")?;
    Ok((row.get("lease")?, decode("fl_updates.layout", &layout)?))
}

/// Forgets where the round's updates were.
pub(crate) async fn remove(write: &mut Write, round: RoundId) -> Result<()> {
    write.exec(&REMOVE, args![round]).await?;
    Ok(())
}

/// Forgets where the updates of the round's buffer were.
pub(crate) async fn remove_buffer(write: &mut Write, round: RoundId) -> Result<()> {
    write.exec(&REMOVE_BUFFER, args![round]).await.map(drop)
}

/// Forgets where all updates of a federation were that is over, and gives whose they were.
pub(crate) async fn remove_all(write: &mut Write, federation: FederationId) -> Result<Vec<LeaseId>> {
    write.all(&REMOVE_ALL, args![federation]).await?.iter().map(|row| row.get("lease")).collect()
}
