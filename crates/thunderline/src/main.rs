//! The one binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    thunderline::cli::main()
}
