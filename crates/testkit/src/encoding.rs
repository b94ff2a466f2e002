//! base64url without padding, the form of every binary value in the JSON of `WebAuthn`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de::Error as _};

/// `bytes` as base64url without padding.
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `bytes` as standard base64 with padding, the form inside JSON web signatures and metadata.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes that `text` stands for, or `None` when it is not standard base64 with padding.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The bytes that `text` stands for, or `None` when it is not base64url without padding.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Bytes that are base64url in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        from_base64url(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom("not base64url without padding"))
    }
}

/// Serde form of an optional byte string: base64url or null.
pub(crate) mod optional {
    use serde::{Deserialize, Deserializer};

    use super::Bytes;

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Bytes>::deserialize(input)?.map(|bytes| bytes.0))
    }
}
