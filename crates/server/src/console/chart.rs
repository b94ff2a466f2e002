//! Bars over time, as SVG. The same numbers are in a table beside it.

use std::fmt::Write as _;

/// What one stretch of time had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bar {
    /// The label of its beginning.
    pub(super) label: String,
    /// Sign-ins.
    pub(super) signed_in: u64,
    /// Registrations.
    pub(super) registered: u64,
    /// Refusals.
    pub(super) refused: u64,
}

impl Bar {
    pub(super) fn all(&self) -> u64 {
        self.signed_in + self.registered + self.refused
    }
}

const WIDTH: u64 = 720;
const HEIGHT: u64 = 180;
/// Room below the bars for labels, and on the left for numbers.
const BELOW: u64 = 22;
const LEFT: u64 = 44;

/// The greatest value of the axis: the next of 1, 2, 5, 10, 20, 50 ...
fn top(most: u64) -> u64 {
    let mut unit = 1;
    loop {
        for step in [1, 2, 5] {
            if most <= step * unit {
                return step * unit;
            }
        }
        unit *= 10;
    }
}

/// The picture. `about` is its title for those who do not see it.
pub(super) fn svg(bars: &[Bar], about: &str) -> String {
    let top = top(bars.iter().map(Bar::all).max().unwrap_or_default());
    let (total, refused) = bars.iter().fold((0, 0), |(all, refused), bar| {
        (all + bar.all(), refused + bar.refused)
    });
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-labelledby=\"chart-title chart-desc\">\
         <title id=\"chart-title\">{about}</title>\
         <desc id=\"chart-desc\">{total} events in {} bars; {refused} of them are refusals. The table below has the numbers.</desc>",
        HEIGHT + BELOW,
        bars.len(),
    );
    for (at, value) in [(0, top), (HEIGHT / 2, top / 2), (HEIGHT, 0)] {
        let y = at.max(1);
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\"/>"
        );
        if top > 1 || value != top / 2 || at != HEIGHT / 2 {
            let _ = write!(
                out,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{value}</text>",
                LEFT - 8,
                (at + 5).clamp(11, HEIGHT),
            );
        }
    }
    let count = bars.len().max(1) as u64;
    let room = (WIDTH - LEFT) / count;
    let width = (room * 7 / 10).max(2);
    let every = count.div_ceil(6);
    for (n, bar) in (0..).zip(bars) {
        let x = LEFT + n * (WIDTH - LEFT) / count + (room - width) / 2;
        let mut y = HEIGHT;
        for (class, value) in [
            ("ok", bar.signed_in),
            ("new", bar.registered),
            ("bad", bar.refused),
        ] {
            let height = value * HEIGHT / top;
            // What is there is seen.
            let height = if value > 0 { height.max(1) } else { 0 };
            if height > 0 {
                y = y.saturating_sub(height);
                let _ = write!(
                    out,
                    "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
                );
            }
        }
        if n % every == 0 {
            let _ = write!(
                out,
                "<text x=\"{x}\" y=\"{}\">{}</text>",
                HEIGHT + 16,
                bar.label
            );
        }
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (most, expected) in [(0, 1), (1, 1), (3, 5), (6, 10), (11, 20), (4_321, 5_000)] {
            assert_eq!(top(most), expected);
        }
    }

    #[test]
    fn each_bar_has_its_parts_and_the_picture_has_words() {
        let bars = [
            Bar {
                label: "08:00".to_owned(),
                signed_in: 3,
                registered: 1,
                refused: 1,
            },
            Bar::default(),
        ];
        let picture = svg(&bars, "Sign-ins");
        assert!(picture.contains("5 events in 2 bars; 1 of them are refusals"));
        assert_eq!(picture.matches("<rect").count(), 3);
        assert!(picture.contains(">08:00</text>"));
        assert!(!picture.contains("style="));
    }
}
