//! `application/x-www-form-urlencoded`: bodies of forms, and query strings.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// The parameters of a form or query, in the order of the text.
#[derive(Clone, Debug, Default)]
pub struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// Why a text is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormError {
    /// It is not UTF-8 once it is decoded.
    NotUtf8,
    /// It has more parameters than allowed.
    TooMany,
}

impl<'a> Form<'a> {
    /// Reads a form of at most `most` parameters. A percent sign that begins no percent-encoded byte stands for itself.
    ///
    /// # Errors
    /// [`FormError`]. The WHATWG parser would replace bytes that are not UTF-8, and then two names may become one.
    pub fn parse(text: &'a [u8], most: usize) -> Result<Self, FormError> {
        // The separators are ASCII, so the parts are UTF-8 if the whole is.
        let decoded: Cow<'_, [u8]> = percent_decode(text).into();
        if std::str::from_utf8(&decoded).is_err() {
            return Err(FormError::NotUtf8);
        }
        let mut parameters = Vec::new();
        for parameter in form_urlencoded::parse(text) {
            if parameters.len() == most {
                return Err(FormError::TooMany);
            }
            parameters.push(parameter);
        }
        Ok(Self(parameters))
    }

    /// All parameters.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let form = Form::parse(text.as_bytes(), 9).unwrap();
        form.iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn a_form_is_decoded_once() {
        let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        assert_eq!(
            read("a=x+y%2Bz&b&&c=&%C3%A4=%25zz&d=1=2"),
            own(&[
                ("a", "x y+z"),
                ("b", ""),
                ("c", ""),
                ("ä", "%zz"),
                ("d", "1=2")
            ])
        );
        assert_eq!(read("a=100%&b=%zz"), own(&[("a", "100%"), ("b", "%zz")]));
        assert_eq!(read(""), own(&[]));
    }

    #[test]
    fn what_is_not_utf8_is_refused_wherever_it_stands() {
        for bad in [
            &b"a=%ff"[..],
            b"\xff=a",
            b"a=\xff",
            b"a=%C3&%A4=b",
            b"a=%C3+%A4",
            b"%C3=%A4",
        ] {
            assert_eq!(Form::parse(bad, 9).unwrap_err(), FormError::NotUtf8);
        }
        assert!(Form::parse("ä=%C3%A4".as_bytes(), 9).is_ok());
    }

    #[test]
    fn parameters_are_counted() {
        assert!(Form::parse("a=1&".repeat(9).as_bytes(), 9).is_ok());
        let ten = "a=1&".repeat(10);
        assert_eq!(
            Form::parse(ten.as_bytes(), 9).unwrap_err(),
            FormError::TooMany
        );
    }
}
