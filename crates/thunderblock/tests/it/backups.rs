//! Backups: what is asked for, what is in them, and what is refused.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use proptest::{prelude::*, strategy::ValueTree};
use thunderblock::backup::{
    self, BackupState, Made, MakeBackup, RESTORED_FILE, Source, Verified,
    format::{FORMAT, OPENING},
};
use thunderline_core::{ErrorKind, Job, Result};
use thunderline_objects::Sha256;
use thunderline_store::{Db, JobFilter};
use thunderline_testkit::{Engine, TestDb, both};

use crate::home::Site;

async fn make(site: &Site, name: &str) -> Result<(Made, PathBuf)> {
    let target = site.t.dir().join(name);
    let data = site.data();
    let source = Source { db: site.t.db(), objects: &site.objects, data: &data };
    Ok((backup::make(&site.t.system(), &source, &target, &std::sync::Arc::default()).await?, target))
}

async fn verify(file: &Path) -> Result<Verified> {
    let scratch = tempfile::tempdir()?;
    backup::verify(file, scratch.path(), &std::sync::Arc::default()).await
}

/// On SQLite only: PostgreSQL is refused, which a test of its own shows.
fn on_sqlite<F: Future<Output = Result<()>>>(body: impl FnOnce(TestDb) -> F) {
    thunderline_testkit::run(Engine::Sqlite, crate::MIGRATIONS, body);
}

both!(a_backup_that_was_asked_for_is_made_once_or_refused_with_advice, async |t: TestDb| {
    let site = Site::new(t)?;
    let (admin, block) = (site.t.admin(), &site.block);
    if site.t.db().engine() == Engine::Postgres {
        let refused = backup::request(&admin, block, None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        assert!(refused.to_string().contains("pg_dump"), "{refused}");
        assert_eq!(backup::list(&admin, block, None, 10).await?, []);
        return Ok(());
    }
    let forbidden = backup::request(&site.t.operator(), block, None).await.unwrap_err();
    assert_eq!(forbidden.kind(), ErrorKind::Forbidden);
    let asked = backup::request(&admin, block, None).await?;
    assert_eq!((asked.state, asked.requested_by.as_str()), (BackupState::Waiting, "user:admin"));
    let again = backup::request(&admin, block, None).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict, "one at a time");
    let jobs = site.t.db().jobs().list(&JobFilter::default(), 10).await?;
    assert_eq!((jobs.len(), jobs[0].name.as_str()), (1, MakeBackup::NAME));

    backup::run(&site.t.system(), block, asked.id).await?;
    let (made, progress) = backup::get(&admin, block, asked.id).await?;
    assert_eq!((made.state, progress), (BackupState::Completed, None), "{made:?}");
    let verified = verify(Path::new(&made.path)).await?;
    assert_eq!(Some(verified.seal.to_string()), made.seal);
    assert_eq!(Some(fs::metadata(&made.path)?.len()), made.size_bytes);

    backup::run(&site.t.system(), block, asked.id).await?;
    assert_eq!(backup::get(&admin, block, asked.id).await?.0, made, "a job that runs twice changes nothing");
    assert_eq!(backup::list(&admin, block, None, 10).await?, [made]);
});

#[test]
fn what_a_dead_process_had_begun_has_failed() {
    on_sqlite(async |t| {
        let site = Site::new(t)?;
        let asked = backup::request(&site.t.admin(), &site.block, None).await?;
        // The folder goes away between the question and the work.
        fs::remove_dir_all(site.data().join("backups"))?;
        backup::run(&site.t.system(), &site.block, asked.id).await?;
        let (failed, _) = backup::get(&site.t.admin(), &site.block, asked.id).await?;
        assert_eq!(failed.state, BackupState::Failed);
        assert!(failed.reason.is_some_and(|reason| reason.contains("cannot be written")));

        let asked = backup::request(&site.t.admin(), &site.block, None).await?;
        let cx = site.t.system();
        let running = backup::run(&cx, &site.block, asked.id);
        // It is dropped where it waits for the disk, as when the server is stopped.
        assert!(futures::FutureExt::now_or_never(running).is_none());
        for _ in 0..100 {
            backup::run(&site.t.system(), &site.block, asked.id).await?;
            let (now, _) = backup::get(&site.t.admin(), &site.block, asked.id).await?;
            assert_ne!(now.state, BackupState::Running);
            if now.state.is_over() {
                return Ok(());
            }
        }
        panic!("it is neither complete nor failed");
    });
}

