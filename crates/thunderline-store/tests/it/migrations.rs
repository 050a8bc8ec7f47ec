//! Where the program and the database disagree, the program does not start.

use thunderline_store::{Migration, MigrationSet};
use thunderline_testkit::{TestDb, both};

use crate::{MIGRATIONS, THINGS};

const SECOND: Migration = Migration::portable(9102, "more", "create table t_more (id bigint)");
const LONGER: MigrationSet = &[Migration::portable(9101, "some", "create table t_some (id bigint)"), SECOND];
const SHORTER: MigrationSet = &[LONGER[0]];
const LATER_ONLY: MigrationSet = &[SECOND];
const ALTERED: MigrationSet = &[Migration::portable(9001, "things", "create table t_things (id bigint)")];
const BROKEN: MigrationSet =
    &[LONGER[0], Migration::portable(9102, "more", "create table t_more (id nonsense(")];

both!(migrating_again_changes_nothing, async |t: TestDb| {
    t.db().migrate(&t.system(), MIGRATIONS).await?;
    t.db().check_migrations(MIGRATIONS).await?;
});

both!(pending_migrations_are_applied_by_migrating_and_refused_otherwise, async |t: TestDb| {
    t.db().migrate(&t.system(), &[THINGS, SHORTER]).await?;
    let pending = t.db().check_migrations(&[THINGS, LONGER]).await.unwrap_err();
    assert_eq!(pending.code(), "unavailable");
    assert!(pending.to_string().contains("9102 (more)"), "{pending}");
    t.db().migrate(&t.system(), &[THINGS, LONGER]).await?;
    t.db().check_migrations(&[THINGS, LONGER]).await?;
});

both!(an_altered_migration_is_refused, async |t: TestDb| {
    let error = t.db().migrate(&t.system(), &[ALTERED]).await.unwrap_err();
    assert!(error.to_string().contains("9001 (things) was altered"), "{error}");
    assert!(t.db().check_migrations(&[ALTERED]).await.is_err());
});

both!(a_database_that_is_newer_than_the_program_is_refused, async |t: TestDb| {
    let error = t.db().migrate(&t.system(), &[]).await.unwrap_err();
    assert!(error.to_string().contains("9001 (things) is applied but unknown"), "{error}");
});

both!(a_gap_is_refused, async |t: TestDb| {
    t.db().migrate(&t.system(), &[THINGS, LATER_ONLY]).await?;
    let error = t.db().migrate(&t.system(), &[THINGS, LONGER]).await.unwrap_err();
    assert!(error.to_string().contains("9101 (some) is missing"), "{error}");
});

both!(a_failing_migration_leaves_nothing_of_its_run, async |t: TestDb| {
    let error = t.db().migrate(&t.system(), &[THINGS, BROKEN]).await.unwrap_err();
    assert!(error.to_string().contains("migration 9102 more"), "{error}");
    t.db().migrate(&t.system(), &[THINGS, LONGER]).await?;
});

both!(many_processes_may_migrate_at_once, async |t: TestDb| {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (db, cx) = (t.reopen().await?, t.system());
        tasks.spawn(async move { db.migrate(&cx, &[THINGS, LONGER]).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no migration panics")?;
    }
    t.db().check_migrations(&[THINGS, LONGER]).await?;
});
