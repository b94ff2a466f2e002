//! `fido2SessionId`: the key of a ceremony as the dialect shows it, hyphenated like a UUID.

use std::fmt;

use domain::model::ids::CeremonyId;
use serde::{Serialize, Serializer};

/// Digits between the hyphens.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

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
        let fits = text.split('-').map(str::len).eq(GROUPS);
        let digits = text.replace('-', "");
        CeremonyId::from_hex(&digits).filter(|_| fits).map(Self)
    }

    /// The ceremony.
    pub fn ceremony(self) -> CeremonyId {
        self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hyphenated(&self.0.to_hex()))
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// 32 digits in the groups of a UUID.
pub fn hyphenated(digits: &str) -> String {
    let mut rest = digits;
    let groups = GROUPS.map(|length| {
        let (group, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = after;
        group
    });
    groups.join("-")
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
        for wrong in [
            "",
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
