//! A wrong command line, told to programs.

use std::{
    error::Error as _,
    ffi::OsString,
    num::{ParseFloatError, ParseIntError},
};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use thunderline_core::Problem;

use crate::failure::{Exit, Failure};

/// What is allowed where a command line is wrong in a way that only its help can mend.
const SEE_HELP: &str = "what --help lists";

/// Whether JSON is asked for: what a command line says that cannot be read otherwise.
pub fn wants_json(words: impl Iterator<Item = OsString>) -> bool {
    words.take_while(|word| word != "--").any(|word| word == "--json")
}

/// What is wrong, without the hints for people that follow it, and of each option or argument what it is and what is allowed.
pub fn failure(error: &clap::Error) -> Failure {
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "a command is missing; --help lists them".into()
        }
        _ => said(error),
    };
    let mut failure = Failure::new(Exit::Usage, message);
    failure.problems = problems(error);
    failure
}

/// The first paragraph of what clap says, in one line.
fn said(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let said: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    said.join(" ")
}

fn problems(error: &clap::Error) -> Vec<Problem> {
    let text = |kind: ContextKind| texts(error, kind).into_iter().next().unwrap_or_default();
    let told =
        |path: String, reason: String, allowed: String| vec![Problem { path: field(&path), reason, allowed }];
    let list = |kind: ContextKind| match texts(error, kind) {
        none if none.is_empty() => SEE_HELP.to_owned(),
        some => some.join(", "),
    };
    let argument = || text(ContextKind::InvalidArg);
    let value = || text(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::InvalidValue if value().is_empty() => {
            told(argument(), "its value is missing".into(), list(ContextKind::ValidValue))
        }
        ErrorKind::InvalidValue => {
            told(argument(), format!("'{}' is not known", value()), list(ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => {
            let (reason, allowed) = refused(error, &value());
            told(argument(), reason, allowed)
        }
        ErrorKind::UnknownArgument => {
            told(argument(), "no such option or argument".into(), list(ContextKind::SuggestedArg))
        }
        ErrorKind::InvalidSubcommand => told(
            text(ContextKind::InvalidSubcommand),
            "no such command".into(),
            list(ContextKind::SuggestedSubcommand),
        ),
        ErrorKind::MissingRequiredArgument => {
            let missing = texts(error, ContextKind::InvalidArg).into_iter();
            let missing =
                missing.map(|it| Problem { path: field(&it), reason: "missing".into(), allowed: it });
            missing.collect()
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            told("<COMMAND>".into(), "missing".into(), list(ContextKind::ValidSubcommand))
        }
        ErrorKind::ArgumentConflict => {
            let others = texts(error, ContextKind::PriorArg);
            let others: Vec<_> = others.iter().map(|it| field(it)).collect();
            told(argument(), format!("it cannot stand beside {}", others.join(", ")), "one of them".into())
        }
        _ if argument().is_empty() => Vec::new(),
        _ => told(argument(), said(error), SEE_HELP.into()),
    }
}

/// Why a parser refused a value, and what it takes instead.
fn refused(error: &clap::Error, value: &str) -> (String, String) {
    let Some(source) = error.source() else { return (format!("'{value}' is refused"), SEE_HELP.into()) };
    let text = source.to_string();
    if source.is::<ParseIntError>() {
        return (format!("'{value}' is not a whole number"), "a whole number".into());
    }
    if source.is::<ParseFloatError>() {
        return (format!("'{value}' is not a number"), "a number".into());
    }
    if let Some((_, range)) = text.split_once(" is not in ") {
        let (least, most) = range.split_once("..").unwrap_or((range, ""));
        let allowed = match most.trim_start_matches('=') {
            "" => format!("from {least}"),
            most => format!("{least} to {most}"),
        };
        return (format!("'{value}' is out of range"), allowed);
    }
    // The program's own parsers say what is allowed at the end.
    let own = text.strip_suffix(')').and_then(|text| text.split_once(" (allowed: "));
    match own.or_else(|| text.split_once(": ")) {
        Some((reason, allowed)) => (reason.to_owned(), allowed.to_owned()),
        None => (text, SEE_HELP.to_owned()),
    }
}

fn texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(several)) => several.clone(),
        _ => Vec::new(),
    }
}

/// The option without its value's name: `--limit` of `--limit <LIMIT>`; an argument as it is: `<ID>`.
fn field(shown: &str) -> String {
    if shown.starts_with('-') {
        shown.split([' ', '=']).next().unwrap_or(shown).to_owned()
    } else {
        shown.to_owned()
    }
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
    fn what_is_wrong_is_told_with_its_option_and_what_is_allowed() {
        for (line, told) in [
            ("events list --limit 0", ["--limit", "'0' is out of range", "1 to 1000"]),
            ("events list --limit abc", ["--limit", "'abc' is not a whole number", "a whole number"]),
            ("events list --after=-5", ["--after", "'-5' is out of range", "0 to 9223372036854775807"]),
            ("events list --log-format x", ["--log-format", "'x' is not known", "text, json"]),
            (
                "federations list --state odd",
                ["--state", "'odd' is not known", "created, running, paused, completed, failed, cancelled"],
            ),
            ("events list --limit", ["--limit", "its value is missing", "what --help lists"]),
            ("events list --limt 5", ["--limt", "no such option or argument", "--limit"]),
            ("events list --zzz", ["--zzz", "no such option or argument", "what --help lists"]),
            ("nodes show", ["<ID>", "missing", "<ID>"]),
            ("nodes shw 7", ["shw", "no such command", "show"]),
            ("nodes", ["<COMMAND>", "missing", "what --help lists"]),
            (
                "retention set audit --keep-for 1w",
                ["--keep-for", "'1w' is no span of time", "a number with s, m, h or d, such as 30d"],
            ),
            ("serve --strategy m", ["--strategy", "'m' names no program", "name=/path"]),
        ] {
            let words = ["thunderline", "--json"].into_iter().chain(line.split(' '));
            let error =
                crate::cli::with_negative_numbers(Cli::command()).try_get_matches_from(words).unwrap_err();
            let details = failure(&error).details();
            let [problem] = details.problems.as_slice() else { panic!("{line}: {details:?}") };
            assert_eq!((problem.path.as_str(), problem.reason.as_str()), (told[0], told[1]), "{line}");
            assert!(problem.allowed.starts_with(told[2]), "{line}: {problem:?}");
            assert_eq!((details.code.as_str(), details.status), ("usage", 400), "{line}");
        }
    }

    #[test]
    fn json_is_asked_for_by_an_option_and_not_by_a_value() {
        let wants = |line: &str| wants_json(line.split(' ').map(OsString::from));
        assert!(wants("thunderline nodes --json"));
        assert!(!wants("thunderline nodes show -- --json"));
    }
}
