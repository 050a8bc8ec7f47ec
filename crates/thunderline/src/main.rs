//! The one binary.

use std::process::ExitCode;

/// Many short-lived buffers of many sizes: what the system's allocator is slowest at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    thunderline::cli::main()
}
