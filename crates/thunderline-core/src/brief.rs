//! Reasons in one line.

/// The text as one line of at most `most` characters, for tables and for reasons that name other reasons. Of several lines the
/// first and the last stay, because there a program says what it was doing and what went wrong: a traceback becomes its error.
#[must_use]
pub fn brief(text: &str, most: usize) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let whole = match lines.next_back() {
        None => first.to_owned(),
        Some(last) => {
            let begins = first.strip_suffix("Traceback (most recent call last):").unwrap_or(first).trim_end();
            match begins {
                "" => last.to_owned(),
                _ if begins.ends_with(':') => format!("{begins} {last}"),
                _ => format!("{begins} … {last}"),
            }
        }
    };
    let length = whole.chars().count();
    if length <= most {
        return whole;
    }
    // The end says more than the middle.
    let (begins, ends) = (most / 2, most.saturating_sub(most / 2 + 1));
    let begins: String = whole.chars().take(begins).collect();
    let ends: String = whole.chars().skip(length - ends).collect();
    format!("{begins}…{ends}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceback_becomes_its_error() {
        let said = "the program ended with exit status: 1; it said: Traceback (most recent call last):\n  File \"m.py\", line 3\n    \
                    boom()\nValueError: no such layer\n";
        assert_eq!(
            brief(said, 200),
            "the program ended with exit status: 1; it said: ValueError: no such layer"
        );
        assert_eq!(brief("Traceback (most recent call last):\n  x\nKeyError: 'w'", 200), "KeyError: 'w'");
        assert_eq!(brief("one\n\ntwo\nthree", 200), "one … three");
        assert_eq!(brief("\n", 200), "");
    }

    #[test]
    fn what_is_too_long_keeps_its_ends() {
        assert_eq!(brief("exactly", 7), "exactly");
        assert_eq!(brief("äbcdefghij", 5), "äb…ij");
    }
}
