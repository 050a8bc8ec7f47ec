//! `thunderline federations watch`

use std::process;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    client::{Client, watch},
    failure::Result,
    output::Format,
};

/// Follow a federation until it is over
///
/// On a terminal the progress is drawn in place; elsewhere each completed round is one line (with --json: its metrics).
#[derive(Args, Debug)]
pub struct Watch {
    /// The federation's id
    id: String,
}

impl Watch {
    /// Watches. Ends with 1 where the federation fails or is cancelled.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        on_interrupt(&self.id)?;
        watch::watch(client, &self.id, format.into(), &|| true)?.outcome()
    }
}

/// The exit code of a program that Ctrl-C ended: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

#[expect(clippy::disallowed_methods, reason = "a watch holds nothing that a destructor would put right")]
fn end_now() -> ! {
    process::exit(INTERRUPTED)
}

/// On Ctrl-C only the watching ends, which is said.
pub fn on_interrupt(id: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let id = id.to_owned();
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            let Ok(mut interrupt) = signal(SignalKind::interrupt()) else { return };
            interrupt.recv().await;
            eprintln!(
                "\nno longer watching; the federation goes on at the server. Watch again: thunderline federations watch \
                 {id}; end it: thunderline federations cancel {id}"
            );
            end_now();
        });
    })?;
    Ok(())
}
