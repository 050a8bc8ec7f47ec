//! `cargo xtask simulate`: the deterministic simulation, as a program of its own, optimised and with debug assertions: without
//! those the code under test has no seams (`thunderline_core::seams`).

use crate::shell;

/// Runs the program with these arguments.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let mut command = shell::cargo();
    command.args(["run", "--profile", "simulation", "-p", "thunderline-simulation", "--bin", "simulate"]);
    shell::run(command.arg("--").args(arguments))
}
