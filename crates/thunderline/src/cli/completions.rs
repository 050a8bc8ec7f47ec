//! `thunderline completions`

use clap::Args;
use clap_complete::Shell;

use crate::failure::Result;

/// Print a completion script for a shell
///
/// For example: thunderline completions bash > ~/.local/share/bash-completion/completions/thunderline
#[derive(Args, Debug)]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    /// Prints it.
    pub fn run(&self, command: &mut clap::Command) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "thunderline", &mut script);
        crate::output::say(&String::from_utf8_lossy(&script));
        Ok(())
    }
}
