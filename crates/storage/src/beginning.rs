//! Texts that begin with another text, as a range in the order of their bytes: an index finds them, and no character in them is a pattern.

use domain::model::user::MAX_USER_NAME;

/// A text behind all names that begin with this text, in the order of bytes. Of all texts with this quality it is nearly the first.
pub(crate) fn behind(beginning: &str) -> String {
    let mut letters: Vec<char> = beginning.chars().collect();
    while let Some(last) = letters.pop() {
        // In UTF-8, bytes have the order of the characters.
        if let Some(next) = following(last) {
            letters.push(next);
            return letters.into_iter().collect();
        }
    }
    // No character is behind the last one. A name that is longer than all names is.
    String::from(char::MAX).repeat(MAX_USER_NAME + 1)
}

fn following(letter: char) -> Option<char> {
    let next = u32::from(letter) + 1;
    // Between these two there are no characters.
    char::from_u32(next).or_else(|| char::from_u32(0xe000).filter(|_| letter == '\u{d7ff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_a_text_is_before_the_text_behind_it_and_nothing_else_is_between() {
        for (beginning, end) in [
            ("an", "ao"),
            ("a\0", "a\u{1}"),
            ("50%", "50&"),
            ("a_", "a`"),
            ("\u{7f}", "\u{80}"),
            ("\u{d7ff}", "\u{e000}"),
            ("a\u{10ffff}", "b"),
        ] {
            assert_eq!(behind(beginning), end, "{beginning:?}");
            assert!(*beginning < *end);
            let longer = format!("{beginning}\u{10ffff}");
            assert!(*longer < *end, "{beginning:?}");
        }
        let last = "\u{10ffff}".repeat(2);
        assert!(last < behind(&last));
        assert!("\u{10ffff}".repeat(MAX_USER_NAME) < behind(&last));
        assert!(behind("").starts_with('\u{10ffff}'));
    }
}
