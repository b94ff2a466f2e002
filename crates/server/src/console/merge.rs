//! A form that was open while somebody else saved the same settings. It changes only what its sender changed: a field that was left as it was
//! shown keeps what was saved meanwhile, and a field that both have changed is not saved before its sender has seen that.
//!
//! Such a form has `autocomplete="off"`: browsers put the earlier state of its controls back otherwise when somebody returns to the page, beside
//! a new hidden field.

use aws_lc_rs::digest::{SHA256, digest};

use super::wrong::Wrong;

/// The hidden field with what the form has shown.
pub(super) const FIELD: &str = "seen";

/// Letters of the image of one value.
const LETTERS: usize = 8;

/// A field of a form.
pub(super) struct Field<'a> {
    pub(super) name: &'static str,
    /// What the form has.
    pub(super) sent: &'a mut String,
    /// What is stored.
    pub(super) stored: String,
}

fn image(value: &str) -> String {
    // A text area sends other line ends than it was given, and forms are read without white space at the ends.
    let value = value.trim().replace("\r\n", "\n");
    let mut image = hex::encode(digest(&SHA256, value.as_bytes()));
    image.truncate(LETTERS);
    image
}

/// What a form with these values says of them in its hidden field.
pub(super) fn seen<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    values.into_iter().map(image).collect()
}

/// Takes over what was saved since the form was shown, and marks what both have changed.
pub(super) fn merge(seen: &str, fields: Vec<Field<'_>>, wrong: &mut Wrong) {
    for (n, field) in fields.into_iter().enumerate() {
        let shown = seen.get(n * LETTERS..(n + 1) * LETTERS);
        let (sent, stored) = (image(field.sent), image(&field.stored));
        if sent == stored || shown == Some(&sent) {
            *field.sent = field.stored;
            continue;
        }
        if shown == Some(&stored) {
            continue;
        }
        let now = match field.stored.trim() {
            "" => "empty".to_owned(),
            stored => stored.replace('\n', ", "),
        };
        wrong.mark(
            field.name,
            format!("Somebody else changed this after you opened the page. It is now: {now}. Save again to replace it."),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is saved of a form that has shown `shown` when its sender sends `sent` and `stored` is stored: nothing if the field is marked.
    fn saved(shown: &str, sent: &str, stored: &str) -> Option<String> {
        let (mut value, mut wrong) = (sent.to_owned(), Wrong::default());
        let field = Field {
            name: "one",
            sent: &mut value,
            stored: stored.to_owned(),
        };
        merge(&seen([shown]), vec![field], &mut wrong);
        wrong.is_empty().then_some(value)
    }

    #[test]
    fn a_form_changes_only_what_its_sender_changed() {
        let saves = |value: &str| Some(value.to_owned());
        assert_eq!(saved("a", "a", "a"), saves("a"));
        assert_eq!(saved("a", "mine", "a"), saves("mine"));
        assert_eq!(saved("a", "a", "theirs"), saves("theirs"));
        assert_eq!(saved("a", "both", "both"), saves("both"));
        assert_eq!(saved("a", "mine", "theirs"), None);
        // A browser sends the lines of a text area with other ends.
        assert_eq!(saved("a\nb", "a\r\nb", "theirs"), saves("theirs"));
    }

    #[test]
    fn white_space_at_the_ends_is_no_change() {
        assert_eq!(saved(" a ", "a", " a "), Some(" a ".to_owned()));
        assert_eq!(saved(" a ", "a", "theirs"), Some("theirs".to_owned()));
    }

    #[test]
    fn a_form_that_does_not_say_what_it_has_shown_replaces_nothing() {
        for seen in ["", "ä", "0123456"] {
            let (mut value, mut wrong) = ("mine".to_owned(), Wrong::default());
            let field = Field {
                name: "one",
                sent: &mut value,
                stored: "theirs".to_owned(),
            };
            merge(seen, vec![field], &mut wrong);
            assert!(wrong.of("one").contains("It is now: theirs."));
        }
    }
}
