//! `fido2SessionId`: the key of a ceremony as the dialect shows it, hyphenated like a UUID.

use std::fmt;

use domain::model::ids::CeremonyId;
use serde::{Serialize, Serializer};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// A session of the dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionId(CeremonyId);

impl From<CeremonyId> for SessionId {
    fn from(id: CeremonyId) -> Self {
        Self(id)
    }
}

impl SessionId {
    /// Reads the hyphenated form; `None` for what cannot be a session.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = text.parse::<Hyphenated>().ok()?.into_uuid();
        Some(Self(CeremonyId(uuid.into_bytes())))
    }

    /// The ceremony.
    pub fn ceremony(self) -> CeremonyId {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hyphenated(self.0.0).fmt(f)
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// 128 bits in the form of a UUID.
pub fn hyphenated(key: [u8; 16]) -> Hyphenated {
    Uuid::from_bytes(key).hyphenated()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_as_it_is_shown_and_in_no_other_form() {
        let id = CeremonyId::from_hex("00112233445566778899aabbccddeeff").unwrap();
        let text = SessionId::from(id).to_string();
        assert_eq!(text, "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(SessionId::parse(&text), Some(SessionId(id)));
        assert_eq!(SessionId::parse(&text.to_uppercase()), Some(SessionId(id)));
        for wrong in [
            "",
            "{00112233-4455-6677-8899-aabbccddeeff}",
            "urn:uuid:00112233-4455-6677-8899-aabbccddeeff",
            " 00112233-4455-6677-8899-aabbccddeeff",
            "00112233445566778899aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899-aabbccddeeff-",
            "0011223-34455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeefg",
            "00112233-4455-6677-8899-aabbccddee\u{e9}",
        ] {
            assert_eq!(SessionId::parse(wrong), None, "{wrong}");
        }
    }
}
