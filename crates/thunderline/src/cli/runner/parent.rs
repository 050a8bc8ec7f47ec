//! Ending with whoever started this process, however that one ends.

use std::{io::Read, thread};

/// Ends this process as soon as standard input ends. The other end of the pipe is the parent's alone, and the operating
/// system closes it even where the parent is killed.
pub fn end_with_it() {
    let watch = move || {
        let mut buffer = [0; 64];
        while std::io::stdin().lock().read(&mut buffer).is_ok_and(|count| count > 0) {}
        end_now();
    };
    // Without the thread nobody would notice the parent's end.
    thread::Builder::new().name("parent".into()).spawn(watch).expect("a fresh process can start a thread");
}

/// Ends this process where it is.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing is to be cleaned up: what a runner had begun, the server asks for again"
)]
pub fn end_now() -> ! {
    std::process::exit(1)
}
