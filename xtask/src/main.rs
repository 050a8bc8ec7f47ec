//! Repository chores. `cargo xtask test` prepares what the tests need and runs them.
fn main() {}
