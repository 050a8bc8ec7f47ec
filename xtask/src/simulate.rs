//! `cargo xtask simulate`: the deterministic simulation, as a program. Its code under test is built apart from everything
//! else, with the seams that no shipped program has (`thunderline_core::seams`).

use crate::shell;

/// What every build of the simulation is told.
const BUILD: [&str; 6] = ["--profile", "simulation", "-p", "thunderline-simulation", "--features", "seams"];

/// Runs the program with these arguments.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let mut command = shell::cargo();
    command.arg("run").args(BUILD).args(["--bin", "simulate", "--"]).args(arguments);
    shell::run(&mut command)
}

/// Lints the simulation, which the workspace's own lints see only as an empty crate.
pub fn lint() -> Result<(), String> {
    let mut command = shell::cargo();
    command.arg("clippy").args(BUILD).args(["--all-targets", "--", "-D", "warnings"]);
    shell::run(&mut command)
}

/// The arguments that run its tests: some hundred seeds, the kept scripts, the planted bugs.
pub fn tests() -> Vec<&'static str> {
    [&["test"][..], &BUILD].concat()
}