#[test]
fn what_is_restored_is_what_was_there() {
    on_sqlite(async |t| {
        let site = Site::new(t)?;
        let model = site.objects.checkpoints()?.put(&vec![7; 3 << 20])?;
        let upload = site.objects.area("rounds/0190a/train")?.put(b"an upload")?;
        let (made, file) = make(&site, "backup.tar").await?;
        assert_eq!((made.files, made.damaged.len()), (5, 0), "database, two secrets, two objects: {made:?}");
        let verified = verify(&file).await?;
        assert_eq!((verified.seal, verified.files), (made.seal, 5));

        let target = site.t.dir().join("deep/restored");
        let restored =
            backup::restore(&site.t.system(), &file, &target, false, &std::sync::Arc::default()).await?;
        assert_eq!((restored.seal, restored.moved_aside), (made.seal, None));
        assert_eq!(fs::read(target.join("manifest.key"))?, b"a key");
        assert!(!target.join("server.json").exists() && target.join(RESTORED_FILE).exists());
        let objects = thunderline_objects::Objects::open(target.join("objects"))?;
        assert!(
            objects.checkpoints()?.verify(&model)? && objects.area("rounds/0190a/train")?.verify(&upload)?
        );
        let db = Db::connect(&format!("sqlite:{}", target.join("thunderline.db").display())).await?;
        db.check_migrations(crate::MIGRATIONS).await?;
        db.close().await;

        let refused =
            backup::restore(&site.t.system(), &file, &target, false, &std::sync::Arc::default()).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Conflict, "it is not empty any more");
        let replaced =
            backup::restore(&site.t.system(), &file, &target, true, &std::sync::Arc::default()).await?;
        assert!(replaced.moved_aside.is_some_and(|aside| aside.join("manifest.key").exists()));
        Ok(())
    });
}

#[test]
fn a_damaged_object_is_told_of_and_left_out() {
    on_sqlite(async |t| {
        let site = Site::new(t)?;
        let kept = site.objects.checkpoints()?;
        let (good, rotten) = (kept.put(b"good")?, kept.put(b"rotten")?);
        fs::write(kept.path_of(&rotten), b"r0tten")?;
        let (made, file) = make(&site, "backup.tar").await?;
        assert_eq!(made.damaged, [format!("objects/checkpoints/{rotten}")]);
        assert_eq!(verify(&file).await?.damaged, made.damaged);
        let target = site.t.dir().join("restored");
        let restored =
            backup::restore(&site.t.system(), &file, &target, false, &std::sync::Arc::default()).await?;
        assert_eq!(restored.missing, made.damaged);
        let objects = thunderline_objects::Objects::open(target.join("objects"))?.checkpoints()?;
        assert!(objects.contains(&good) && !objects.contains(&rotten));
        Ok(())
    });
}

#[test]
fn no_damage_goes_unnoticed_wherever_it_is() {
    on_sqlite(async |t| {
        let site = Site::new(t)?;
        site.objects.checkpoints()?.put(&vec![7; 100_000])?;
        let (_, file) = make(&site, "backup.tar").await?;
        let (whole, good) = (fs::read(&file)?, verify(&file).await?);
        let damaged = site.t.dir().join("damaged.tar");
        let cases = (any::<prop::sample::Index>(), 1..=255u8, any::<bool>());
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        for _ in 0..200 {
            let (at, flip, cut) = cases.new_tree(&mut runner).unwrap().current();
            let mut bytes = whole.clone();
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= flip;
            }
            fs::write(&damaged, &bytes)?;
            match verify(&damaged).await {
                Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid, "{error}"),
                // Padding between files, or blanks in the table of contents, whose seal then differs.
                Ok(verified) => {
                    assert!(!cut, "cut at {at} of {}", whole.len());
                    assert_eq!(Verified { seal: good.seal, ..verified }, good, "changed at {at}");
                }
            }
        }
        // Restoring is as careful, and leaves nothing.
        fs::write(&damaged, &whole[..whole.len() - 700])?;
        let target = site.t.dir().join("restored");
        let refused =
            backup::restore(&site.t.system(), &damaged, &target, false, &std::sync::Arc::default()).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
        let left: Vec<_> = fs::read_dir(site.t.dir())?.map(|it| it.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("restor")), "{left:?}");
        Ok(())
    });
}

