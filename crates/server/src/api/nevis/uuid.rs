//! Domain keys as this wire shows them: UUIDs in lower case with hyphens.

use std::fmt;

use ::uuid::fmt::Hyphenated;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 128 bits, shown as a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// Reads the hyphenated form, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = text.parse::<Hyphenated>().ok()?.into_uuid();
        Some(Self(uuid.into_bytes()))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ::uuid::Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a UUID"))
    }
}

macro_rules! shown_as_uuid {
    ($($key:ident),+) => {
        $(
            impl From<domain::model::ids::$key> for Uuid {
                fn from(key: domain::model::ids::$key) -> Self {
                    Self(key.0)
                }
            }

            impl From<Uuid> for domain::model::ids::$key {
                fn from(uuid: Uuid) -> Self {
                    Self(uuid.0)
                }
            }
        )+
    };
}

shown_as_uuid!(RelyingPartyId, UserId, CeremonyId, CredentialKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_in_lower_case_with_hyphens_and_read_back() {
        let text = "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11";
        let uuid = Uuid::parse(text).unwrap();
        assert_eq!(uuid.to_string(), text);
        assert_eq!(Uuid::parse(&text.to_uppercase()), Some(uuid));
        // Any 128 bits: neither a version nor a variant is looked for.
        for bytes in [[0; 16], [0xff; 16]] {
            assert_eq!(Uuid::parse(&Uuid(bytes).to_string()), Some(Uuid(bytes)));
        }
        assert_eq!(serde_json::to_value(uuid).unwrap(), text);
    }

    #[test]
    fn nothing_but_the_hyphenated_form_is_read() {
        for bad in [
            "",
            "6f0e7c525a0b4f0e9f430a7f7b1c2d11",
            "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d1",
            "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d111",
            "6f0e7c52-5a0b-4f0e-9f430-a7f7b1c2d11",
            "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d1g",
            "{6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d1",
            "{6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11}",
            "urn:uuid:6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11",
            " 6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11",
            "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11 ",
            "6f0e7c525a0b-4f0e-9f43-0a7f7b1c2d11-",
            "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2dé",
        ] {
            assert_eq!(Uuid::parse(bad), None, "{bad}");
        }
    }
}
