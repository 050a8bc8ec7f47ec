//! Spans of time as people write them.

use std::str::FromStr;

/// `90s`, `30m`, `12h`, `30d`: whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub i64);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no span of time: a number with s, m, h or d, such as 30d");
        let unit = text.chars().last().ok_or_else(wrong)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
        Ok(Self(i64::from(count) * seconds))
    }
}

/// The largest unit that says it exactly.
pub fn span(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let fits = units.into_iter().find(|(unit, _)| seconds != 0 && seconds % unit == 0);
    fits.map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("12h", 43_200), ("30d", 2_592_000), ("0s", 0)] {
            assert_eq!(text.parse(), Ok(Span(seconds)));
            assert_eq!(span(seconds), text);
        }
        for wrong in ["", "d", "30", "-1d", "1.5h", "3 d", "1w", "é"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
