//! Issue: a backup taken at any moment of a federation is good, and the federation completes from it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;
use thunderline_core::{Random, SystemRandom};

use super::{
    server::{Server, said},
    turn,
    twenty_kills::{RUNNERS, chance, every_round_counted_everybody_once, let_it_end, pace, prepare},
    wait::{LONG, wait_for},
};
use crate::program::{run, thunderline};

#[test]
fn a_federation_completes_from_each_backup_that_was_made_during_it() {
    const ROUNDS: u64 = 16;
    let _turn = turn::take();
    let mut server = Server::start();
    let _runners = prepare(&server, ROUNDS);
    let id = server.submit(&spec(ROUNDS));
    let pace = pace(&server, &id);
    let mut backups = Vec::new();
    for name in ["first", "second", "third"] {
        // What is tested is the moment itself, hence a plain sleep.
        thread::sleep(pace.mul_f64(2.0 * chance()));
        let to = server.folder().join(name).with_extension("tar");
        let made = server.json(&["backup", "--to", to.to_str().unwrap()]);
        assert_eq!(made["damaged"], 0, "{made}");
        backups.push((name, to, made));
    }
    assert_ne!(server.federation(&id)["state"], "completed", "the backups came after the end");
    let_it_end(&server, ROUNDS);
    let listed = server.rest().list("/api/v1/backups");
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|backup| backup["state"] == "completed"), "{listed:#?}");
    server.kill();

    for (name, file, made) in backups {
        let checked = server.json(&["backup", "verify", file.to_str().unwrap()]);
        assert_eq!(checked["seal"], made["seal"]);
        server.move_to(name);
        let restored = server.json(&["restore", file.to_str().unwrap()]);
        assert_eq!((&restored["seal"], &restored["missing"]), (&made["seal"], &Value::Array(Vec::new())));
        server.restart();
        let before = server.federation(&id);
        println!("{name}: restored with {} rounds completed", before["completed_rounds"]);
        let after = server.wait_until_completed(&id, LONG);
        assert_eq!(after["completed_rounds"], ROUNDS);
        every_round_counted_everybody_once(&server, &id, ROUNDS);
        let fresh = server.rest().events().last().unwrap()["sequence"].as_i64().unwrap();
        assert!(fresh > 1_000_000, "numbers of events that others may have seen are not used again");
        server.kill();
    }
}

#[test]
fn a_round_whose_nodes_never_come_back_is_tried_again_with_others() {
    const ROUNDS: u64 = 6;
    let _turn = turn::take();
    let mut server = Server::start();
    let runners = prepare(&server, ROUNDS);
    let id = server.submit(&spec(ROUNDS));
    wait_for("the second round", LONG, || {
        (server.federation(&id)["completed_rounds"].as_u64() >= Some(1)).then_some(())
    });
    let file = server.folder().join("backup.tar");
    server.json(&["backup", "--to", file.to_str().unwrap()]);
    server.kill();
    drop(runners);

    server.move_to("restored");
    server.json(&["restore", file.to_str().unwrap()]);
    server.restart();
    for runner in 0..RUNNERS {
        // New keys, hence new nodes, with the data of the old ones.
        fs::remove_dir_all(server.folder().join(format!("powers-{runner}"))).unwrap();
        fs::remove_dir_all(server.folder().join(format!("updates-{runner}"))).unwrap();
    }
    let _others = prepare(&server, ROUNDS);
    let_it_end(&server, ROUNDS);
    let completed = server.wait_until_completed(&id, 300);
    assert_eq!(completed["completed_rounds"], ROUNDS);
    let rounds = server.rest().list(&format!("/api/v1/federations/{id}/rounds"));
    assert!(rounds.iter().any(|round| round["attempt"] == 2), "{rounds:#?}");
    assert_eq!(rounds.iter().filter(|round| round["state"] == "completed").count() as u64, ROUNDS);
}

#[test]
fn what_is_killed_while_it_backs_up_or_restores_leaves_nothing_that_looks_complete() {
    let _turn = turn::take();
    let folder = tempfile::tempdir().unwrap();
    let (data, backups) = (folder.path().join("data"), folder.path().join("backups"));
    fs::create_dir(&backups).unwrap();
    installation(&data, 48 << 20);
    let whole = backups.join("whole.tar");
    let begun = std::time::Instant::now();
    let (code, _, told) = run(&data, &["backup", "--to", whole.to_str().unwrap()]);
    assert_eq!(code, 0, "{told}");
    let takes = begun.elapsed();

    for attempt in 0..8 {
        let file = backups.join(format!("{attempt}.tar"));
        kill_after(thunderline(&data).arg("backup").arg("--to").arg(&file), takes.mul_f64(chance()));
        if file.exists() {
            let (code, _, told) = run(&data, &["backup", "verify", file.to_str().unwrap()]);
            assert_eq!(code, 0, "a file under its name is complete: {told}");
            fs::remove_file(&file).unwrap();
        }
    }
    let last = backups.join("last.tar");
    assert_eq!(run(&data, &["backup", "--to", last.to_str().unwrap()]).0, 0);
    assert_eq!(names(&backups), ["last.tar", "whole.tar"], "what the kills left was cleared");

    let target = folder.path().join("restored");
    for _ in 0..8 {
        kill_after(thunderline(&target).arg("restore").arg(&whole), takes.mul_f64(chance()));
        if target.exists() {
            the_same(&data, &target);
            fs::remove_dir_all(&target).unwrap();
        }
    }
    assert_eq!(run(&target, &["restore", whole.to_str().unwrap()]).0, 0);
    the_same(&data, &target);
    assert_eq!(names(folder.path()), ["backups", "data", "restored"], "what the kills left was cleared");
}

