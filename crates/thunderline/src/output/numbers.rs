//! Numbers and times for people.

use thunderline_core::{SignedDuration, Timestamp};

/// `1.5 MB`: powers of 1000, as disks and networks are sold.
#[must_use]
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 {
            return if unit == "B" || value >= 99.5 {
                format!("{value:.0} {unit}")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// `42 s`, `3 min 20 s`, `2 h 5 min`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 if seconds < 9.95 => format!("{:.1} s", seconds.max(0.0)),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// How long ago, in one word or two.
#[must_use]
pub fn ago(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(time).max(SignedDuration::ZERO).as_secs();
    match seconds {
        0..60 => format!("{seconds}s ago"),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86_400 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// A time to the second, in UTC.
#[must_use]
pub fn time(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// A metric with four digits, or a dash.
#[must_use]
pub fn metric(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"))
}

/// The first digits of a digest.
#[must_use]
pub fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

/// What somebody wrote on the command line: true, false or a number where it is one, and text otherwise.
#[must_use]
pub fn plain_value(text: &str) -> serde_json::Value {
    match serde_json::from_str(text) {
        Ok(value @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_))) => value,
        _ => serde_json::Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_change_unit_where_people_expect_it() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_500), "1.5 kB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(bytes(40_000_000), "40.0 MB");
        assert_eq!(bytes(3_000_000_000_000), "3.0 TB");
    }

    #[test]
    fn durations_have_at_most_two_parts() {
        assert_eq!(duration(0.25), "0.2 s");
        assert_eq!(duration(59.4), "59 s");
        assert_eq!(duration(200.0), "3 min 20 s");
        assert_eq!(duration(7_500.0), "2 h 5 min");
        assert_eq!(duration(-1.0), "0.0 s");
    }

    #[test]
    fn a_time_in_the_future_is_now() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        assert_eq!(ago(now + SignedDuration::from_secs(5), now), "0s ago");
        assert_eq!(ago(now - SignedDuration::from_secs(7_300), now), "2h ago");
        assert_eq!(time(now), "2027-01-15T08:00:00Z");
    }

    #[test]
    fn numbers_and_flags_are_read_as_such_and_all_else_as_text() {
        let read = ["true", "8", "eu", "[1]"].map(plain_value);
        assert_eq!(
            read,
            ["true", "8", "\"eu\"", "\"[1]\""]
                .map(|json| serde_json::from_str::<serde_json::Value>(json).unwrap())
        );
    }
}
