//! Statements: named constant SQL text, the same for both engines.

/// A named statement. Placeholders are `$1`, `$2`, … on both engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stmt {
    /// A short name for messages and traces, for example `round.insert`.
    pub name: &'static str,
    /// The text; it must mean the same to SQLite and PostgreSQL.
    pub sql: &'static str,
}

impl Stmt {
    /// Names a statement.
    #[must_use]
    pub const fn new(name: &'static str, sql: &'static str) -> Self {
        Self { name, sql }
    }
}
