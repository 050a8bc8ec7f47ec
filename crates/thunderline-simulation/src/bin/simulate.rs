//! `cargo xtask simulate`.

use std::process::ExitCode;

#[cfg(debug_assertions)]
fn main() -> ExitCode {
    thunderline_simulation::command::main()
}

#[cfg(not(debug_assertions))]
fn main() -> ExitCode {
    eprintln!(
        "without debug assertions the code under test has no seams: cargo xtask simulate builds it with them"
    );
    ExitCode::FAILURE
}
