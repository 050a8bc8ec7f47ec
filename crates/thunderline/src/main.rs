//! The one binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    thunderline::allocator::limit_arenas();
    thunderline::cli::main()
}
