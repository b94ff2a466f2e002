//! Moments as RFC 3339 text.

use serde::Deserialize;
use webauthn::UnixSeconds;

/// A moment, in whole seconds; a fraction is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Moment(pub(crate) UnixSeconds);

/// The text is no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a moment is written as in RFC 3339, for example 2026-01-31T12:00:00Z")]
pub(crate) struct MomentError;

impl TryFrom<String> for Moment {
    type Error = MomentError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        read(text.as_bytes()).ok_or(MomentError)
    }
}

/// `YYYY-MM-DDTHH:MM:SS`, a fraction or none, and `Z` or an offset; in either case of the letters (RFC 3339 section 5.6).
fn read(text: &[u8]) -> Option<Moment> {
    let (front, rest) = text.split_at_checked(19)?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T' | b't',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = *front
    else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    let month = number(&[m1, m2])?;
    let day = number(&[d1, d2])?;
    let time = seconds_of_day(&[h1, h2], &[n1, n2])?;
    // 60 is a leap second, which the count of seconds does not have.
    let second = number(&[s1, s2]).filter(|second| *second <= 60)?.min(59);
    if !(1..=12).contains(&month) || !(1..=days_of_month(year, month)).contains(&day) {
        return None;
    }
    let offset = match without_fraction(rest)? {
        [b'Z' | b'z'] => 0,
        [b'+', h1, h2, b':', m1, m2] => seconds_of_day(&[*h1, *h2], &[*m1, *m2])?,
        [b'-', h1, h2, b':', m1, m2] => -seconds_of_day(&[*h1, *h2], &[*m1, *m2])?,
        _ => return None,
    };
    let days = days_since_epoch(year, month, day);
    Some(Moment(UnixSeconds(days * 86_400 + time + second - offset)))
}

fn without_fraction(rest: &[u8]) -> Option<&[u8]> {
    let Some(fraction) = rest.strip_prefix(b".") else {
        return Some(rest);
    };
    let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    fraction.get(digits..)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(sum * 10 + i64::from(digit))
    })
}

fn seconds_of_day(hours: &[u8], minutes: &[u8]) -> Option<i64> {
    let hours = number(hours).filter(|hours| *hours < 24)?;
    let minutes = number(minutes).filter(|minutes| *minutes < 60)?;
    Some((hours * 60 + minutes) * 60)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar, also before it.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    const DAYS_TO_1970: i64 = 719_528; // from 0000-01-01
    let leap_days = (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let months: i64 = (1..month).map(|month| days_of_month(year, month)).sum();
    year * 365 + leap_days + months + day - 1 - DAYS_TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        read(text.as_bytes()).map(|moment| moment.0.0)
    }

    #[test]
    fn moments_are_counted_in_seconds_from_1970() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59Z", -1),
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2000-03-01T00:00:00Z", 951_868_800),
            ("2026-01-02T03:04:05Z", 1_767_323_045),
            ("2038-01-19t03:14:08z", 2_147_483_648),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn offsets_fractions_and_leap_seconds_are_understood() {
        let noon = seconds("2026-01-02T12:00:00Z");
        assert_eq!(seconds("2026-01-02T13:30:00+01:30"), noon);
        assert_eq!(seconds("2026-01-02T04:00:00-08:00"), noon);
        assert_eq!(seconds("2026-01-02T12:00:00.999Z"), noon);
        assert_eq!(seconds("2026-01-02T12:00:00.5+00:00"), noon);
        assert_eq!(
            seconds("2016-12-31T23:59:60Z"),
            seconds("2016-12-31T23:59:59Z")
        );
    }

    #[test]
    fn anything_else_is_no_moment() {
        for text in [
            "",
            "2026-01-02",
            "2026-01-02T12:00:00",
            "2026-01-02 12:00:00Z",
            "2026-00-02T12:00:00Z",
            "2026-13-02T12:00:00Z",
            "2026-01-00T12:00:00Z",
            "2026-02-29T12:00:00Z",
            "1900-02-29T12:00:00Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T12:60:00Z",
            "2026-01-02T12:00:61Z",
            "2026-01-02T12:00:00.Z",
            "2026-01-02T12:00:00+0100",
            "2026-01-02T12:00:00+24:00",
            "2026-01-02T12:00:00ZZ",
            "+026-01-02T12:00:00Z",
            "2026-01-02T12:00:0\u{b2}",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
