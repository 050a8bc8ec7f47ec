//! What can be asked of either kind of transaction.

use thunderline_core::Result;

use crate::{Read, Row, Stmt, Value, Write};

/// A transaction that can be read from: lets a domain write each of its queries once.
pub trait Query: Send {
    /// All rows that the statement gives. Errors are those of [`Read::all`].
    fn all(&mut self, statement: &Stmt, args: Vec<Value>) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// The row that the statement gives, if any. Errors are those of [`Read::one`].
    fn one(&mut self, statement: &Stmt, args: Vec<Value>)
    -> impl Future<Output = Result<Option<Row>>> + Send;
}

impl Query for Read {
    async fn all(&mut self, statement: &Stmt, args: Vec<Value>) -> Result<Vec<Row>> {
        Self::all(self, statement, args).await
    }

    async fn one(&mut self, statement: &Stmt, args: Vec<Value>) -> Result<Option<Row>> {
        Self::one(self, statement, args).await
    }
}

impl Query for Write {
    async fn all(&mut self, statement: &Stmt, args: Vec<Value>) -> Result<Vec<Row>> {
        Self::all(self, statement, args).await
    }

    async fn one(&mut self, statement: &Stmt, args: Vec<Value>) -> Result<Option<Row>> {
        Self::one(self, statement, args).await
    }
}
