//! SIDs: two letters and 32 hex digits, the form in which this wire shows the domain's keys (docs/wires/twilio.md, section 3).
//! Written with lower-case digits, read in both cases.

use std::fmt;

use domain::model::ids::{AccountId, CeremonyId, CredentialKey, RelyingPartyId, UserId, WebhookId};
use serde::{Serialize, Serializer};

/// Characters of a SID.
const LENGTH: usize = 34;

/// A key of the domain that has a SID.
pub trait Key: Sized {
    /// The two letters.
    const PREFIX: [u8; 2];
    /// The key's bytes.
    fn bytes(&self) -> &[u8; 16];
    /// The key with these bytes.
    fn of(bytes: [u8; 16]) -> Self;
}

macro_rules! keys {
    ($($key:ident = $prefix:literal),+ $(,)?) => {$(
        impl Key for $key {
            const PREFIX: [u8; 2] = *$prefix;

            fn bytes(&self) -> &[u8; 16] {
                self.as_bytes()
            }

            fn of(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }
        }
    )+};
}

keys! {
    AccountId = b"AC",
    RelyingPartyId = b"VA",
    UserId = b"YE",
    CredentialKey = b"YF",
    CeremonyId = b"YC",
    WebhookId = b"YW",
}

/// The text of a SID.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sid([u8; LENGTH]);

impl Sid {
    /// The SID of a key.
    pub fn of<K: Key>(key: &K) -> Self {
        let mut text = [0; LENGTH];
        let (prefix, digits) = text.split_at_mut(2);
        prefix.copy_from_slice(&K::PREFIX);
        // The lengths fit, which is the only thing that could fail.
        let _ = hex::encode_to_slice(key.bytes(), digits);
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Always ASCII by construction.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Sid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The key that a SID shows; `None` for any other text.
pub fn parse<K: Key>(text: &str) -> Option<K> {
    let digits = text.as_bytes().strip_prefix(&K::PREFIX)?;
    let mut bytes = [0; 16];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(K::of(bytes))
}

/// Whether a text has the form of a SID that other products issue and passkeyd only keeps.
pub fn has_form(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_is_written_in_lower_case_and_read_in_either() {
        let id = RelyingPartyId([0xAB; 16]);
        let sid = Sid::of(&id);
        assert_eq!(sid.as_str(), "VAabababababababababababababababab");
        assert_eq!(parse(sid.as_str()), Some(id));
        assert_eq!(parse("VAABABABABABABABABABABABABABABABAB"), Some(id));
    }

    #[test]
    fn what_is_not_prefix_and_32_hex_digits_is_no_sid() {
        for text in [
            "",
            "VA",
            "VAab",
            "vaabababababababababababababababab",
            "YFabababababababababababababababab",
            "VAababababababababababababababababa",
            "VAabababababababababababababababgg",
            "VAéabababababababababababababababa",
        ] {
            assert_eq!(parse::<RelyingPartyId>(text), None, "{text}");
        }
    }

    #[test]
    fn a_users_sid_is_the_text_of_the_user_handle() {
        let user = UserId([7; 16]);
        assert_eq!(
            user.user_handle().as_bytes(),
            Sid::of(&user).as_str().as_bytes()
        );
    }
}
