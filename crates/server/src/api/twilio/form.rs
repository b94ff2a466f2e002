//! `application/x-www-form-urlencoded` bodies and query strings (contract section 1.5): names in any case, repeated
//! keys as lists, `+` for a space. What the WHATWG parser would silently replace, such as bytes that are not UTF-8,
//! is refused here.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use super::error::ApiError;

/// Most parameters of one form.
const MAX_PARAMETERS: usize = 128;

/// Characters that stay as they are in a path segment and in a query value.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Parameters in the order of the text, names in lower case.
#[derive(Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form.
    ///
    /// # Errors
    /// 60306: not UTF-8, or too many parameters.
    pub fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        let mut parameters = Vec::new();
        for pair in bytes
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
        {
            if parameters.len() == MAX_PARAMETERS {
                return Err(ApiError::invalid_request(
                    "The form has too many parameters",
                ));
            }
            let at = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match at {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            parameters.push((decode(name)?.to_ascii_lowercase(), decode(value)?));
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter; of a repeated one, the last.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All values of a repeated parameter.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
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

fn decode(text: &[u8]) -> Result<String, ApiError> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    String::from_utf8(percent_decode(&spaced).collect())
        .map_err(|_| ApiError::invalid_request("The form is not UTF-8"))
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
            let form = Form::parse(format!("a={encoded}").as_bytes()).unwrap();
            assert_eq!(form.get("a"), Some(text));
        }
    }
}
