//! `application/x-www-form-urlencoded` bodies and query strings: names in any case, and repeated keys as lists.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::ApiError;
use crate::http::form::{self, FormError};

/// Most parameters of one form.
const MAX_PARAMETERS: usize = 128;

/// Characters that stay as they are in a path segment and in a query value.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The parameters of a form or query.
#[derive(Debug, Default)]
pub struct Form<'a>(form::Form<'a>);

impl<'a> Form<'a> {
    /// Reads a form.
    ///
    /// # Errors
    /// 60306: not UTF-8, or too many parameters.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ApiError> {
        let form = form::Form::parse(bytes, MAX_PARAMETERS).map_err(|error| {
            ApiError::invalid_request(match error {
                FormError::NotUtf8 => "The form is not UTF-8",
                FormError::TooMany => "The form has too many parameters",
            })
        })?;
        Ok(Self(form))
    }

    /// The value of a parameter; of a repeated one, the last.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find_map(|(n, value)| n.eq_ignore_ascii_case(name).then_some(value))
    }

    /// All values of a repeated parameter.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0
            .iter()
            .filter_map(move |(n, value)| n.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Whether the parameter is there, be it empty.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A parameter that must be there and not be empty.
    ///
    /// # Errors
    /// 20001.
    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ApiError::missing_parameter(name))
    }
}

/// A text as a path segment or query value.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_repeated_keys_are_a_list() {
        let form =
            Form::parse(b"EventTypes=a&eventtypes=b%2Cc&Passkeys.RelyingParty.id=x").unwrap();
        assert_eq!(form.all("EventTypes").collect::<Vec<_>>(), ["a", "b,c"]);
        assert_eq!(form.get("Passkeys.RelyingParty.Id"), Some("x"));
        assert_eq!(form.get("EventTypes"), Some("b,c"));
        assert_eq!(form.get("Other"), None);
    }

    #[test]
    fn a_plus_is_a_space_and_an_absent_value_is_empty() {
        let form = Form::parse(b"a=x+y%2Bz&b&&c=").unwrap();
        assert_eq!(form.get("a"), Some("x y+z"));
        assert_eq!(form.get("b"), Some(""));
        assert_eq!(form.get("c"), Some(""));
        assert!(form.has("c") && !form.has("d"));
        assert!(form.required("c").is_err());
    }

    #[test]
    fn bytes_that_are_not_utf8_and_endless_forms_are_refused() {
        assert!(Form::parse(b"a=%ff").is_err());
        assert!(Form::parse(b"\xff=a").is_err());
        assert!(Form::parse("a=1&".repeat(129).as_bytes()).is_err());
        assert!(Form::parse("a=1&".repeat(128).as_bytes()).is_ok());
    }

    #[test]
    fn a_broken_percent_sequence_stays_as_it_is() {
        assert_eq!(Form::parse(b"a=100%&b=%zz").unwrap().get("a"), Some("100%"));
    }

    #[test]
    fn an_encoded_segment_decodes_to_itself() {
        for text in ["user-0001", "a+b@x.y", "ä/ö?%#", ""] {
            let encoded = encode(text);
            assert!(!encoded.contains(['/', '?', '#', '+', ' ']));
            let query = format!("a={encoded}");
            let form = Form::parse(query.as_bytes()).unwrap();
            assert_eq!(form.get("a"), Some(text));
        }
    }
}
