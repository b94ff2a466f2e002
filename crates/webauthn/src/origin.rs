//! Origins that a Relying Party allows. At verification they are compared as exact strings (WebAuthn 13.5.9); this module
//! parses nothing but what an operator configures.

mod configured;

pub use configured::{OriginError, OriginFault};

use crate::public_suffix;
use crate::relying_party::RpId;
use configured::{ANDROID, IOS};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An allowed origin, exactly as a client writes it into its client data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origin(String);

impl Origin {
    /// Takes any text as an origin, without looking at it. Nothing that cannot come from a client will ever match.
    pub fn exact(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Checks an origin that an operator configured. The text must be exactly what a client writes, in one of these forms:
    ///
    /// | form | client |
    /// |---|---|
    /// | `https://host[:port]` | a page |
    /// | `http://host[:port]` with `localhost`, a name below it, or a loopback address | a page of this machine |
    /// | `capacitor://`, `ionic://`, `tauri://`, `app://` and `host[:port]` | a page inside an app |
    /// | `chrome-extension://` and 32 letters `a` to `p` | a browser extension |
    /// | `moz-extension://` and a UUID, or 64 letters `a` to `p` | a browser extension |
    /// | `safari-web-extension://` and a UUID | a browser extension |
    /// | `android:apk-key-hash:` and the hash of the signing certificate | a native app |
    /// | `ios:bundle-id:` and the bundle id | a native app |
    ///
    /// # Errors
    /// [`OriginError`] names the rule that is broken and, where there is one, the text that was meant.
    pub fn parse_configured(text: &str) -> Result<Self, OriginError> {
        configured::check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The exact text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the origin of a native app, which shows no page and so embeds none.
    pub fn is_native_app(&self) -> bool {
        self.0.starts_with(ANDROID) || self.0.starts_with(IOS)
    }

    /// Whether a client of this origin may use the RP ID, as far as the origin shows.
    ///
    /// - A page (`https`, `http`): its host equals the RP ID, or the RP ID is a registrable domain suffix of it (WebAuthn
    ///   5.1.3): a domain above the host, but neither a public suffix nor above one. At `alice.github.io` that is no other
    ///   domain, because `github.io` is a public suffix. An RP ID of one label, such as `localhost`, covers that host alone,
    ///   because browsers take it for a public suffix: a page of `http://tauri.localhost` uses the RP ID `tauri.localhost`.
    ///   An IP address is never within an RP ID. A page elsewhere needs a related origin (WebAuthn 5.11), which is not judged
    ///   here.
    /// - A browser extension: always. Browsers let it use the RP ID of each host that its manifest has a permission for, and
    ///   Chrome lets it use its own id. The id in its origin is no domain.
    /// - An app, native or with pages of its own scheme: always. The operating system decides by the files below
    ///   `/.well-known/` of the RP ID. The host in such an origin is a fixed word of the app's framework.
    pub fn is_within(&self, rp_id: &RpId) -> bool {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return self.is_native_app();
        };
        if !configured::is_web(scheme) {
            return configured::is_known(scheme);
        }
        let (host, _) = configured::split_port(rest);
        let rp_id = rp_id.as_str();
        host == rp_id
            || is_at_or_below(host, rp_id)
                && public_suffix::registrable(host)
                    .is_some_and(|least| is_at_or_below(rp_id, least))
    }

    /// The host of a page's origin (`https`, `http`), without its port; `None` for apps and browser extensions.
    pub fn page_host(&self) -> Option<&str> {
        let (scheme, rest) = self.0.split_once("://")?;
        configured::is_web(scheme).then(|| configured::split_port(rest).0)
    }

    /// The label by which browsers count related origins: `example` of `https://www.example.co.uk` (WebAuthn 5.11.1). `None`
    /// for what is no page of a registrable domain.
    pub fn related_label(&self) -> Option<&str> {
        let host = self.page_host()?;
        if host.parse::<std::net::IpAddr>().is_ok() {
            return None;
        }
        public_suffix::registrable(host)?.split('.').next()
    }
}

/// Whether a domain is this one or one of its subdomains.
fn is_at_or_below(domain: &str, of: &str) -> bool {
    domain
        .strip_suffix(of)
        .is_some_and(|front| front.is_empty() || front.ends_with('.'))
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
    fn a_page_is_within_its_rp_id_or_a_parent_domain_only() {
        let rp_id = RpId::parse("example.org").unwrap();
        for (text, within) in [
            ("https://example.org", true),
            ("https://example.org:8443", true),
            ("https://a.b.example.org", true),
            ("https://evil-example.org", false),
            ("https://example.org.evil.test", false),
            ("https://org", false),
            ("https://other.test", false),
            ("http://localhost", false),
            ("http://127.0.0.1", false),
            ("null", false),
            ("example.org", false),
            ("ftp://example.org", false),
        ] {
            assert_eq!(Origin::exact(text).is_within(&rp_id), within, "{text}");
        }
    }

    #[test]
    fn an_rp_id_of_one_label_covers_that_host_alone() {
        for (rp_id, text, within) in [
            ("localhost", "http://localhost:8080", true),
            ("localhost", "http://tauri.localhost", false),
            ("tauri.localhost", "http://tauri.localhost", true),
            ("abc.localhost", "http://prod.abc.localhost:8080", true),
            ("org", "https://example.org", false),
        ] {
            let rp_id = RpId::parse(rp_id).unwrap();
            assert_eq!(
                Origin::exact(text).is_within(&rp_id),
                within,
                "{text} {rp_id}"
            );
        }
    }

    #[test]
    fn a_page_uses_no_rp_id_at_or_above_its_public_suffix() {
        for (rp_id, text, within) in [
            ("example.co.uk", "https://www.example.co.uk", true),
            ("co.uk", "https://example.co.uk", false),
            ("github.io", "https://alice.github.io", false),
            ("alice.github.io", "https://alice.github.io", true),
            ("alice.github.io", "https://blog.alice.github.io", true),
            // The public suffix of the host has more labels than the RP ID, which is none itself.
            (
                "amazonaws.com",
                "https://a.us-east-1.elb.amazonaws.com",
                false,
            ),
            ("amazonaws.com", "https://status.amazonaws.com", true),
            ("xn--p1ai", "https://xn--e1afmkfd.xn--p1ai", false),
            ("intranet", "https://intranet", true),
            ("intranet", "https://wiki.intranet", false),
            ("wiki.intranet", "https://a.wiki.intranet", true),
        ] {
            let rp_id = RpId::parse(rp_id).unwrap();
            assert_eq!(
                Origin::exact(text).is_within(&rp_id),
                within,
                "{text} {rp_id}"
            );
        }
    }

    #[test]
    fn pages_have_a_host_and_those_of_a_registrable_domain_a_label() {
        for (text, host, label) in [
            (
                "https://www.example.co.uk:8443",
                Some("www.example.co.uk"),
                Some("example"),
            ),
            (
                "https://alice.github.io",
                Some("alice.github.io"),
                Some("alice"),
            ),
            ("http://localhost:3000", Some("localhost"), None),
            ("http://127.0.0.1", Some("127.0.0.1"), None),
            ("capacitor://localhost", None, None),
            ("ios:bundle-id:org.example.app", None, None),
        ] {
            let origin = Origin::parse_configured(text).unwrap();
            assert_eq!(origin.page_host(), host, "{text}");
            assert_eq!(origin.related_label(), label, "{text}");
        }
    }

    #[test]
    fn the_host_of_an_app_or_extension_is_not_compared_with_the_rp_id() {
        let rp_id = RpId::parse("example.org").unwrap();
        for text in [
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "app://localhost",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            "moz-extension://00000000-0000-4000-8000-000000000000",
            "safari-web-extension://00000000-0000-4000-8000-000000000000",
            "android:apk-key-hash:fqsSfYBpVdgNMLdZ4Nj9oSQ8CGb9hRrAHAWUvWGhSXw",
            "ios:bundle-id:org.example.app",
        ] {
            let origin = Origin::parse_configured(text).unwrap();
            assert!(origin.is_within(&rp_id), "{text}");
            assert_eq!(origin.is_native_app(), !text.contains("://"), "{text}");
        }
    }
}
