//! Strict base64url (RFC 4648 section 5): no padding, no `+` or `/`, no white space, no left-over bits (WebAuthn section 3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt::Write as _;

/// A text that is not strict base64url.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not base64url without padding: {0}")]
pub struct Base64Error(pub String);

/// Encodes bytes as base64url without padding.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes strict base64url. Each byte string has exactly one text that is accepted.
///
/// # Errors
/// [`Base64Error`] for a foreign character, padding, an impossible length or left-over bits.
pub fn decode(text: &str) -> Result<Vec<u8>, Base64Error> {
    URL_SAFE_NO_PAD.decode(text).map_err(|error| {
        let mut problem = String::new();
        let written = match error {
            // The character itself stays out: the text may be a secret or hold control characters.
            base64::DecodeError::InvalidByte(at, _) => {
                write!(problem, "character {at} is not of the alphabet")
            }
            base64::DecodeError::InvalidLength(length) => {
                write!(problem, "a length of {length} is impossible")
            }
            base64::DecodeError::InvalidLastSymbol { .. } => {
                write!(problem, "the last character has left-over bits")
            }
            base64::DecodeError::InvalidPadding => write!(problem, "padding is not used"),
        };
        debug_assert!(written.is_ok());
        Base64Error(problem)
    })
}

/// The text without the padding at its end, where the amount of padding is right (RFC 4648 section 4). A text with another
/// amount stays as it is, so that [`decode`] refuses it.
pub(crate) fn without_padding(text: &str) -> &str {
    let bare = text.trim_end_matches('=');
    match text.len() - bare.len() {
        1 | 2 if text.len().is_multiple_of(4) => bare,
        _ => text,
    }
}

/// The longest text that `decode` can turn into at most `bytes` bytes.
pub(crate) const fn encoded_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// serde adapter: a byte string as base64url text.
pub mod bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    /// Writes the byte string.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::encode(bytes))
    }

    /// Reads the byte string.
    ///
    /// # Errors
    /// Not a strict base64url text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        super::decode(&text).map_err(D::Error::custom)
    }
}

/// serde adapter: a list of byte strings as a list of base64url texts.
pub mod list {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    /// Writes the list.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(|bytes| super::encode(bytes)))
    }

    /// Reads the list.
    ///
    /// # Errors
    /// Not a list of strict base64url texts.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts
            .iter()
            .map(|text| super::decode(text).map_err(D::Error::custom))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_of_a_byte_string_is_accepted() {
        assert_eq!(decode("AA").unwrap(), [0]);
        assert_eq!(decode("").unwrap(), [0u8; 0]);
        assert_eq!(decode("-_8").unwrap(), [0xfb, 0xff]);
        for wrong in [
            "AA==", "AA=", "A", "AB", "+/8", "A A", "AA\n", " AA", "AAAAA", "ÄA", "AA%3D", "AAB",
        ] {
            assert!(decode(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn only_the_right_amount_of_padding_is_dropped() {
        for (padded, bare) in [("AA==", "AA"), ("AAA=", "AAA"), ("AAAA", "AAAA"), ("", "")] {
            assert_eq!(without_padding(padded), bare);
        }
        for wrong in [
            "AA=", "AAA==", "A===", "AAAA====", "AAAA==", "AAAA=", "=", "==", "====", "=AAA",
            "AA=A", "AA==\n", "AA%3D%3D",
        ] {
            assert!(decode(without_padding(wrong)).is_err(), "{wrong:?}");
        }
        // Dropping it makes no text canonical that is not.
        for left_over in ["AB==", "AAB=", "+A==", "A/A="] {
            assert!(decode(without_padding(left_over)).is_err(), "{left_over:?}");
        }
    }

    #[test]
    fn the_encoded_length_is_the_exact_bound() {
        for n in 0..300 {
            assert_eq!(encode(&vec![7; n]).len(), encoded_length(n));
        }
    }
}
