//! Reading.

use thunderline_core::Result;

use crate::{Row, Stmt, Value, engine::Tx};

/// A read-only view of one state of the database. Dropping it ends it.
pub struct Read {
    tx: Tx,
}

impl Read {
    pub(crate) fn new(tx: Tx) -> Self {
        Self { tx }
    }

    /// All rows that the statement gives.
    ///
    /// # Errors
    /// `internal` for a statement that the engine refuses, also because it would write; `unavailable`.
    pub async fn all(&mut self, statement: &Stmt, args: Vec<Value>) -> Result<Vec<Row>> {
        self.tx.all(statement.name, statement.sql, args).await
    }

    /// The row that the statement gives, if any.
    ///
    /// # Errors
    /// As [`Read::all`], and `internal` for more than one row.
    pub async fn one(&mut self, statement: &Stmt, args: Vec<Value>) -> Result<Option<Row>> {
        self.tx.one(statement.name, statement.sql, args).await
    }
}
