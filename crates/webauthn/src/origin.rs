//! Origins that a Relying Party allows. At verification they are compared as exact strings (WebAuthn 13.5.9); this module
//! parses nothing but what an operator configures.

use crate::base64url;
use crate::relying_party::RpId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An allowed origin, exactly as a client writes it into its client data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origin(String);

/// Why a configured text is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Neither `https://`, nor `http://`, nor `android:apk-key-hash:`.
    #[error("an origin starts with https:// (http:// for localhost) or android:apk-key-hash:")]
    Scheme,
    /// `http` for a host that is not this machine.
    #[error("http is only allowed for localhost, 127.0.0.1 and [::1]; use https")]
    Insecure,
    /// Path, query, user, trailing slash or an invalid host.
    #[error(
        "an origin is scheme://host[:port] with a lower-case host and nothing after it, not even a slash"
    )]
    Host,
    /// A port that is no port, or the scheme's own, which browsers leave out.
    #[error("the port of an origin is 1 to 65535 and left out when it is the scheme's default")]
    Port,
    /// The key hash is not base64url of 32 bytes.
    #[error(
        "the key hash of an Android origin is the SHA-256 of the signing certificate as base64url without padding"
    )]
    KeyHash,
}

const ANDROID: &str = "android:apk-key-hash:";
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl Origin {
    /// Takes any text as an origin, without looking at it. Nothing that cannot come from a client will ever match.
    pub fn exact(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Checks an origin that an operator configured: a web origin `scheme://host[:port]`, https unless the host is this
    /// machine, or `android:apk-key-hash:` and the key's hash. The text must be what browsers produce.
    ///
    /// # Errors
    /// [`OriginError`] names the rule that is broken.
    pub fn parse_configured(text: &str) -> Result<Self, OriginError> {
        if let Some(hash) = text.strip_prefix(ANDROID) {
            let bytes = base64url::decode(hash).map_err(|_| OriginError::KeyHash)?;
            // 20 bytes (SHA-1) occur in old apps.
            return if matches!(bytes.len(), 20 | 32) {
                Ok(Self(text.to_owned()))
            } else {
                Err(OriginError::KeyHash)
            };
        }
        let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(OriginError::Scheme),
        };
        let (host, port) = split_port(rest);
        if !LOOPBACK.contains(&host) {
            RpId::parse(host).map_err(|_| OriginError::Host)?;
            if !secure {
                return Err(OriginError::Insecure);
            }
        }
        if let Some(port) = port {
            let number: u16 = port.parse().map_err(|_| OriginError::Port)?;
            let default = if secure { 443 } else { 80 };
            if number == 0 || number == default || number.to_string() != port {
                return Err(OriginError::Port);
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The exact text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// May a page of this origin use the RP ID: its host equals it or is a subdomain of it (WebAuthn 5.1.3). App origins carry
    /// no host and may.
    pub fn is_within(&self, rp_id: &RpId) -> bool {
        let Some(rest) = self
            .0
            .strip_prefix("https://")
            .or_else(|| self.0.strip_prefix("http://"))
        else {
            return self.0.starts_with(ANDROID);
        };
        let (host, _) = split_port(rest);
        host.strip_suffix(rp_id.as_str())
            .is_some_and(|front| front.is_empty() || front.ends_with('.'))
    }
}

/// Host and port text; brackets of an IPv6 address stay with the host.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_and_app_origins_are_accepted_as_browsers_write_them() {
        for text in [
            "https://example.org",
            "https://login.example.org:8443",
            "http://localhost",
            "http://localhost:8080",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://[::1]",
            "https://localhost",
            "https://xn--bcher-kva.example",
            "android:apk-key-hash:fqsSfYBpVdgNMLdZ4Nj9oSQ8CGb9hRrAHAWUvWGhSXw",
        ] {
            assert_eq!(Origin::parse_configured(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_no_browser_would_send_is_refused() {
        use OriginError::{Host, Insecure, KeyHash, Port, Scheme};
        for (text, error) in [
            ("", Scheme),
            ("example.org", Scheme),
            ("null", Scheme),
            ("HTTPS://example.org", Scheme),
            ("ftp://example.org", Scheme),
            ("ios:bundle-id:org.example", Scheme),
            ("http://example.org", Insecure),
            ("http://evil-localhost", Insecure),
            ("https://example.org/", Host),
            ("https://example.org/path", Host),
            ("https://Example.org", Host),
            ("https://user@example.org", Host),
            ("https://example.org.", Host),
            ("https://*.example.org", Host),
            ("https://bücher.example", Host),
            ("https://10.0.0.1", Host),
            ("https://", Host),
            ("https://example.org:443", Port),
            ("http://localhost:80", Port),
            ("https://example.org:0", Port),
            ("https://example.org:08443", Port),
            ("https://example.org:65536", Port),
            ("https://example.org:", Port),
            ("https://example.org:+8443", Port),
            ("android:apk-key-hash:", KeyHash),
            (
                "android:apk-key-hash:fqsSfYBpVdgNMLdZ4Nj9oSQ8CGb9hRrAHAWUvWGhSXw=",
                KeyHash,
            ),
            ("android:apk-key-hash:AAAA", KeyHash),
        ] {
            assert_eq!(Origin::parse_configured(text), Err(error), "{text}");
        }
    }

    #[test]
    fn an_origin_is_within_its_rp_id_or_a_parent_domain_only() {
        let rp_id = RpId::parse("example.org").unwrap();
        for (text, within) in [
            ("https://example.org", true),
            ("https://example.org:8443", true),
            ("https://a.b.example.org", true),
            ("https://evil-example.org", false),
            ("https://example.org.evil.test", false),
            ("https://org", false),
            (
                "android:apk-key-hash:fqsSfYBpVdgNMLdZ4Nj9oSQ8CGb9hRrAHAWUvWGhSXw",
                true,
            ),
        ] {
            assert_eq!(Origin::exact(text).is_within(&rp_id), within, "{text}");
        }
        assert!(
            Origin::exact("http://localhost:8080").is_within(&RpId::parse("localhost").unwrap())
        );
    }
}
