//! Client data: what the browser says about a ceremony (WebAuthn 5.8.1).

use crate::Reason;
use crate::base64url;
use crate::json::{self, JsonError, Limits, Value};
use crate::origin::Origin;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

/// Whether the ceremony may run in a frame embedded by another origin (7.1 steps 10-11, 7.2 steps 13-14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CrossOrigin {
    /// No: `crossOrigin` true or any `topOrigin` is refused.
    Refused,
    /// Yes, and a `topOrigin`, where the client sends one, must be on this list as an exact string.
    Allowed {
        /// The embedding origins.
        top_origins: Vec<String>,
    },
}

/// The kind of ceremony that the client names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientDataType {
    /// `webauthn.create`.
    Create,
    /// `webauthn.get`.
    Get,
    /// Anything else, for example `payment.get`.
    Other(String),
}

impl ClientDataType {
    /// The text in the client data.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
            Self::Other(text) => text,
        }
    }
}

/// Parsed client data. The hash is always computed over the bytes received, never over this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientData {
    /// `type`.
    pub kind: ClientDataType,
    /// `challenge`, decoded.
    pub challenge: Vec<u8>,
    /// `origin`, untouched.
    pub origin: String,
    /// `crossOrigin`; absent means false.
    pub cross_origin: bool,
    /// `topOrigin`, untouched.
    pub top_origin: Option<String>,
    /// `tokenBinding`.
    pub token_binding: TokenBinding,
}

/// What stands under `tokenBinding`, which Level 3 reserves without a rule and real clients fill in various ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenBinding {
    /// There is no such member.
    Absent,
    /// An object whose `status` is `supported` or `not-supported`: nothing is claimed.
    Unused,
    /// An object whose `status` is `present`.
    Present,
    /// Anything else. A plain string is real; wires that conformance tools talk to refuse it.
    Malformed,
}

impl TokenBinding {
    fn of(value: Option<&Value<'_>>) -> Self {
        let Some(value) = value else {
            return Self::Absent;
        };
        let status = value.as_object().and_then(|binding| binding.get("status"));
        match status.and_then(Value::as_str) {
            Some("present") => Self::Present,
            Some("supported" | "not-supported") => Self::Unused,
            Some(_) | None => Self::Malformed,
        }
    }
}

/// What is wrong with client data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientDataError {
    /// Not acceptable JSON.
    #[error("the client data cannot be read: {0}")]
    Json(JsonError),
    /// JSON, but not an object.
    #[error("the client data is not a JSON object")]
    NotAnObject,
    /// A member that must be there is not.
    #[error("the client data has no `{member}`")]
    MemberMissing {
        /// The member.
        member: &'static str,
    },
    /// A member has another type or form than demanded.
    #[error("`{member}` of the client data must be {expected}")]
    MemberInvalid {
        /// The member.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// 7.1 step 7, 7.2 step 10.
    #[error("the client data is of type {found:?}, not {expected:?}")]
    TypeMismatch {
        /// Type of this ceremony.
        expected: &'static str,
        /// Type found.
        found: String,
    },
    /// 7.1 step 8, 7.2 step 11. Challenges are secrets until used, so none is shown.
    #[error("the challenge ({found} bytes) is not the one of this ceremony ({expected} bytes)")]
    ChallengeMismatch {
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// 7.1 step 9, 7.2 step 12.
    #[error("the origin {found:?} is not one of the allowed origins {expected:?}")]
    OriginNotAllowed {
        /// The allowed origins.
        expected: Vec<String>,
        /// The origin found.
        found: String,
    },
    /// 7.1 step 10, 7.2 step 13.
    #[error("the ceremony ran in a frame of another origin, which is not allowed here")]
    CrossOriginNotAllowed,
    /// 7.1 step 11, 7.2 step 14.
    #[error("the embedding origin {found:?} is not allowed")]
    TopOriginNotAllowed {
        /// The embedding origin.
        found: String,
    },
    /// A claim that cannot be checked (5.8.1, policy).
    #[error("the client claims a token binding, which cannot be checked")]
    TokenBindingPresent,
}

impl ClientDataError {
    /// The offending value that was found, if there is one that may be shown and recorded.
    pub fn found(&self) -> Option<String> {
        match self {
            Self::TypeMismatch { found, .. }
            | Self::OriginNotAllowed { found, .. }
            | Self::TopOriginNotAllowed { found } => Some(found.clone()),
            _ => None,
        }
    }

    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            // One class for everything unreadable: a fault inside this member is not one of the request's own JSON.
            Self::Json(_)
            | Self::NotAnObject
            | Self::MemberMissing { .. }
            | Self::MemberInvalid { .. } => Reason::ClientDataMalformed,
            Self::TypeMismatch { .. } => Reason::ClientDataTypeMismatch,
            Self::ChallengeMismatch { .. } => Reason::ChallengeMismatch,
            Self::OriginNotAllowed { .. } => Reason::OriginNotAllowed,
            Self::CrossOriginNotAllowed => Reason::CrossOriginNotAllowed,
            Self::TopOriginNotAllowed { .. } => Reason::TopOriginNotAllowed,
            Self::TokenBindingPresent => Reason::TokenBindingUnsupported,
        }
    }
}

