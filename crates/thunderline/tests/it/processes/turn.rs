//! One at a time: these tests start up to a dozen processes each, and a machine may have two cores.

use std::{fs::File, path::Path};

/// Held while a test has the machine for itself; the operating system lets go of it however the test ends.
pub struct Turn(#[expect(dead_code, reason = "held for its lock, not read")] File);

/// Waits until no other test of this kind runs, in this process or another.
pub fn take() -> Turn {
    let file = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("processes.lock")).unwrap();
    file.lock().unwrap();
    Turn(file)
}
