//! What belongs to one process, and to one user.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use thunderline_core::Subject;
use thunderline_store::{Engine, Stmt, args};
use thunderline_testkit::{TestDb, both};

use crate::{ADD, INSERT};

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

const DELETE: Stmt = Stmt::new("thing.delete", "delete from t_things where label = $1");

/// On SQLite only: PostgreSQL's files are its own.
#[test]
fn what_is_deleted_is_overwritten_in_the_file() {
    const SECRET: &str = "a key that nobody may find later";
    thunderline_testkit::run(Engine::Sqlite, crate::MIGRATIONS, async |t| {
        let cx = t.operator();
        let file = t.db().file().expect("SQLite has one").to_owned();
        let found = || {
            let bytes = std::fs::read(&file).expect("the database is there");
            bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes())
        };
        t.db().close().await;
        for (statement, there) in [(&INSERT, true), (&DELETE, false)] {
            // Who closes it last brings everything from the log into the file.
            let db = t.reopen().await?;
            let mut write = db.write(&cx, &ADD).await?;
            let arguments = if there { args![cx.uuid(), SECRET, 1i64] } else { args![SECRET] };
            write.exec(statement, arguments).await?;
            write.commit(&Subject::new("thing", "x")).await?;
            db.close().await;
            assert_eq!(found(), there);
        }
        Ok(())
    });
}