#[test]
fn a_folder_in_use_or_with_content_is_not_overwritten_and_force_moves_it_aside() {
    let mut server = Server::start();
    let file = server.folder().join("backup.tar");
    let file = file.to_str().unwrap();
    let made = server.json(&["backup", "--to", file]);
    let (code, _, told) = run(&server.data(), &["restore", file, "--force"]);
    assert_eq!(code, 4, "{told}");
    assert!(told.contains("another server uses"), "{told}");
    server.interrupt();
    let (code, _, told) = run(&server.data(), &["restore", file]);
    assert_eq!((code, told.contains("--force")), (4, true), "{told}");
    let restored = server.json(&["restore", file, "--force"]);
    let aside = PathBuf::from(restored["moved_aside"].as_str().unwrap());
    assert!(aside.join("thunderline.db").exists() && aside.join("operator.token").exists());
    server.restart();
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(server.data().join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("operator.token"), mode("thunderline.db"), mode("")), (0o600, 0o600, 0o700));
    // The token of before is the token of now, and whoever is no administrator makes no backups.
    let listed = wait_for("the backup to find itself", LONG, || {
        let listed = server.rest().list("/api/v1/backups");
        (listed[0]["state"] != "running").then_some(listed)
    });
    assert_eq!(
        (listed.len(), &listed[0]["state"], &listed[0]["seal"]),
        (1, &"completed".into(), &made["seal"])
    );
}

#[test]
fn a_disk_without_room_and_a_place_that_cannot_be_written_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    installation(&data, 4 << 20);
    let file = folder.path().join("backup.tar");
    // Where no file may be larger than 1 MB, the copy of the objects does not fit.
    let program = env!("CARGO_BIN_EXE_thunderline");
    let script = format!(
        "trap '' XFSZ; ulimit -f 1000; exec {program} --data-dir {} backup --to {}",
        data.display(),
        file.display()
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(names(folder.path()), ["data"], "{}", said(&output));

    let (code, _, told) = run(&data, &["backup", "--to", "/proc/self/backup.tar"]);
    assert_eq!((code, told.contains("/proc/self/backup.tar")), (4, true), "{told}");
    let (code, _, told) =
        run(&data, &["backup", "--to", folder.path().join("no/such/folder/x.tar").to_str().unwrap()]);
    assert_eq!((code, told.contains("folder that does not exist")), (4, true), "{told}");
    assert_eq!(run(&data, &["backup", "--to", file.to_str().unwrap()]).0, 0);
    let (code, _, told) = run(Path::new("/proc/restored"), &["restore", file.to_str().unwrap()]);
    assert_eq!((code, told.contains("data-dir")), (4, true), "{told}");
}

/// Its spec: like the one of the kills, with judgement now and then.
fn spec(rounds: u64) -> String {
    format!(
        "name: powers
model_ref: initial.safetensors
app: {{ command: {{ name: powers }} }}
num_rounds: {rounds}
min_clients: {RUNNERS}
round: {{ deadline: 600s, quorum: 1.0, max_failures: 20 }}
evaluation: {{ federated: true, every: 3 }}
seed: 1
"
    )
}

/// A data folder with one large object.
fn installation(data: &Path, bytes: usize) {
    let (code, _, told) = run(data, &["migrate"]);
    assert_eq!(code, 0, "{told}");
    let mut content = vec![0; bytes];
    SystemRandom.fill(&mut content);
    let objects = thunderline_objects::Objects::open(data.join("objects")).unwrap();
    objects.checkpoints().unwrap().put(&content).unwrap();
    fs::write(data.join("operator.token"), "secret").unwrap();
}

/// The same objects and secrets, and a database that is in order.
fn the_same(data: &Path, other: &Path) {
    let walk = |data: &Path| {
        let objects = thunderline_objects::Objects::open(data.join("objects")).unwrap();
        let area = objects.checkpoints().unwrap();
        let found = objects.walk().unwrap();
        assert!(found.iter().all(|blob| area.verify(&blob.digest).unwrap()));
        found.into_iter().map(|blob| (blob.path, blob.length)).collect::<Vec<_>>()
    };
    assert_eq!(walk(data), walk(other));
    assert_eq!(
        fs::read(data.join("operator.token")).unwrap(),
        fs::read(other.join("operator.token")).unwrap()
    );
    let (code, _, told) = run(other, &["migrate", "--check"]);
    assert_eq!(code, 0, "{told}");
}

fn kill_after(command: &mut Command, pause: Duration) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // What is tested is the moment itself, hence a plain sleep.
    thread::sleep(pause);
    let _ended_already = child.kill();
    child.wait().unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
