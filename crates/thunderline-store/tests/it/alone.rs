//! What belongs to one process, and to one user.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use thunderline_store::Engine;
use thunderline_testkit::{TestDb, both};

both!(a_name_is_one_processs_at_a_time_where_several_share_the_database, async |t: TestDb| {
    let other = t.reopen().await?;
    let first = t.db().be_alone("server", Duration::ZERO).await?.expect("nobody has it");
    let second = other.be_alone("server", Duration::ZERO).await?;
    assert_eq!(second.is_some(), t.engine() == Engine::Sqlite, "where one process works, every name is free");
    assert!(other.be_alone("another", Duration::ZERO).await?.is_some());
    drop(first);
    assert!(other.be_alone("server", Duration::from_secs(120)).await?.is_some());
});

/// On SQLite only: PostgreSQL's files are its own.
#[test]
fn a_new_databases_files_are_their_owners_only() {
    thunderline_testkit::run(Engine::Sqlite, crate::MIGRATIONS, async |t| {
        let file = t.db().file().expect("SQLite has one");
        for end in ["", "-wal", "-shm"] {
            let path = format!("{}{end}", file.display());
            assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600, "{path}");
        }
        Ok(())
    });
}
