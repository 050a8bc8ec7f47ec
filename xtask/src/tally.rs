//! Counting tests from what `cargo nextest` and `cargo test` print.

/// Tests that passed and failed; a step that failed as a whole counts as one failure.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Tests that ran and passed.
    pub passed: u64,
    /// Tests that ran and failed, timed out or could not be started.
    pub failed: u64,
}

impl Tally {
    /// Adds every summary line found among `lines`.
    pub fn add(&mut self, lines: &[String]) {
        for line in lines {
            let line = without_colour(line);
            if let Some(counts) = summary(&line) {
                self.count(counts);
            }
        }
    }

    fn count(&mut self, counts: &str) {
        for part in counts.split([',', ';']) {
            let mut words = part.split_whitespace();
            let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else { continue };
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed" | "timed" | "exec") => self.failed += number,
                _ => {}
            }
        }
    }
}

/// The counting part of a summary line of either runner.
fn summary(line: &str) -> Option<&str> {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix("test result:") {
        return rest.split_once(". ").map(|(_, counts)| counts);
    }
    if line.starts_with("Summary [") {
        return line.split_once(" run: ").map(|(_, counts)| counts);
    }
    None
}

fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            for code in chars.by_ref() {
                if code.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(char);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let mut tally = Tally::default();
        tally.add(&lines);
        tally
    }

    #[test]
    fn the_summaries_of_cargo_test_are_added_up() {
        let counted = tally(&[
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ]);
        assert_eq!(counted, Tally { passed: 5, failed: 1 });
    }

    #[test]
    fn a_summary_of_nextest_counts_timeouts_and_failed_starts_as_failures() {
        let counted = tally(&[
            "     Summary [   1.032s] 36/40 tests run: 30 passed (1 slow), 3 failed, 2 timed out, 1 exec failed, 4 skipped",
        ]);
        assert_eq!(counted, Tally { passed: 30, failed: 6 });
    }

    #[test]
    fn colours_do_not_hide_a_summary() {
        let counted = tally(&[
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m1\u{1b}[0m test run: \u{1b}[1m1\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, 0 skipped",
        ]);
        assert_eq!(counted, Tally { passed: 1, failed: 0 });
    }

    #[test]
    fn lines_of_a_test_that_mention_passing_are_not_counted() {
        assert_eq!(tally(&["3 passed, 4 failed", "node 7: 12 passed"]), Tally::default());
    }
}
