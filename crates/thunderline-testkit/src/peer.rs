//! Programs of others that tests talk to.

use std::{env, path::PathBuf};

/// The folder of a peer's programs that this variable names.
///
/// # Panics
/// Where the variable is missing, unless `THUNDERLINE_QUICK=1` says that these tests are left out; then there is none.
#[must_use]
pub fn peer(variable: &str) -> Option<PathBuf> {
    match env::var_os(variable) {
        Some(folder) => Some(folder.into()),
        None if env::var("THUNDERLINE_QUICK").is_ok_and(|quick| quick == "1") => {
            eprintln!("left out: THUNDERLINE_QUICK=1 and no {variable}");
            None
        }
        None => panic!(
            "{variable} names no folder with the peer's programs: run `cargo xtask test`, which prepares them, or set \
             THUNDERLINE_QUICK=1 to leave this test out"
        ),
    }
}
