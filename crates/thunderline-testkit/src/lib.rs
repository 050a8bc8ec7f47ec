//! What tests of all crates share: a fresh database on either engine, a clock that is moved by hand, repeatable
//! randomness, callers of every kind, and assertions about what a write left behind.
//!
//! A test crate names its migrations once, in `tests/it/main.rs`, and then writes each test for both engines:
//! ```text
//! const MIGRATIONS: &[MigrationSet] = &[federation::MIGRATIONS];
//!
//! both!(submitting_leaves_one_event, async |t: TestDb| {
//!     federation::submit(&t.operator(), t.db(), spec()).await?;
//!     t.assert_events(["fl.federation.created"]).await;
//! });
//! ```

mod asserts;
mod cluster;
mod peer;
mod tell;
mod test_db;

pub use peer::peer;
pub use test_db::{TestContracts, TestDb, run};
pub use thunderline_core::Result;
pub use thunderline_store::{Engine, MigrationSet};

/// Makes `name::sqlite` and `name::postgres` of one test body. The body gets a [`TestDb`], may use `?`, and gives `()`.
/// The test crate's root has `const MIGRATIONS: &[MigrationSet]`.
#[macro_export]
#[expect(clippy::crate_in_macro_def, reason = "the test crate that uses the macro has the constant")]
macro_rules! both {
    ($name:ident, async |$t:ident: $db:ty| $body:block) => {
        #[cfg(test)]
        mod $name {
            use super::*;

            async fn body($t: $db) -> $crate::Result<()> {
                $body
                Ok(())
            }

            #[test]
            fn sqlite() {
                $crate::run($crate::Engine::Sqlite, crate::MIGRATIONS, body);
            }

            #[test]
            fn postgres() {
                $crate::run($crate::Engine::Postgres, crate::MIGRATIONS, body);
            }
        }
    };
}
