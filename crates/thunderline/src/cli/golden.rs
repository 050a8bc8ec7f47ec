//! `thunderline golden`: documents about the program, committed and compared in tests.

use std::fmt::Write;

use clap::{Args, ValueEnum};

use crate::{compose, failure::Result, output::say};

/// Print a document that is committed and compared in tests
#[derive(Args, Debug)]
pub struct Golden {
    /// Which document
    document: Document,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Document {
    Interactions,
    CommandLine,
}

impl Golden {
    /// Prints it.
    pub fn run(&self, command: &mut clap::Command) -> Result<()> {
        say(&match self.document {
            Document::Interactions => compose::interactions(),
            Document::CommandLine => command_line(command),
        });
        Ok(())
    }
}

/// The help of every command, in Markdown.
fn command_line(command: &mut clap::Command) -> String {
    let mut text = String::from("# Command line\n\nWritten by `cargo xtask goldens`; compared in tests.\n");
    command.build();
    describe(command, &mut text);
    text
}

fn describe(command: &mut clap::Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or("thunderline").to_owned();
    let help = command.clone().term_width(100).render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    write!(text, "\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n").trim_end())
        .expect("a string takes everything");
    let names: Vec<_> = command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set())
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in names.iter().filter(|name| *name != "help") {
        if let Some(sub) = command.find_subcommand_mut(name) {
            describe(sub, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_committed_document_is_the_generated_one() {
        let committed = include_str!("../../../../docs/command-line.md");
        let fresh = command_line(&mut super::super::Cli::command());
        assert!(committed == fresh, "docs/command-line.md is outdated: run `cargo xtask goldens`");
    }
}
