//! Lines that are drawn over again on a terminal, and not at all elsewhere.

use std::io::{self, IsTerminal, Write};

/// A block of lines at the bottom of the terminal.
pub struct Live {
    terminal: bool,
    drawn: usize,
}

impl Live {
    /// Draws on standard output where that is a terminal.
    #[must_use]
    pub fn stdout() -> Self {
        Self { terminal: io::stdout().is_terminal(), drawn: 0 }
    }

    /// Never draws.
    #[must_use]
    pub fn silent() -> Self {
        Self { terminal: false, drawn: 0 }
    }

    /// True where lines are drawn over each other.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Draws the lines in place of those drawn before.
    pub fn draw(&mut self, lines: &[String]) {
        if !self.terminal {
            return;
        }
        let width = width();
        let mut text = self.rewind();
        for line in lines {
            let cut: String = super::plain(line).chars().take(width).collect();
            text.push_str(&cut);
            text.push_str("\x1b[K\n");
        }
        // What an earlier, longer block left below.
        text.push_str("\x1b[J");
        self.drawn = lines.len();
        write(&text);
    }

    /// Takes the block away.
    pub fn clear(&mut self) {
        if self.terminal && self.drawn > 0 {
            let text = self.rewind() + "\x1b[J";
            self.drawn = 0;
            write(&text);
        }
    }

    fn rewind(&self) -> String {
        if self.drawn == 0 { String::new() } else { format!("\x1b[{}A\r", self.drawn) }
    }
}

/// The terminal's width in characters. A line that wrapped would break the count of lines.
fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| size.ws_col);
    if columns == 0 { 80 } else { columns.into() }
}

fn write(text: &str) {
    let mut out = io::stdout().lock();
    let _reader_gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
