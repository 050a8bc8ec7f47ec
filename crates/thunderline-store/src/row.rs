//! A fetched row, without its engine.

use std::sync::Arc;

use thunderline_core::{Error, Result};

use crate::{Value, value::FromValue};

/// One row of a result.
#[derive(Clone, Debug)]
pub struct Row {
    pub(crate) statement: &'static str,
    pub(crate) columns: Arc<[String]>,
    pub(crate) values: Vec<Value>,
}

impl Row {
    /// The column's value as the wanted type.
    ///
    /// # Errors
    /// `internal`, naming statement and column, where the column is missing or holds something else: the statement and
    /// the code that reads it disagree.
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T> {
        let statement = self.statement;
        let position = self.columns.iter().position(|name| name == column);
        let value = position
            .and_then(|position| self.values.get(position))
            .ok_or_else(|| Error::internal(format!("statement {statement} gives no column {column}")))?;
        T::from_value(value).ok_or_else(|| {
            let (wanted, found) = (std::any::type_name::<T>(), value.kind());
            Error::internal(format!("statement {statement}: column {column} is {found}, wanted {wanted}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_names_statement_and_column() {
        let row = Row {
            statement: "node.list",
            columns: Arc::from(["id".to_owned()]),
            values: vec![Value::Text(Some("seven".into()))],
        };
        assert_eq!(row.get::<String>("id").unwrap(), "seven");
        let wrong = row.get::<i64>("id").unwrap_err();
        assert!(
            wrong.to_string().contains("node.list") && wrong.to_string().contains("column id"),
            "{wrong}"
        );
        assert_eq!(row.get::<i64>("name").unwrap_err().code(), "internal");
    }
}