#[test]
fn an_exchanged_object_is_noticed_even_where_its_length_is_right() {
    on_sqlite(async |t| {
        let site = Site::new(t)?;
        site.objects.checkpoints()?.put(b"the honest model")?;
        let (_, file) = make(&site, "backup.tar").await?;
        let whole = fs::read(&file)?;
        let at = whole.windows(16).position(|window| window == b"the honest model").unwrap();
        let mut open = File::options().write(true).open(&file)?;
        open.seek(SeekFrom::Start(at as u64))?;
        open.write_all(b"the forged model")?;
        let refused = verify(&file).await.unwrap_err();
        assert!(refused.to_string().contains(&Sha256::of(b"the honest model").to_string()), "{refused}");
        Ok(())
    });
}

#[test]
fn what_is_no_backup_or_one_of_a_newer_program_is_refused_by_name() {
    on_sqlite(async |t| {
        let site = Site::new(t)?;
        let (_, file) = make(&site, "backup.tar").await?;
        let mut first = String::new();
        let mut archive = tar::Archive::new(File::open(&file)?);
        archive.entries()?.next().unwrap()?.read_to_string(&mut first)?;
        let newer = first.replace(&format!("\"format\": {FORMAT}"), &format!("\"format\": {}", FORMAT + 1));
        assert_ne!(newer, first);
        let other = site.t.dir().join("newer.tar");
        let mut archive = tar::Builder::new(File::create(&other)?);
        let mut header = tar::Header::new_gnu();
        header.set_size(newer.len() as u64);
        archive.append_data(&mut header, OPENING, newer.as_bytes())?;
        archive.into_inner()?;
        let refused = verify(&other).await.unwrap_err();
        assert!(refused.to_string().contains("does not know"), "{refused}");

        for (name, content) in [("empty.tar", &b""[..]), ("text.tar", b"no archive at all")] {
            fs::write(site.t.dir().join(name), content)?;
            assert_eq!(
                verify(&site.t.dir().join(name)).await.unwrap_err().kind(),
                ErrorKind::Invalid,
                "{name}"
            );
        }
        // Control characters where an archive has its header.
        let odd = site.t.dir().join("odd.tar");
        fs::write(&odd, [b'\x1b'; 4096])?;
        let says = verify(&odd).await.unwrap_err().to_string();
        assert!(says.contains("no backup at all") && !says.chars().any(char::is_control), "{says:?}");
        let says = verify(site.t.dir()).await.unwrap_err().to_string();
        assert!(says.contains("is a folder"), "{says}");
        assert_eq!(verify(&site.t.dir().join("missing.tar")).await.unwrap_err().kind(), ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn a_name_that_leads_out_of_the_folder_is_refused() {
    on_sqlite(async |t| {
        let site = Site::new(t)?;
        let opening =
            format!("{{\"format\": {FORMAT}, \"program\": \"x\", \"created_at\": \"2027-01-15T08:00:00Z\"}}");
        let evil = site.t.dir().join("evil.tar");
        let mut archive = tar::Builder::new(File::create(&evil)?);
        for (name, content) in [(OPENING, opening.as_str()), ("data/../../escaped", "x")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            // As no honest writer would.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            archive.append(&header, content.as_bytes())?;
        }
        archive.into_inner()?;
        let target = site.t.dir().join("a/b/c");
        let refused =
            backup::restore(&site.t.system(), &evil, &target, false, &std::sync::Arc::default()).await;
        assert!(refused.unwrap_err().to_string().contains("does not belong in it"));
        assert!(!target.exists() && !site.t.dir().join("a/escaped").exists());
        Ok(())
    });
}
