//! Times in documents: `30s`, `15m`, `2h`, `7d`, or seconds as a number.

use serde_json::Value;

/// The longest: ten years.
const LONGEST: i64 = 10 * 366 * 24 * 3_600;

/// The time in seconds; none where it is no time, or out of range.
pub(crate) fn seconds(value: &Value) -> Option<i64> {
    let seconds = match value {
        Value::Number(number) => number.as_i64()?,
        Value::String(text) => {
            let text = text.trim();
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let (count, unit) = text.split_at(digits);
            let unit = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3_600,
                "d" => 24 * 3_600,
                _ => return None,
            };
            count.parse::<i64>().ok()?.checked_mul(unit)?
        }
        _ => return None,
    };
    (0..=LONGEST).contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_have_a_unit_or_are_seconds() {
        for (value, wanted) in [
            (json!("30s"), Some(30)),
            (json!("15m"), Some(900)),
            (json!("2h"), Some(7_200)),
            (json!("7d"), Some(604_800)),
            (json!(5), Some(5)),
            (json!("0s"), Some(0)),
            (json!("5"), None),
            (json!("h"), None),
            (json!("-1s"), None),
            (json!(-1), None),
            (json!("99999999999999999999d"), None),
            (json!("5000d"), None),
            (json!(true), None),
        ] {
            assert_eq!(seconds(&value), wanted, "{value}");
        }
    }
}
