//! `cargo xtask test`: prepare, check, test, clean up; and `cargo xtask with`, which runs one command so prepared.

use std::process::Command;
use std::thread;
use std::time::Instant;

use crate::postgres::Cluster;
use crate::steps::{Steps, seconds};
use crate::tally::Tally;
use crate::{boundaries, peers, postgres, shell, tidy};

/// What the tests need from outside; the cluster lives as long as this does.
struct Prepared {
    cluster: Cluster,
    peers: Vec<(String, String)>,
}

impl Prepared {
    fn variables(&self) -> Vec<(String, String)> {
        let mut variables = self.peers.clone();
        variables.push((postgres::VARIABLE.to_owned(), self.cluster.url().to_owned()));
        variables
    }
}

/// Everything a change has to pass. Succeeds only when every step does.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let quick = match arguments {
        [] => false,
        [flag] if flag == "--quick" => true,
        _ => return Err("usage: cargo xtask test [--quick]".to_owned()),
    };
    let mut steps = Steps::start();
    // Installing Python packages waits for the network and a disk while the compiler wants the processors.
    let preparing = thread::spawn(move || {
        let began = Instant::now();
        let outcome = prepare(quick);
        (outcome, began.elapsed())
    });

    steps.step("formatting", || shell::run(shell::cargo().args(["fmt", "--all", "--check"])));
    steps.step("boundaries", boundaries::run);
    steps.step("tidiness", tidy::run);
    steps.step("lints", || {
        shell::run(shell::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    // The programs first, since end-to-end tests run them; the tests below reuse every library built here.
    let built = steps.step("build", || {
        shell::run(shell::cargo().args(["build", "--workspace"]))?;
        shell::run(shell::cargo().args(["test", "--workspace", "--no-run", "--quiet"]))
    });
    let prepared = steps.step("PostgreSQL and peers", || {
        let (outcome, took) = preparing.join().map_err(|_| "the preparation panicked".to_owned())?;
        println!("    took {} beside the steps above", seconds(took));
        outcome
    });

    let mut tally = Tally::default();
    if let (Some(()), Some(prepared)) = (built, &prepared) {
        let variables = prepared.variables();
        if shell::exists("cargo-nextest", "--version") {
            let run = ["nextest", "run", "--workspace", "--no-fail-fast", "--no-tests", "pass"];
            steps.step("tests", || counted(&run, &variables, &mut tally));
            let docs = ["test", "--workspace", "--doc", "--no-fail-fast"];
            steps.step("documentation tests", || counted(&docs, &variables, &mut tally));
        } else {
            let run = ["test", "--workspace", "--no-fail-fast"];
            steps.step("tests", || counted(&run, &variables, &mut tally));
        }
    }
    drop(prepared);
    close(&steps, tally)
}

/// Runs one command with PostgreSQL and the peers at hand, as the tests have them.
pub fn run_with(arguments: &[String]) -> Result<(), String> {
    let (quick, words) = match arguments {
        [flag, words @ ..] if flag == "--quick" => (true, words),
        words => (false, words),
    };
    let Some((program, rest)) = words.split_first() else {
        return Err("usage: cargo xtask with [--quick] CMD...".to_owned());
    };
    let prepared = prepare(quick)?;
    shell::run(Command::new(program).args(rest).envs(prepared.variables()))
}

fn prepare(quick: bool) -> Result<Prepared, String> {
    let cluster = Cluster::start()?;
    let peers = if quick { vec![(peers::LEFT_OUT.to_owned(), "1".to_owned())] } else { peers::prepare()? };
    Ok(Prepared { cluster, peers })
}

fn counted(arguments: &[&str], variables: &[(String, String)], tally: &mut Tally) -> Result<(), String> {
    let variables = variables.iter().map(|(name, value)| (name, value));
    let (succeeded, lines) = shell::stream(shell::cargo().args(arguments).envs(variables))?;
    tally.add(&lines);
    if succeeded { Ok(()) } else { Err(format!("cargo {} failed", arguments.join(" "))) }
}

fn close(steps: &Steps, mut tally: Tally) -> Result<(), String> {
    println!();
    let failed = steps.failed();
    if !failed.is_empty() {
        println!("failed steps: {}", failed.join(", "));
        // A red run never says "0 failed", even when no single test could be blamed.
        tally.failed = tally.failed.max(1);
    }
    println!("finished in {}", steps.elapsed());
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if failed.is_empty() { Ok(()) } else { Err("not everything passed".to_owned()) }
}
