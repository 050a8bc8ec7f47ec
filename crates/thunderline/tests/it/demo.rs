//! The demo, small.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::program::{run, thunderline};

#[test]
fn the_same_seed_gives_the_same_checkpoint_and_another_seed_another() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |name: &str, seed: &str| {
        let keep = folder.path().join(name);
        let arguments = ["demo", "--json", "--clients", "3", "--rounds", "3", "--seed", seed, "--keep"];
        let (code, out, says) = run(&keep, &[&arguments[..], &[keep.to_str().unwrap()]].concat());
        assert_eq!(code, 0, "{says}");
        let report: Value = serde_json::from_str(&out).unwrap();
        let bytes = fs::read(report["checkpoint"].as_str().unwrap()).unwrap();
        let digest = thunderline_objects::Sha256::of(&bytes).to_string();
        assert_eq!(report["sha256"], digest.as_str());
        assert_eq!(report["rounds"].as_array().map(Vec::len), Some(3));
        assert!(report["accuracy"].as_f64().unwrap() > 0.6, "{report}");
        digest
    };
    let first = demo("one", "1");
    assert_eq!(first, demo("two", "1"));
    assert_ne!(first, demo("three", "2"));
}

/// Processes whose command line names the folder.
#[cfg(target_os = "linux")]
fn processes(folder: &Path) -> usize {
    let name = folder.as_os_str().as_encoded_bytes();
    let found = fs::read_dir("/proc").expect("processes are listed").flatten().filter(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.windows(name.len()).any(|window| window == name)
    });
    found.count()
}

#[cfg(target_os = "linux")]
#[test]
fn clients_do_not_outlive_a_demo_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("demo");
    let mut demo = thunderline(&keep)
        .args(["demo", "--clients", "3", "--rounds", "10000", "--keep", keep.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("round 1 of")));
    assert_eq!(processes(&keep), 4);
    demo.kill().unwrap();
    demo.wait().unwrap();
    // Nothing tells when a process that is nobody's child any more has ended; so it is looked for.
    let gone = (0..2_400).any(|_| {
        thread::sleep(Duration::from_millis(50));
        processes(&keep) == 0
    });
    assert!(gone, "{} processes are left", processes(&keep));
}
