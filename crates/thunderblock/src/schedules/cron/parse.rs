//! Reading a cron expression.

use thunderline_core::{Error, Result};

use super::Cron;

const SHORT: [(&str, &str); 6] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// One of the five fields.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of the values from `least` on.
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day of the month", least: 1, most: 31, names: &[] },
    Field { name: "month", least: 1, most: 12, names: &MONTHS },
    Field { name: "day of the week", least: 0, most: 7, names: &WEEKDAYS },
];

pub(super) fn parse(text: &str) -> Result<Cron> {
    let lower = text.trim().to_ascii_lowercase();
    let long = SHORT.iter().find(|(short, _)| *short == lower).map_or(lower.as_str(), |(_, long)| long);
    let parts: Vec<_> = long.split_ascii_whitespace().collect();
    let [minute, hour, day, month, weekday] = parts[..] else {
        let reason = format!("'{text}' has {} fields", parts.len());
        let allowed = "five: minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, \
                       @monthly, @yearly";
        return Err(Error::invalid_value("cron", reason, allowed));
    };
    let [minutes, hours, days, months] =
        [(minute, 0), (hour, 1), (day, 2), (month, 3)].map(|(part, index)| set(part, &FIELDS[index]));
    let weekdays = set(weekday, &FIELDS[4])?;
    // Sunday has two numbers.
    let weekdays = (weekdays | (weekdays >> 7)) & 0x7f;
    Ok(Cron {
        text: text.trim().to_owned(),
        minutes: minutes?,
        hours: hours?,
        days: days?,
        months: months?,
        weekdays,
        either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        any_hour: hour == "*",
    })
}

/// The values of a field, as bits.
fn set(part: &str, field: &Field) -> Result<u64> {
    part.split(',')
        .try_fold(0, |bits, item| Ok(bits | values(item, field).ok_or_else(|| refused(item, field))?))
}

/// `*`, `5`, `mon-fri`, each with `/step`; `5/10` goes on to the end.
fn values(item: &str, field: &Field) -> Option<u64> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0)?)),
        None => (item, None),
    };
    let (first, last) = if range == "*" {
        // Seven is Sunday again.
        (field.least, field.most.min(if field.most == 7 { 6 } else { field.most }))
    } else if let Some((first, last)) = range.split_once('-') {
        (value(first, field)?, value(last, field)?)
    } else {
        let one = value(range, field)?;
        (one, if step.is_some() { field.most } else { one })
    };
    if first > last {
        return None;
    }
    let step = usize::try_from(step.unwrap_or(1)).ok()?;
    Some((first..=last).step_by(step).fold(0, |bits, value| bits | 1 << value))
}

fn value(text: &str, field: &Field) -> Option<u32> {
    let named = field.names.iter().zip(field.least..).find(|(name, _)| **name == text);
    let value = named.map(|(_, value)| value).or_else(|| number(text))?;
    (field.least..=field.most).contains(&value).then_some(value)
}

/// Digits only: no sign, no blank.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn refused(item: &str, field: &Field) -> Error {
    let Field { name, least, most, names } = field;
    let names = match (names.first(), names.last()) {
        (Some(first), Some(last)) => format!(" (or {first} to {last})"),
        _ => String::new(),
    };
    let reason = format!("'{item}' is no {name}");
    let allowed =
        format!("{least} to {most}{names}, *, ranges as {least}-{most}, steps as */2, and lists of these");
    Error::invalid_value(format!("cron.{}", name.replace(' ', "_")), reason, allowed)
}
