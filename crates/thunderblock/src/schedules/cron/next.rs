//! Finding the next time.

use jiff::{
    SignedDuration,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};
use thunderline_core::Timestamp;

use super::Cron;

/// Days that are looked at: 29 February may be eight years away (1896 to 1904, 2096 to 2104).
const DAYS: u32 = 8 * 366 + 2;
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn next(cron: &Cron, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut date = zone.to_datetime(after).date();
    if !cron.any_hour {
        // The end of a gap may belong to a time of the day before.
        date = date.yesterday().unwrap_or(date);
    }
    for _ in 0..DAYS {
        if cron.matches_date(date) {
            let found = match cron.any_hour {
                true => in_real_time(cron, after, date, zone),
                false => by_the_clock(cron, after, date, zone),
            };
            if found.is_some() {
                return found;
            }
        }
        date = date.tomorrow().ok()?;
    }
    None
}

/// The first minute of this day that matches, however often the clock shows it.
fn in_real_time(cron: &Cron, after: Timestamp, date: Date, zone: &TimeZone) -> Option<Timestamp> {
    let midnight = instant(date.at(0, 0, 0, 0), zone)?;
    let mut at = midnight.max(next_minute(after)?);
    loop {
        let local = zone.to_datetime(at);
        if local.date() > date {
            return None;
        }
        // Zones whose offset is no whole number of minutes are history; there a minute begins between two of ours.
        if local.date() == date && cron.matches_time(local.hour(), local.minute()) {
            return Some(at);
        }
        at = at.checked_add(MINUTE).ok()?;
    }
}

/// The first time of day that is named, each once.
fn by_the_clock(cron: &Cron, after: Timestamp, date: Date, zone: &TimeZone) -> Option<Timestamp> {
    let times = (0..24).flat_map(|hour| (0..60).map(move |minute| (hour, minute)));
    let named = times.filter(|(hour, minute)| cron.matches_time(*hour, *minute));
    let mut instants = named
        .filter_map(|(hour, minute)| instant(date.to_datetime(Time::constant(hour, minute, 0, 0)), zone));
    instants.find(|at| *at > after)
}

/// When the clock shows this: at its first coming, or at the end of the gap in which it never does.
pub(super) fn instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
        AmbiguousOffset::Gap { before, .. } => {
            let inside = before.to_timestamp(local).ok()?;
            let beyond = inside.checked_add(SignedDuration::from_nanos(1)).ok()?;
            zone.preceding(beyond).next().map(|transition| transition.timestamp())
        }
    }
}

/// The beginning of the first whole minute after this.
fn next_minute(after: Timestamp) -> Option<Timestamp> {
    Timestamp::from_second((after.as_second().div_euclid(60) + 1).checked_mul(60)?).ok()
}
