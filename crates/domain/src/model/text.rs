//! Which characters a text that people read may have.

/// Whether a character controls how a text is shown instead of being part of it: a control character, which a terminal obeys, or one that
/// embeds, overrides or isolates a direction, after which a name shows the rest of its line in another order (Unicode UAX #9, sections 2.1
/// to 2.5). The marks for left-to-right and right-to-left text are none: names in Arabic and Hebrew need them, and they reorder nothing else.
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reorders_a_line_is_a_control_and_a_mark_is_not() {
        for c in [
            '\0', '\n', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{2069}',
        ] {
            assert!(is_control(c), "{c:?}");
        }
        for c in ['a', 'ש', '\u{200e}', '\u{200f}', '\u{200d}'] {
            assert!(!is_control(c), "{c:?}");
        }
    }
}