impl ClientData {
    /// Parses the received bytes (7.1 steps 5-6, 7.2 steps 8-9). One leading byte order mark is skipped; unknown members and
    /// any order are fine (5.8.1).
    ///
    /// # Errors
    /// [`ClientDataError`]: not JSON, not an object, or a member missing or of the wrong type.
    pub fn parse(bytes: &[u8]) -> Result<Self, ClientDataError> {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let value = json::parse(text, &Limits::default()).map_err(ClientDataError::Json)?;
        let object = value.as_object().ok_or(ClientDataError::NotAnObject)?;
        let required = |member: &'static str| -> Result<&str, ClientDataError> {
            let value = object
                .get(member)
                .ok_or(ClientDataError::MemberMissing { member })?;
            value.as_str().ok_or(ClientDataError::MemberInvalid {
                member,
                expected: "a string",
            })
        };

        let kind = match required("type")? {
            "webauthn.create" => ClientDataType::Create,
            "webauthn.get" => ClientDataType::Get,
            other => ClientDataType::Other(other.to_owned()),
        };
        let challenge = base64url::decode(required("challenge")?).map_err(|_| {
            ClientDataError::MemberInvalid {
                member: "challenge",
                expected: "base64url without padding",
            }
        })?;
        let origin = required("origin")?.to_owned();
        let cross_origin = match object.get("crossOrigin") {
            None => false,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                return Err(ClientDataError::MemberInvalid {
                    member: "crossOrigin",
                    expected: "a boolean",
                });
            }
        };
        let top_origin = match object.get("topOrigin") {
            None => None,
            Some(Value::String(text)) => Some(text.clone().into_owned()),
            Some(_) => {
                return Err(ClientDataError::MemberInvalid {
                    member: "topOrigin",
                    expected: "a string",
                });
            }
        };

        Ok(Self {
            kind,
            challenge,
            origin,
            cross_origin,
            top_origin,
            token_binding: TokenBinding::of(object.get("tokenBinding")),
        })
    }
}

impl ClientData {
    /// The origin found and those allowed, for the recorded steps.
    pub(crate) fn origin_text(&self, allowed: &[Origin]) -> String {
        let allowed: Vec<_> = allowed.iter().map(Origin::as_str).collect();
        format!("{}; allowed: {}", self.origin, allowed.join(", "))
    }

    /// Whether the ceremony was embedded and may have been, for the recorded steps.
    pub(crate) fn embedding_text(&self, policy: &CrossOrigin) -> String {
        let policy = match policy {
            CrossOrigin::Refused => "refused",
            CrossOrigin::Allowed { .. } => "allowed",
        };
        format!(
            "crossOrigin is {}; embedding is {policy}",
            self.cross_origin
        )
    }

