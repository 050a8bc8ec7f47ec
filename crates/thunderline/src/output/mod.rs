//! What people see: tables, sparklines, durations, live progress.

pub mod live;
pub mod numbers;
pub mod progress;
pub mod sparkline;
pub mod table;

use std::io::{self, Write};

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
    let _reader_gone = writeln!(io::stdout().lock(), "{}", text.trim_end_matches('\n'));
}
