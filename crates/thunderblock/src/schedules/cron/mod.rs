//! Cron expressions with a time zone: when the next time is.
//!
//! Five fields: minute, hour, day of the month, month, day of the week; `*`, lists, ranges, steps, and English names
//! (`jan`, `mon`). Days of the week are 0 to 7, Sunday being both ends. Where both kinds of days are restricted, a day
//! matches if either does, as in Vixie's cron. `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly` are short forms.
//!
//! Where clocks change: an expression whose hour is `*` follows real time, so `*/15 * * * *` comes every 15 minutes in the
//! repeated hour too. One with given hours happens once for each time of day that it names: a time that the clock skips
//! happens at the end of the gap, a time that comes twice happens at its first coming.

mod next;
mod parse;

use std::fmt;

use jiff::{civil::Date, tz::TimeZone};
use thunderline_core::{Error, Result, Timestamp};

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both kinds of days are restricted.
    either_day: bool,
    any_hour: bool,
}

impl Cron {
    /// Reads an expression.
    ///
    /// # Errors
    /// `invalid`, naming the field and what is allowed; also where it can never come true, as on 30 February.
    pub fn parse(text: &str) -> Result<Self> {
        let cron = parse::parse(text)?;
        let start = Timestamp::UNIX_EPOCH;
        if cron.next(start, &TimeZone::UTC).is_none() {
            let reason = format!("'{text}' never happens");
            return Err(Error::invalid_value("cron", reason, "days that the months have"));
        }
        Ok(cron)
    }

    /// The first time after `after`.
    #[must_use]
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        next::next(self, after, zone)
    }

    fn matches_date(&self, date: Date) -> bool {
        let bit = |value: i8| 1_u64 << value;
        let day = self.days & bit(date.day()) != 0;
        let weekday = self.weekdays & bit(date.weekday().to_sunday_zero_offset()) != 0;
        let is_day = if self.either_day { day || weekday } else { day && weekday };
        self.months & bit(date.month()) != 0 && is_day
    }

    fn matches_time(&self, hour: i8, minute: i8) -> bool {
        self.hours & (1 << hour) != 0 && self.minutes & (1 << minute) != 0
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The time zone of this name.
///
/// # Errors
/// `invalid` where there is none.
pub fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|error| {
        let reason = format!("'{name}' is not a time zone");
        Error::invalid_value("zone", reason, "a name of the IANA database, as UTC or Europe/Berlin")
            .caused_by(error)
    })
}

#[cfg(test)]
mod tests;
