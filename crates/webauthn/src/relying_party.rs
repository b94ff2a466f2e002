//! The Relying Party identifier.

use crate::hash::sha256;
use crate::idn::punycode;
use crate::public_suffix;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A Relying Party identifier: a lower-case domain string (WebAuthn 5.1.3, 4 "RP ID").
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RpId(String);

/// Why a text is no Relying Party identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpIdError {
    /// The text is empty.
    #[error("the RP ID is empty")]
    Empty,
    /// More than 253 characters.
    #[error("the RP ID has more than 253 characters")]
    TooLong,
    /// A scheme, port, path or user part stands in it.
    #[error("the RP ID is a domain only, without scheme, port, path or user")]
    NotADomain,
    /// It is an IP address.
    #[error("the RP ID is an IP address, which browsers refuse")]
    IpAddress,
    /// It names a domain, but not as browsers write it: here is their form.
    #[error("browsers write this RP ID in lower case and punycode: {0}")]
    Spelling(String),
    /// A label breaks the rules.
    #[error(
        "a label of the RP ID must have 1 to 63 of a-z, 0-9 and inner hyphens (international names as punycode)"
    )]
    Label,
}

impl RpId {
    /// Checks a domain string: lower-case labels of letters, digits and inner hyphens (punycode for others), no scheme, port,
    /// path, trailing dot or IP address. `localhost` is one.
    ///
    /// # Errors
    /// [`RpIdError`] names the rule that is broken.
    pub fn parse(text: &str) -> Result<Self, RpIdError> {
        if text.is_empty() {
            return Err(RpIdError::Empty);
        }
        if text.len() > 253 {
            return Err(RpIdError::TooLong);
        }
        if text.parse::<std::net::IpAddr>().is_ok() || text.starts_with('[') {
            return Err(RpIdError::IpAddress);
        }
        if text.contains([':', '/', '@', '?', '#', '\\']) {
            return Err(RpIdError::NotADomain);
        }
        if !text.split('.').all(is_label) {
            let name = punycode(text.strip_suffix('.').unwrap_or(text)).filter(|name| name != text);
            return Err(match name.map(|name| Self::parse(&name)) {
                Some(Ok(Self(name))) => RpIdError::Spelling(name),
                _ => RpIdError::Label,
            });
        }
        // URL parsers take a name whose last label is a number (also 0x7f) for an IPv4 address.
        let last = text.rsplit('.').next().unwrap_or_default();
        let hexadecimal = last
            .strip_prefix("0x")
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        if hexadecimal || last.bytes().all(|b| b.is_ascii_digit()) {
            return Err(RpIdError::IpAddress);
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes any text as the identifier, without looking at it: recorded ceremonies are verified against what their server
    /// expected, whatever that was. Not for anything that is stored, since such a text may be unreadable there.
    pub fn exact(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The domain string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the public suffix list names this domain, as it does `com`, `co.uk` and `github.io`. Its subdomains belong to
    /// different parties, so browsers let none of them use it as RP ID (WebAuthn 5.1.3 step 8, by HTML's "is a registrable
    /// domain suffix of or is equal to"). The private part of the list, to which `github.io` belongs, counts: neither HTML nor
    /// the browsers make a difference. A page of exactly this host could use it, but what one party registers there is not
    /// worth an exception.
    ///
    /// A name of one label that the list does not have, such as `localhost`, is no public suffix here. Browsers take it for
    /// one as well, which [`Origin::is_within`](crate::origin::Origin::is_within) respects.
    pub fn is_public_suffix(&self) -> bool {
        public_suffix::suffix(&self.0)
            .is_some_and(|suffix| suffix.is_known() && suffix == self.0.as_bytes())
    }

    /// SHA-256 of the domain string: what authenticators sign as `rpIdHash` (WebAuthn 6.1).
    pub fn hash(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for RpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RpId {
    type Error = RpIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<RpId> for String {
    fn from(rp_id: RpId) -> Self {
        rp_id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_strings_are_accepted() {
        for text in [
            "example.org",
            "localhost",
            "a.b.c.example",
            "xn--bcher-kva.example",
            "1password.com",
            "co.uk",
            "a-b.example",
            // 253 characters.
            &format!("{}a", "a.".repeat(126)),
        ] {
            let id = RpId::parse(text).unwrap();
            assert_eq!((id.as_str(), id.to_string()), (text, text.to_owned()));
        }
    }

    #[test]
    fn a_public_suffix_is_one_of_either_part_of_the_list() {
        for (text, suffix) in [
            ("com", true),
            ("co.uk", true),
            ("github.io", true),
            ("xn--p1ai", true),
            ("xn--55qx5d.cn", true),
            // The rule `*.ck`, and its exception.
            ("anything.ck", true),
            ("www.ck", false),
            ("example.com", false),
            ("alice.github.io", false),
            ("example.co.uk", false),
            ("localhost", false),
            ("intranet", false),
            ("acme.test", false),
        ] {
            let rp_id = RpId::parse(text).unwrap();
            assert_eq!(rp_id.is_public_suffix(), suffix, "{text}");
        }
    }

    #[test]
    fn everything_but_a_domain_string_is_refused() {
        use RpIdError::{Empty, IpAddress, Label, NotADomain, Spelling, TooLong};
        for (text, error) in [
            ("", Empty),
            ("https://example.org", NotADomain),
            ("example.org:443", NotADomain),
            ("example.org/", NotADomain),
            ("user@example.org", NotADomain),
            ("127.0.0.1", IpAddress),
            ("::1", IpAddress),
            ("[::1]", IpAddress),
            ("1.2.3", IpAddress),
            ("a.0x7f", IpAddress),
            ("2130706433", IpAddress),
            ("example.org.", Spelling("example.org".to_owned())),
            (".example.org", Label),
            ("a..b", Label),
            ("Example.org", Spelling("example.org".to_owned())),
            (
                "bücher.example",
                Spelling("xn--bcher-kva.example".to_owned()),
            ),
            ("exa mple.org", Label),
            ("-a.example", Label),
            ("a-.example", Label),
            ("a_b.example", Label),
            ("*.example", Label),
        ] {
            assert_eq!(RpId::parse(text), Err(error), "{text}");
        }
        assert_eq!(RpId::parse(&"a".repeat(64)), Err(Label));
        assert_eq!(RpId::parse(&"a.".repeat(127)), Err(TooLong));
        assert_eq!(RpId::parse(&format!("{}.a", "a".repeat(252))), Err(TooLong));
        assert!(serde_json::from_str::<RpId>("\"Example.org\"").is_err());
    }

    #[test]
    fn the_hash_is_that_of_the_domain_string() {
        let hash = RpId::parse("example.org").unwrap().hash();
        assert_eq!(
            hex::encode(hash),
            "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b5"
        );
    }
}
