//! Events on their way, on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod dead_letters;
mod events;
mod shared;
mod webhooks;

use thunderline_contracts::link::NodeLeft;
use thunderline_core::{Action, Cx, NodeId, Result, Role, Rule, Subject};
use thunderline_store::Db;
use thunderline_testkit::{MigrationSet, TestDb, both};

const MIGRATIONS: &[MigrationSet] = &[thunderflow::MIGRATIONS];

const TELL: Action = Action::new("t.node.leave", Rule::AtLeast(Role::Viewer));

/// Tells that a node left.
async fn tell(cx: &Cx, db: &Db, node: u64) -> Result<()> {
    let node = NodeId::from_bits(node);
    let mut write = db.write(cx, &TELL).await?;
    write.emit(&NodeLeft { node, reason: "it said goodbye".into() });
    write.commit(&Subject::new("node", node)).await
}

both!(statements_can_be_prepared_and_stay_in_their_tables, async |t: TestDb| {
    t.assert_statements("flow_", &thunderflow::statements()).await;
    t.assert_migrations("flow_", thunderflow::MIGRATIONS);
});
