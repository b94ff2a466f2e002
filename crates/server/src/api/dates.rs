//! Dates as the wires show them: `YYYY-MM-DDTHH:MM:SSZ`, UTC, whole seconds, a literal Z (a form of RFC 3339).

use std::fmt;

use domain::model::clock::Timestamp;
use jiff::SignedDuration;
use serde::{Serialize, Serializer};

use crate::moment::EPOCH;

/// The last second of the year 9999: the form has four digits for the year.
const LAST: i64 = 253_402_300_799;

/// A moment as it is shown. A moment before 1970 or after the year 9999 is shown as the nearest one that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(pub Timestamp);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A date and time without a zone, because jiff's own timestamps end a day before the year 9999 does.
        let since = SignedDuration::from_secs(self.0.seconds().clamp(0, LAST));
        write!(f, "{}Z", EPOCH.saturating_add(since))
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
        for (moment, edge) in [
            (i64::MIN, "1970-01-01T00:00:00Z"),
            (i64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Date(Timestamp(moment)).to_string(), edge);
        }
    }

    #[test]
    fn days_follow_each_other_through_four_centuries() {
        let mut previous = text(0, 0);
        for day in 1..=146_097 {
            let next = text(day * 86_400, 0);
            assert!(next > previous, "{previous} before {next}");
            previous = next;
        }
        assert_eq!(previous, "2370-01-01T00:00:00Z");
    }
}
