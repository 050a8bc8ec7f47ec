//! Tokens on both engines.

use thundergate::{authenticate, local, token};
use thunderline_core::{Actor, ErrorKind, Role};
use thunderline_store::tables_of;
use thunderline_testkit::{MigrationSet, TestDb, both};

const MIGRATIONS: &[MigrationSet] = &[thundergate::MIGRATIONS];

both!(a_token_says_who_calls_for_which_tenant_and_with_which_role, async |t: TestDb| {
    let text = token::create(&t.admin(), t.db(), "ci", Role::Operator).await?;
    let cx = authenticate(&t.system(), t.db(), &text).await?;
    assert_eq!(cx.actor(), &Actor::User { name: "ci".into(), role: Role::Operator });
    assert_eq!(cx.tenant(), t.tenant());
});

both!(a_new_token_of_the_same_name_revokes_the_old_one, async |t: TestDb| {
    let old = token::create(&t.admin(), t.db(), "ci", Role::Operator).await?;
    let new = token::create(&t.admin(), t.db(), "ci", Role::Viewer).await?;
    let refused = authenticate(&t.system(), t.db(), &old).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    authenticate(&t.system(), t.db(), &new).await?;
});

both!(the_token_itself_is_not_in_the_database, async |t: TestDb| {
    let text = token::create(&t.admin(), t.db(), "ci", Role::Operator).await?;
    let audit = format!("{:?}", t.audit().await);
    assert!(!audit.contains(&text));
});

both!(only_an_administrator_makes_tokens, async |t: TestDb| {
    let refused = token::create(&t.operator(), t.db(), "ci", Role::Admin).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    t.assert_denied("gate.token.create").await;
});

both!(the_local_operator_keeps_a_working_token_and_gets_a_new_one_when_it_is_lost, async |t: TestDb| {
    let cx = t.system();
    assert!(local::ensure_operator_token(&cx, t.db(), t.dir(), "server").await?);
    assert!(!local::ensure_operator_token(&cx, t.db(), t.dir(), "server").await?);
    std::fs::remove_file(local::token_path(t.dir()))?;
    assert!(local::ensure_operator_token(&cx, t.db(), t.dir(), "server").await?);
    let text = std::fs::read_to_string(local::token_path(t.dir()))?;
    authenticate(&cx, t.db(), &text).await?;
});

both!(a_second_data_folder_gets_a_token_of_its_own_and_leaves_the_first_ones_alone, async |t: TestDb| {
    let (cx, folders) = (t.system(), [t.dir().join("one"), t.dir().join("two")]);
    for (folder, node) in folders.iter().zip(["one", "two"]) {
        std::fs::create_dir(folder)?;
        assert!(local::ensure_operator_token(&cx, t.db(), folder, node).await?);
    }
    for (folder, node) in folders.iter().zip(["one", "two"]) {
        let text = std::fs::read_to_string(local::token_path(folder))?;
        let name = format!("{}@{node}", local::NAME);
        let found = authenticate(&cx, t.db(), &text).await?;
        assert_eq!(found.actor(), &Actor::User { name: name.into(), role: Role::Admin });
    }
});

both!(a_database_that_is_away_is_no_reason_for_a_new_token, async |t: TestDb| {
    let cx = t.system();
    local::ensure_operator_token(&cx, t.db(), t.dir(), "server").await?;
    let before = std::fs::read_to_string(local::token_path(t.dir()))?;
    let away = t.reopen().await?;
    away.close().await;
    let refused = local::ensure_operator_token(&cx, &away, t.dir(), "server").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert_eq!(std::fs::read_to_string(local::token_path(t.dir()))?, before);
});

both!(every_statement_is_understood, async |t: TestDb| {
    t.db().prepare_all(&thundergate::statements()).await?;
});

#[test]
fn every_statement_stays_in_its_own_tables() {
    for statement in thundergate::statements() {
        assert_eq!(tables_of(statement.sql), ["gate_tokens"], "{}", statement.name);
    }
}
