//! Passkeys settings: the block that services and factors show, and the rules for relying parties that both read.

use domain::model::policy::{Attachment, PartialSelection, Selection};
use domain::webauthn::options::ResidentKey;
use domain::webauthn::options::UserVerification;
use domain::webauthn::options::is_word;
use domain::webauthn::origin::Origin;
use domain::webauthn::relying_party::RpId;
use serde::Serialize;

use super::codes::Code;
use super::error::ApiError;
use crate::http::name::NameRule;

/// Most origins of one relying party.
const MAX_ORIGINS: usize = 64;
/// The name of a relying party.
const NAME: NameRule = NameRule::characters(0, 128);

/// `passkeys` of a service and `config` of a factor.
#[derive(Debug, Serialize)]
pub struct Settings<'a> {
    relying_party: Party<'a>,
    authenticator_attachment: Option<Attachment>,
    discoverable_credentials: Option<ResidentKey>,
    user_verification: Option<UserVerification>,
}

#[derive(Debug, Serialize)]
struct Party<'a> {
    id: Option<&'a RpId>,
    name: Option<&'a str>,
    origins: Option<&'a [Origin]>,
}

impl<'a> From<&'a PartialSelection> for Settings<'a> {
    fn from(selection: &'a PartialSelection) -> Self {
        Self {
            relying_party: Party {
                id: selection.rp_id.as_ref(),
                name: selection.rp_name.as_deref(),
                origins: selection.origins.as_deref(),
            },
            authenticator_attachment: selection.attachment,
            discoverable_credentials: selection.resident_key,
            user_verification: selection.user_verification,
        }
    }
}

impl<'a> From<&'a Selection> for Settings<'a> {
    fn from(selection: &'a Selection) -> Self {
        Self {
            relying_party: Party {
                id: Some(&selection.rp_id),
                name: Some(&selection.rp_name),
                origins: Some(&selection.origins),
            },
            authenticator_attachment: Some(selection.attachment),
            discoverable_credentials: Some(selection.resident_key),
            user_verification: Some(selection.user_verification),
        }
    }
}

/// Reads a relying party id.
///
/// # Errors
/// 60372.
pub fn rp_id(text: &str) -> Result<RpId, ApiError> {
    RpId::parse(text).map_err(|error| {
        ApiError::new(Code::RelyingPartyIdInvalid)
            .explained(error.to_string())
            .member("relying_party.id")
            .help("Send the bare domain name, without scheme, port or path.")
    })
}

/// Reads a relying party name.
///
/// # Errors
/// 60371.
pub fn rp_name(text: &str) -> Result<String, ApiError> {
    if !NAME.allows(text) {
        let most = NAME.most();
        return Err(ApiError::new(Code::RelyingPartyInvalid)
            .explained(format!(
                "The name has more than {most} characters or holds control characters"
            ))
            .member("relying_party.name"));
    }
    Ok(text.to_owned())
}

/// Reads origins; each text may be a comma-separated list. A bare host, also with a port, stands for `https://` and the host.
///
/// # Errors
/// 60371.
pub fn origins<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<Origin>, ApiError> {
    let refuse = |problem: String| {
        ApiError::new(Code::RelyingPartyInvalid)
            .explained(problem)
            .member("relying_party.origins")
            .help("Write each origin exactly as clients do: https://host for a page, with the port if it is not 443; the scheme and id of an app or a browser extension.")
    };
    let mut origins = Vec::new();
    let parts = texts
        .into_iter()
        .flat_map(|text| text.split(','))
        .map(str::trim);
    for part in parts.filter(|part| !part.is_empty()) {
        if part.contains(char::is_whitespace) {
            return Err(refuse(
                "an origin holds no white space; separate several origins with commas".to_owned(),
            ));
        }
        let full = if is_bare_host(part) {
            format!("https://{part}")
        } else {
            part.to_owned()
        };
        let origin = Origin::parse_configured(&full)
            .map_err(|error| refuse(format!("{:?} is no origin: {error}", shown(part))))?;
        if !origins.contains(&origin) {
            origins.push(origin);
        }
        if origins.len() > MAX_ORIGINS {
            return Err(refuse(format!("There are more than {MAX_ORIGINS} origins")));
        }
    }
    Ok(origins)
}

/// Whether no scheme stands in front. `null` is an origin itself, though none that may be configured.
fn is_bare_host(text: &str) -> bool {
    !text.eq_ignore_ascii_case("null")
        && text
            .split_once(':')
            .is_none_or(|(_, rest)| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A client's text in a message: cut.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

/// A choice of three.
pub trait Choice: Copy + 'static {
    /// The values and their names.
    const ALL: &'static [(&'static str, Self)];

    /// The value with this name, in any case and with `_` for `-`: Java's SDK sends the names of its constants.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find_map(|(n, value)| is_word(name, n).then_some(*value))
    }

    /// What may be sent, for messages.
    fn names() -> String {
        Self::ALL
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl Choice for Attachment {
    const ALL: &'static [(&'static str, Self)] = &[
        ("platform", Self::Platform),
        ("cross-platform", Self::CrossPlatform),
        ("any", Self::Any),
    ];
}

impl Choice for ResidentKey {
    const ALL: &'static [(&'static str, Self)] = &[
        ("required", Self::Required),
        ("preferred", Self::Preferred),
        ("discouraged", Self::Discouraged),
    ];
}

impl Choice for UserVerification {
    const ALL: &'static [(&'static str, Self)] = &[
        ("required", Self::Required),
        ("preferred", Self::Preferred),
        ("discouraged", Self::Discouraged),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_from_lists_and_repeated_keys_and_a_bare_host_is_https() {
        let read = origins([
            "https://a.test, b.test",
            "http://localhost:3000",
            "https://a.test",
        ]);
        let texts: Vec<String> = read.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["https://a.test", "https://b.test", "http://localhost:3000"]
        );
    }

    #[test]
    fn a_bare_host_may_have_a_port_and_a_scheme_without_slashes_is_no_host() {
        let read = origins(["a.test:8443,localhost:3000"]).unwrap();
        let texts: Vec<_> = read.iter().map(Origin::as_str).collect();
        assert_eq!(texts, ["https://a.test:8443", "https://localhost:3000"]);
        for text in [
            "mailto:a",
            "chrome-extension:a",
            "null",
            "ios:bundle-id:a/b",
        ] {
            let refused = origins([text]);
            assert_eq!(
                refused.unwrap_err().code(),
                Code::RelyingPartyInvalid,
                "{text}"
            );
        }
    }

    #[test]
    fn an_origin_with_a_path_or_slash_is_60371() {
        for bad in [
            "https://a.test/",
            "https://a.test/x",
            "http://a.test",
            "ftp://a.test",
            "a b",
        ] {
            assert_eq!(
                origins([bad]).unwrap_err().code(),
                Code::RelyingPartyInvalid,
                "{bad}"
            );
        }
    }

    #[test]
    fn an_rp_id_with_scheme_port_or_path_is_60372() {
        for bad in ["https://a.test", "a.test:443", "a.test/x", ""] {
            assert_eq!(
                rp_id(bad).unwrap_err().code(),
                Code::RelyingPartyIdInvalid,
                "{bad}"
            );
        }
    }
}