    /// 7.1 step 7, 7.2 step 10.
    pub(crate) fn require_type(&self, expected: &ClientDataType) -> Result<(), ClientDataError> {
        if self.kind == *expected {
            return Ok(());
        }
        let expected = if *expected == ClientDataType::Create {
            "webauthn.create"
        } else {
            "webauthn.get"
        };
        Err(ClientDataError::TypeMismatch {
            expected,
            found: self.kind.as_str().chars().take(32).collect(),
        })
    }

    /// 7.1 step 8, 7.2 step 11. Decoding is strict, so equal bytes mean equal texts; compared in constant time.
    pub(crate) fn require_challenge(&self, expected: &[u8]) -> Result<(), ClientDataError> {
        // An empty expectation would accept an empty challenge.
        if !expected.is_empty() && bool::from(self.challenge.ct_eq(expected)) {
            Ok(())
        } else {
            Err(ClientDataError::ChallengeMismatch {
                expected: expected.len(),
                found: self.challenge.len(),
            })
        }
    }

    /// 7.1 step 9, 7.2 step 12: an exact string; no parsing, no case folding.
    pub(crate) fn require_origin(&self, allowed: &[Origin]) -> Result<(), ClientDataError> {
        if allowed.iter().any(|origin| origin.as_str() == self.origin) {
            return Ok(());
        }
        Err(ClientDataError::OriginNotAllowed {
            expected: allowed
                .iter()
                .map(|origin| origin.as_str().to_owned())
                .collect(),
            found: self.origin.chars().take(256).collect(),
        })
    }

    /// 7.1 step 10, 7.2 step 13.
    pub(crate) fn require_cross_origin(&self, policy: &CrossOrigin) -> Result<(), ClientDataError> {
        match policy {
            CrossOrigin::Refused if self.cross_origin => {
                Err(ClientDataError::CrossOriginNotAllowed)
            }
            CrossOrigin::Refused | CrossOrigin::Allowed { .. } => Ok(()),
        }
    }

    /// 7.1 step 11, 7.2 step 14. A `topOrigin` without `crossOrigin` true cannot come from a client.
    pub(crate) fn require_top_origin(&self, policy: &CrossOrigin) -> Result<(), ClientDataError> {
        let Some(found) = &self.top_origin else {
            return Ok(());
        };
        match policy {
            CrossOrigin::Allowed { top_origins }
                if self.cross_origin && top_origins.contains(found) =>
            {
                Ok(())
            }
            CrossOrigin::Allowed { .. } | CrossOrigin::Refused => {
                Err(ClientDataError::TopOriginNotAllowed {
                    found: found.chars().take(256).collect(),
                })
            }
        }
    }

