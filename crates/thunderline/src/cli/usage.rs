//! A wrong command line, told to programs.

use std::ffi::OsString;

use clap::error::ErrorKind;

use crate::failure::{Exit, Failure};

/// Whether JSON is asked for: what a command line says that cannot be read otherwise.
pub fn wants_json(words: impl Iterator<Item = OsString>) -> bool {
    words.take_while(|word| word != "--").any(|word| word == "--json")
}

/// What is wrong, without the hints for people that follow it.
pub fn failure(error: &clap::Error) -> Failure {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::new(Exit::Usage, "a command is missing; --help lists them");
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let said: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    Failure::new(Exit::Usage, said.join(" "))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn a_wrong_command_line_is_one_line_for_programs() {
        for (line, says) in [
            ("thunderline --json events list --limit 0", "invalid value '0' for '--limit <"),
            ("thunderline --json nodes show", "were not provided: <"),
            ("thunderline --json --log-format x events list", "[possible values: text, json]"),
            ("thunderline --json nodes", "a command is missing"),
        ] {
            let error = Cli::command().try_get_matches_from(line.split(' ')).unwrap_err();
            let failure = failure(&error);
            assert!(failure.message.contains(says), "{line}: {failure}");
            assert!(!failure.message.contains('\n') && failure.exit as i32 == error.exit_code(), "{failure}");
        }
    }

    #[test]
    fn json_is_asked_for_by_an_option_and_not_by_a_value() {
        let wants = |line: &str| wants_json(line.split(' ').map(OsString::from));
        assert!(wants("thunderline nodes --json"));
        assert!(!wants("thunderline nodes show -- --json"));
    }
}
