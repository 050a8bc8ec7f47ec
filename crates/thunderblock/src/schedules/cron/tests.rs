//! Cron expressions, against the definition minute by minute.

use jiff::civil::DateTime;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The next `count` times, as the zone's clock shows them with its offset.
fn times(cron: &str, zone_name: &str, after: &str, count: usize) -> Vec<String> {
    let (cron, zone) = (Cron::parse(cron).unwrap(), zone(zone_name).unwrap());
    let mut now = at(after);
    (0..count)
        .map(|_| {
            now = cron.next(now, &zone).unwrap();
            now.to_zoned(zone.clone()).strftime("%m-%d %H:%M %:z").to_string()
        })
        .collect()
}

#[test]
fn common_expressions_mean_what_people_expect() {
    let start = "2027-01-15T08:00:00Z";
    for (cron, first) in [
        ("* * * * *", "01-15 08:01 +00:00"),
        ("*/15 * * * *", "01-15 08:15 +00:00"),
        ("5/20 * * * *", "01-15 08:05 +00:00"),
        ("0 9-17 * * mon-fri", "01-15 09:00 +00:00"),
        ("0 8 * * *", "01-16 08:00 +00:00"),
        ("30 6 1,15 * *", "02-01 06:30 +00:00"),
        ("0 0 * * 7", "01-17 00:00 +00:00"),
        ("0 0 13 * fri", "01-22 00:00 +00:00"),
        ("0 0 29 feb *", "02-29 00:00 +00:00"),
        ("@Weekly", "01-17 00:00 +00:00"),
        ("@yearly", "01-01 00:00 +00:00"),
    ] {
        assert_eq!(times(cron, "UTC", start, 1), [first], "{cron}");
    }
}

#[test]
fn a_time_that_the_clock_skips_happens_at_the_end_of_the_gap() {
    // Berlin, 28 March 2027: 02:00 becomes 03:00.
    let gap = times("30 2 * * *", "Europe/Berlin", "2027-03-26T12:00:00Z", 3);
    assert_eq!(gap, ["03-27 02:30 +01:00", "03-28 03:00 +02:00", "03-29 02:30 +02:00"]);
    let many = times("0,20,40 2,3 * * *", "Europe/Berlin", "2027-03-28T00:00:00Z", 3);
    assert_eq!(
        many,
        ["03-28 03:00 +02:00", "03-28 03:20 +02:00", "03-28 03:40 +02:00"],
        "once, not four times"
    );
}

#[test]
fn a_time_that_comes_twice_happens_once_and_an_interval_goes_on() {
    // Berlin, 31 October 2027: 03:00 becomes 02:00.
    let fold = times("30 2 * * *", "Europe/Berlin", "2027-10-30T12:00:00Z", 2);
    assert_eq!(fold, ["10-31 02:30 +02:00", "11-01 02:30 +01:00"]);
    let interval = times("*/30 * * * *", "Europe/Berlin", "2027-10-31T00:15:00Z", 4);
    assert_eq!(
        interval,
        ["10-31 02:30 +02:00", "10-31 02:00 +01:00", "10-31 02:30 +01:00", "10-31 03:00 +01:00"]
    );
}

#[test]
fn what_is_refused_names_the_field_and_what_is_allowed() {
    for (cron, path) in [
        ("", "cron"),
        ("* * * *", "cron"),
        ("60 * * * *", "cron.minute"),
        ("* 24 * * *", "cron.hour"),
        ("* * 0 * *", "cron.day_of_the_month"),
        ("* * * foo *", "cron.month"),
        ("* * * * mon-sun", "cron.day_of_the_week"),
        ("*/0 * * * *", "cron.minute"),
        ("1-+5 * * * *", "cron.minute"),
        ("1,,2 * * * *", "cron.minute"),
        ("0 0 30 2 *", "cron"),
        ("0 0 31 4,6,9,11 *", "cron"),
    ] {
        let error = Cron::parse(cron).unwrap_err();
        assert_eq!(error.problems()[0].path, path, "{cron}: {error}");
        assert!(!error.problems()[0].allowed.is_empty());
    }
    assert_eq!(zone("Berlin").unwrap_err().problems()[0].path, "zone");
}

/// The definition, minute by minute: whether the expression happens at this instant.
fn happens(cron: &Cron, instant: Timestamp, zone: &TimeZone) -> bool {
    let local = zone.to_datetime(instant);
    let matches =
        |local: DateTime| cron.matches_date(local.date()) && cron.matches_time(local.hour(), local.minute());
    if cron.any_hour {
        return matches(local);
    }
    let earlier = |minutes: i64| zone.to_datetime(instant - jiff::SignedDuration::from_mins(minutes));
    // After a gap, everything in it is made up for.
    let before = earlier(1);
    let jump = local.duration_since(before).as_mins();
    let skipped = (1..jump).any(|minute| matches(before + jiff::SignedDuration::from_mins(minute)));
    // What came before is not repeated.
    skipped || (matches(local) && !(1..=180).any(|minutes| earlier(minutes) == local))
}

fn expressions() -> impl Strategy<Value = String> {
    let minute =
        prop_oneof!["\\*", "\\*/(7|10|30)", "[0-5]?[0-9]", "[0-2]?[0-9]-[3-5][0-9]", "[0-9],[1-5][0-9]"];
    let hour = prop_oneof!["\\*", "[0-4]", "1-3", "\\*/[1-5]", "0,2,3,23"];
    let day = prop_oneof!["\\*", "[12]?[1-9]", "20-31", "\\*/2"];
    let weekday = prop_oneof!["\\*", "sun", "0-6", "mon,sun", "sat"];
    (minute, hour, day, weekday)
        .prop_map(|(minute, hour, day, weekday)| format!("{minute} {hour} {day} * {weekday}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Around the changes of clocks of half an hour, an hour and at midnight, in both directions.
    #[test]
    fn the_next_time_is_the_first_minute_that_matches_the_definition(
        text in expressions(),
        (name, around) in prop::sample::select(vec![
            ("Europe/Berlin", "2027-03-28T01:00:00Z"),
            ("Europe/Berlin", "2027-10-31T01:00:00Z"),
            ("America/New_York", "2027-11-07T06:00:00Z"),
            ("Australia/Lord_Howe", "2027-04-03T15:00:00Z"),
            ("Australia/Lord_Howe", "2027-10-02T15:30:00Z"),
            ("Africa/Cairo", "2027-04-29T22:00:00Z"),
            ("America/Santiago", "2027-04-04T03:00:00Z"),
            ("Asia/Kathmandu", "2027-05-05T05:05:00Z"),
        ]),
        minutes_before in 0_i64..300,
        seconds in 0_i64..60,
    ) {
        let (cron, zone) = (Cron::parse(&text).unwrap(), zone(name).unwrap());
        let after = at(around) - jiff::SignedDuration::from_secs(minutes_before * 60 + seconds);
        let first_minute = after.as_second().div_euclid(60) + 1;
        // Two days cover every change of clocks; beyond them only the calendar matters.
        let brute = (first_minute..first_minute + 2_880)
            .map(|minute| Timestamp::from_second(minute * 60).unwrap())
            .find(|instant| happens(&cron, *instant, &zone));
        let found = cron.next(after, &zone).unwrap();
        match brute {
            Some(expected) => prop_assert_eq!(found, expected, "{}", text),
            None => prop_assert!(found.as_second() >= (first_minute + 2_880) * 60, "{}", text),
        }
    }
}
