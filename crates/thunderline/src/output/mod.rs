//! What people see: tables, sparklines, durations, live progress.

pub mod live;
pub mod numbers;
pub mod progress;
pub mod sparkline;
pub mod table;

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
};

use serde::Serialize;

/// Characters of a reason in a table; JSON has all of it.
pub const LONGEST_REASON: usize = 300;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON document, or one per line for streams.
    Json,
}

/// Prints a result in the wanted format.
pub fn print<T: Serialize>(format: Format, value: &T, human: impl FnOnce(&T) -> String) {
    let text = match format {
        Format::Human => human(value),
        Format::Json => serde_json::to_string_pretty(value).expect("results are plain data"),
    };
    say(&text);
}

/// Writes lines to standard output. A reader that went away (`| head`) ends nothing with a panic.
pub fn say(text: &str) {
    let _reader_gone = writeln!(io::stdout().lock(), "{}", plain(text.trim_end_matches('\n')));
}

/// The text with its control characters written out, as JSON writes them: names, tags and reasons come from whoever runs a
/// node, and must not draw on the terminal of whoever reads them.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    let harmful = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    // The carriage return of a line's end draws over nothing.
    let lines = || {
        text.split_inclusive('\n').map(|line| line.strip_suffix("\r\n").map_or((line, ""), |it| (it, "\r\n")))
    };
    if !lines().any(|(line, _)| line.contains(harmful)) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 16);
    for (line, end) in lines() {
        for character in line.chars() {
            if harmful(character) {
                let _never_fails = write!(plain, "\\u{:04x}", u32::from(character));
            } else {
                plain.push(character);
            }
        }
        plain.push_str(end);
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_written_out() {
        assert_eq!(plain("\x1b]0;owned\x07\x1b[2Jé\t\n"), "\\u001b]0;owned\\u0007\\u001b[2Jé\t\n");
        assert_eq!(plain("safe\rdraws over\u{9b}2J\x7f\r\nx"), "safe\\u000ddraws over\\u009b2J\\u007f\r\nx");
        assert!(matches!(plain("a: 1\r\nb: 2\n"), Cow::Borrowed(_)));
    }
}
