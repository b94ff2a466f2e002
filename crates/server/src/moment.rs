//! Moments as RFC 3339 text.

use jiff::civil::{DateTime, Time};
use serde::Deserialize;
use webauthn::UnixSeconds;

/// Where timestamps are counted from, in UTC.
pub(crate) const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

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
        read(&text).ok_or(MomentError)
    }
}

/// `YYYY-MM-DDTHH:MM:SS`, a fraction or none, and `Z` or an offset; in either case of the letters (RFC 3339 section 5.6).
///
/// jiff reads many more forms of ISO 8601, so the form is checked first. It reads a leap second as the second before it.
fn read(text: &str) -> Option<Moment> {
    let (local, rest) = text.split_at_checked(19)?;
    if !has_form(local, "0000-00-00T00:00:00") {
        return None;
    }
    let local: DateTime = local.parse().ok()?;
    let since = local.duration_since(EPOCH).as_secs() - offset(without_fraction(rest)?)?;
    Some(Moment(UnixSeconds(since)))
}

/// The seconds that a local time is ahead of UTC.
fn offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("Z") {
        return Some(0);
    }
    let (sign, time) = match text.split_at_checked(1)? {
        ("+", time) => (1, time),
        ("-", time) => (-1, time),
        _ => return None,
    };
    if !has_form(time, "00:00") {
        return None;
    }
    let time: Time = time.parse().ok()?;
    Some(sign * time.duration_since(Time::midnight()).as_secs())
}

fn without_fraction(rest: &str) -> Option<&str> {
    let Some(fraction) = rest.strip_prefix('.') else {
        return Some(rest);
    };
    let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    (zone.len() < fraction.len()).then_some(zone)
}

/// Whether `text` is `form` with any digits for its zeros, and its letters in either case.
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                other => byte.eq_ignore_ascii_case(&other),
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        read(text).map(|moment| moment.0.0)
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
        for (text, same) in [
            ("2026-01-02T12:00:60Z", "2026-01-02T12:00:59Z"),
            ("2026-01-02T12:00:60.999z", "2026-01-02T12:00:59Z"),
            ("2026-01-02T12:00:00-00:00", "2026-01-02T12:00:00Z"),
            ("2026-01-02T12:00:00+23:59", "2026-01-01T12:01:00Z"),
            ("2026-01-02T12:00:00-23:59", "2026-01-03T11:59:00Z"),
            // More digits than a nanosecond has.
            ("2026-01-02T12:00:00.1234567890123Z", "2026-01-02T12:00:00Z"),
        ] {
            assert!(seconds(text).is_some(), "{text}");
            assert_eq!(seconds(text), seconds(same), "{text}");
        }
    }

    #[test]
    fn an_offset_may_lead_out_of_the_four_digit_years() {
        assert_eq!(
            seconds("9999-12-31T23:59:59-23:59"),
            Some(253_402_300_799 + 23 * 3600 + 59 * 60)
        );
        assert_eq!(
            seconds("0000-01-01T00:00:00+23:59"),
            Some(-62_167_219_200 - 23 * 3600 - 59 * 60)
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
            "2026-01-02T12:00:00+01:60",
            "2026-01-02T12:00:00+01",
            "2026-01-02T12:00:00+01:00:00",
            "2026-01-02T12:00:00+1:00",
            "2026-01-02T12:00:00\u{2212}01:00",
            "2026-01-02T12:00:00Z[UTC]",
            "2026-01-02T12:00:00[UTC]",
            "2026-01-02T12:00:00Z[u-ca=iso8601]",
            "2026-01-02T12:00:00+01:00Z",
            "2026-01-02T12:00:00 Z",
            " 2026-01-02T12:00:00Z",
            "2026-01-02T12:00:00,5Z",
            "2026-01-02T12:00Z",
            "2026-01-02T12Z",
            "20260102T120000Z",
            "2026-W01-5T12:00:00Z",
            "2026-002T12:00:00Z",
            "+002026-01-02T12:00:00Z",
            "-00002026-01-02T12:00",
            "12026-01-02T12:00:00Z",
            "-001-01-01T00:00:00Z",
            "2026-01-02T12:00:00ZZ",
            "+026-01-02T12:00:00Z",
            "2026-01-02T12:00:0\u{b2}",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
