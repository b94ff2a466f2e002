//! Moments and days.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Seconds of a day.
pub(crate) const DAY: i64 = 24 * 60 * 60;

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;

/// A moment as seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(pub i64);

impl fmt::Display for UnixSeconds {
    /// As RFC 3339 writes it, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        // Years are counted from March, so that the day of a leap year comes last; an era is 400 of them.
        let days = days.saturating_add(DAYS_BEFORE_1970);
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, carried) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        let year = year + era * 400 + carried;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

impl UnixSeconds {
    /// A moment of the proleptic Gregorian calendar in UTC; `None` when a part is out of its range. A day that its month
    /// does not have is one of the next month. A leap second is the first second of the next minute.
    pub(crate) fn of_civil(date: [i64; 3], time: [i64; 3]) -> Option<Self> {
        let ([year, month, day], [hour, minute, second]) = (date, time);
        let plausible = (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (0..=23).contains(&hour)
            && (0..=59).contains(&minute)
            && (0..=60).contains(&second);
        if !plausible {
            return None;
        }
        // Years begin in March, so that the leap day comes last.
        let (year, month) = if month > 2 {
            (year, month - 3)
        } else {
            (year - 1, month + 9)
        };
        let day_of_year = (153 * month + 2) / 5 + day - 1;
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let days = 365 * year + leap_days + day_of_year - DAYS_BEFORE_1970;
        Some(Self(((days * 24 + hour) * 60 + minute) * 60 + second))
    }

    /// The first moment of a day that is written as `2026-12-31`.
    pub(crate) fn of_date(text: &str) -> Option<Self> {
        let shape_ok = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shape_ok {
            return None;
        }
        let mut numbers = text.split('-').map(|digits| digits.parse::<i64>().ok());
        let date = [numbers.next()??, numbers.next()??, numbers.next()??];
        Self::of_civil(date, [0; 3])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (45_296, "1970-01-01T12:34:56Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(UnixSeconds(seconds).to_string(), text);
        }
    }

    #[test]
    fn dates_are_days_in_one_form() {
        assert_eq!(UnixSeconds::of_date("1970-01-01"), Some(UnixSeconds(0)));
        assert_eq!(
            UnixSeconds::of_date("2024-02-29"),
            Some(UnixSeconds(1_709_164_800))
        );
        for wrong in [
            "",
            "2024-2-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-01-32",
            "2024/01/01",
            "+024-01-01",
            "2024-01-01T00:00:00Z",
        ] {
            assert_eq!(UnixSeconds::of_date(wrong), None, "{wrong}");
        }
    }
}
