//! Dates as the wires show them: `YYYY-MM-DDTHH:MM:SSZ`, UTC, whole seconds, a literal Z (a form of RFC 3339).

use std::fmt;

use domain::model::clock::Timestamp;
use serde::{Serialize, Serializer};

/// Seconds of a day.
const DAY: i64 = 86_400;
/// The last second of the year 9999: the form has four digits for the year.
const LAST: i64 = 253_402_300_799;

/// A moment as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(pub Timestamp);

impl Date {
    /// The 20 characters.
    fn text(self) -> [u8; 20] {
        let seconds = self.0.seconds().clamp(0, LAST);
        let (year, month, day) = civil(seconds / DAY);
        let time = seconds % DAY;
        let mut text = *b"0000-00-00T00:00:00Z";
        write(&mut text[0..4], year);
        write(&mut text[5..7], month);
        write(&mut text[8..10], day);
        write(&mut text[11..13], time / 3600);
        write(&mut text[14..16], time / 60 % 60);
        write(&mut text[17..19], time % 60);
        text
    }
}

/// Year, month and day of a day counted from 1970-01-01 (Gregorian calendar; days not before that day).
///
/// Years are counted from March, so that the leap day is the last of a year and months need no table.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_TO_1970: i64 = 719_468; // from 0000-03-01
    const DAYS_OF_400_YEARS: i64 = 146_097;
    let days = days + DAYS_TO_1970;
    let era = days / DAYS_OF_400_YEARS;
    let of_era = days % DAYS_OF_400_YEARS;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Writes a number right-aligned over the zeros of a field.
fn write(field: &mut [u8], mut number: i64) {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Always ASCII by construction.
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seconds: i64, millis: i64) -> String {
        let date = Date(Timestamp(seconds * 1000 + millis));
        serde_json::to_value(date)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn dates_have_whole_seconds_and_a_literal_z() {
        assert_eq!(text(0, 999), "1970-01-01T00:00:00Z");
        assert_eq!(text(951_782_399, 0), "2000-02-28T23:59:59Z");
        assert_eq!(text(951_782_400, 0), "2000-02-29T00:00:00Z");
        assert_eq!(text(951_868_800, 0), "2000-03-01T00:00:00Z");
        assert_eq!(text(1_767_323_045, 0), "2026-01-02T03:04:05Z");
        assert_eq!(text(2_147_483_648, 0), "2038-01-19T03:14:08Z");
        assert_eq!(text(4_107_542_400, 0), "2100-03-01T00:00:00Z");
        assert_eq!(text(LAST, 0), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn a_moment_outside_the_form_stays_at_its_edge() {
        assert_eq!(text(-1, 0), "1970-01-01T00:00:00Z");
        assert_eq!(text(LAST + 1, 0), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn days_follow_each_other_through_four_centuries() {
        let mut previous = text(0, 0);
        for day in 1..=146_097 {
            let next = text(day * DAY, 0);
            assert!(next > previous, "{previous} before {next}");
            previous = next;
        }
        assert_eq!(previous, "2370-01-01T00:00:00Z");
    }
}
