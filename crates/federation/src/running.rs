//! What is running, across all tenants: for the installation's own book-keeping.

use thunderline_core::{Cx, FederationId, Result};
use thunderline_store::{Stmt, args};

use crate::{Federations, retain::ACTION};

pub(crate) const STATEMENTS: &[&Stmt] = &[&RUNNING];

const RUNNING: Stmt = Stmt::new(
    "fl.running",
    "select id, name, state, completed_rounds, rounds_total from fl_federations
     where state in ('created', 'running', 'paused') order by created_at, id limit 10000",
);

/// A federation that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Which.
    pub id: FederationId,
    /// What people call it.
    pub name: String,
    /// `created`, `running` or `paused`.
    pub state: String,
    /// Rounds completed so far.
    pub completed_rounds: u32,
    /// Rounds in all.
    pub rounds_total: u32,
}

/// Every federation that is not over, the oldest first.
///
/// # Errors
/// Those of the database.
pub async fn running(cx: &Cx, domain: &Federations) -> Result<Vec<Running>> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    let rows = read.all(&RUNNING, args![]).await?;
    rows.iter()
        .map(|row| {
            Ok(Running {
                id: row.get("id")?,
                name: row.get("name")?,
                state: row.get("state")?,
                completed_rounds: row.get("completed_rounds")?,
                rounds_total: row.get("rounds_total")?,
            })
        })
        .collect()
}