    /// 5.8.1, policy: a claimed token binding can never be matched.
    pub(crate) fn require_no_token_binding(&self) -> Result<(), ClientDataError> {
        match self.token_binding {
            TokenBinding::Present => Err(ClientDataError::TokenBindingPresent),
            // Only the claim itself matters.
            TokenBinding::Absent | TokenBinding::Unused | TokenBinding::Malformed => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ClientData, ClientDataError> {
        ClientData::parse(text.as_bytes())
    }

    #[test]
    fn members_in_any_order_and_unknown_members_are_accepted() {
        let data = parse(
            r#"{"new_keys":"do not compare","crossOrigin":true,"origin":"https://a","challenge":"AAAA","topOrigin":"https://b","type":"webauthn.get"}"#,
        )
        .unwrap();
        assert_eq!(
            data,
            ClientData {
                kind: ClientDataType::Get,
                challenge: vec![0; 3],
                origin: "https://a".into(),
                cross_origin: true,
                top_origin: Some("https://b".into()),
                token_binding: TokenBinding::Absent
            }
        );
    }

    #[test]
    fn one_byte_order_mark_is_stripped_and_a_second_is_not() {
        let text = r#"{"type":"webauthn.create","challenge":"AAAA","origin":"o"}"#;
        assert!(parse(&format!("\u{feff}{text}")).is_ok());
        assert!(parse(&format!("\u{feff}\u{feff}{text}")).is_err());
    }

    #[test]
    fn escapes_decode_equal_to_plain_text() {
        let data = parse(
            r#"{"\u0074ype":"webauthn\u002ecreate","challenge":"AAAA","origin":"https:\/\/a"}"#,
        )
        .unwrap();
        assert_eq!(
            (data.kind, data.origin.as_str()),
            (ClientDataType::Create, "https://a")
        );
    }

    #[test]
    fn a_member_of_another_type_is_refused() {
        let good = [
            ("type", r#""webauthn.create""#),
            ("challenge", r#""AAAA""#),
            ("origin", r#""o""#),
        ];
        for (name, wrong) in [
            ("type", "1"),
            ("type", "null"),
            ("challenge", "5"),
            ("challenge", r#""AAAA=""#),
            ("challenge", r#""AA+A""#),
            ("challenge", r#""AB""#),
            ("origin", r#"["o"]"#),
            ("crossOrigin", r#""true""#),
            ("crossOrigin", "null"),
            ("crossOrigin", "1"),
            ("topOrigin", "false"),
            ("topOrigin", "null"),
        ] {
            let members: Vec<_> = good
                .iter()
                .filter(|(member, _)| *member != name)
                .chain([&(name, wrong)])
                .map(|(member, value)| format!("\"{member}\":{value}"))
                .collect();
            let error = parse(&format!("{{{}}}", members.join(","))).unwrap_err();
            assert!(
                matches!(error, ClientDataError::MemberInvalid { member, .. } if member == name),
                "{name} {wrong}: {error}"
            );
            assert_eq!(error.reason(), Reason::ClientDataMalformed);
        }
        for missing in ["type", "challenge", "origin"] {
            let members: Vec<_> = good
                .iter()
                .filter(|(m, _)| *m != missing)
                .map(|(member, value)| format!("\"{member}\":{value}"))
                .collect();
            assert_eq!(
                parse(&format!("{{{}}}", members.join(","))),
                Err(ClientDataError::MemberMissing { member: missing })
            );
        }
    }

    #[test]
    fn duplicates_bad_utf8_deep_nesting_and_non_objects_are_refused() {
        let head = r#""type":"webauthn.create","challenge":"AAAA","origin":"o""#;
        for text in [
            format!(r#"{{{head},"origin":"o"}}"#),
            format!(r#"{{{head},"x":{}{}}}"#, "[".repeat(40), "]".repeat(40)),
            format!("[{{{head}}}]"),
            String::new(),
            "null".into(),
        ] {
            assert_eq!(
                parse(&text).unwrap_err().reason(),
                Reason::ClientDataMalformed,
                "{text}"
            );
        }
        assert!(ClientData::parse(b"{\"type\":\"\xff\"}").is_err());
    }

    #[test]
    fn only_an_object_with_status_present_claims_a_token_binding() {
        use TokenBinding::{Malformed, Present, Unused};
        for (value, found) in [
            (r#"{"status":"present","id":"x"}"#, Present),
            (r#"{"status":"supported"}"#, Unused),
            (r#"{"status":"not-supported"}"#, Unused),
            (r#"{"status":"Present"}"#, Malformed),
            (r#"{"status":1}"#, Malformed),
            ("{}", Malformed),
            (r#""unused""#, Malformed),
            (r#""present""#, Malformed),
            ("null", Malformed),
        ] {
            let text = format!(
                r#"{{"type":"webauthn.get","challenge":"AAAA","origin":"o","tokenBinding":{value}}}"#
            );
            let data = parse(&text).unwrap();
            assert_eq!(data.token_binding, found, "{value}");
            assert_eq!(
                data.require_no_token_binding().is_err(),
                found == Present,
                "{value}"
            );
        }
    }
}
