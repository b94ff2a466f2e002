//! Reading an origin that an operator wrote, and saying what is wrong with it.

use crate::base64url;
use crate::idn::punycode;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The origin of an Android app: this and the hash of its signing certificate.
pub(super) const ANDROID: &str = "android:apk-key-hash:";
/// The origin that some client libraries of iOS apps write: this and the app's bundle id.
pub(super) const IOS: &str = "ios:bundle-id:";

/// Schemes of pages inside an app; each is followed by a host that the app's framework chose.
const APP_SCHEMES: [&str; 4] = ["capacitor", "ionic", "tauri", "app"];
const CHROME: &str = "chrome-extension";
const FIREFOX: &str = "moz-extension";
const SAFARI: &str = "safari-web-extension";
/// Longest host name.
const MAX_HOST: usize = 253;
/// Longest bundle id of an app.
const MAX_BUNDLE_ID: usize = 155;

/// Why a configured text is no origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginError {
    /// The rule that is broken.
    pub fault: OriginFault,
    /// The text that was probably meant. It is an origin.
    pub instead: Option<String>,
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        match &self.instead {
            Some(origin) => write!(f, "; write {origin}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for OriginError {}

/// A rule of origins. The first one that a text breaks is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OriginFault {
    /// `null`.
    #[error(
        "null is the origin of every sandboxed frame and local file, so it identifies no application"
    )]
    Null,
    /// There is no scheme.
    #[error("an origin begins with its scheme, for example https://")]
    NoScheme,
    /// A scheme that is none of those that are allowed.
    #[error(
        "the scheme is none of https, http (for localhost), capacitor, ionic, tauri, app, chrome-extension, moz-extension, \
         safari-web-extension, android:apk-key-hash and ios:bundle-id"
    )]
    Scheme,
    /// A user name or password.
    #[error("an origin holds no user name and no password")]
    UserInfo,
    /// Something stands after host and port.
    #[error("an origin ends after its host and port: no slash at the end, no path, no query")]
    Path,
    /// `*`.
    #[error("an origin is compared as an exact text, so it holds no wildcard; list each one")]
    Wildcard,
    /// A capital letter in the scheme or the host.
    #[error("browsers write scheme and host in lower case")]
    UpperCase,
    /// A host with letters outside ASCII.
    #[error("browsers write an international host name in its punycode form")]
    International,
    /// A full stop at the end of the host.
    #[error("the host ends in a full stop")]
    TrailingDot,
    /// An IP address that is not a loopback address, or one that is not written as browsers do.
    #[error(
        "the host is an IP address, and browsers offer no passkeys there; use a host name (localhost for this machine)"
    )]
    IpAddress,
    /// The host is none.
    #[error(
        "the host is not a host name: labels of 1 to 63 letters a-z, digits, hyphens and underscores, with full stops between"
    )]
    Host,
    /// `http` for a host that is not this machine.
    #[error(
        "http is allowed for localhost, names that end in .localhost, and loopback addresses; use https"
    )]
    Insecure,
    /// A port that is none.
    #[error("the port is not a number from 1 to 65535 without leading zeros")]
    Port,
    /// The scheme's own port.
    #[error("browsers leave out the default port of the scheme")]
    DefaultPort,
    /// The id of a Chrome extension is none.
    #[error("the id of a Chrome extension is 32 letters from a to p")]
    ChromeId,
    /// The id of a Firefox extension is none.
    #[error(
        "the id in the origin of a Firefox extension is the 64 letters from a to p that Firefox writes into client data, or the \
         extension's internal UUID"
    )]
    FirefoxId,
    /// The id of a Safari extension is none.
    #[error("the id in the origin of a Safari extension is a UUID")]
    SafariId,
    /// The key hash of an Android app is none.
    #[error(
        "the key hash of an Android app is the SHA-256 of its signing certificate as base64url without padding"
    )]
    KeyHash,
    /// The bundle id of an iOS app is none.
    #[error("the bundle id of an iOS app is letters, digits, hyphens and full stops")]
    BundleId,
}

/// Whether the text is an origin.
pub(super) fn check(text: &str) -> Result<(), OriginError> {
    fault_of(text).map_or(Ok(()), |fault| {
        Err(OriginError {
            fault,
            instead: corrected(text).filter(|origin| fault_of(origin).is_none()),
        })
    })
}

/// Whether pages of the scheme are web pages, whose host counts.
pub(super) fn is_web(scheme: &str) -> bool {
    matches!(scheme, "https" | "http")
}

/// Whether the scheme may stand before `://`.
pub(super) fn is_known(scheme: &str) -> bool {
    is_web(scheme) || APP_SCHEMES.contains(&scheme) || matches!(scheme, CHROME | FIREFOX | SAFARI)
}

/// Host and port text; brackets of an IPv6 address stay with the host.
pub(super) fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_null(text: &str) -> bool {
    text.eq_ignore_ascii_case("null")
}

/// A text `scheme://user@host:port/path` in its parts, whether or not they are right.
struct Parts<'t> {
    scheme: &'t str,
    user: Option<&'t str>,
    host: &'t str,
    port: Option<&'t str>,
    tail: &'t str,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, authority),
        };
        let (host, port) = split_port(address);
        Some(Self {
            scheme,
            user,
            host,
            port,
            tail,
        })
    }
}

/// The first rule that the text breaks.
fn fault_of(text: &str) -> Option<OriginFault> {
    if let Some(hash) = text.strip_prefix(ANDROID) {
        // 20 bytes (SHA-1) occur in old apps.
        let is_hash = base64url::decode(hash).is_ok_and(|bytes| matches!(bytes.len(), 20 | 32));
        return (!is_hash).then_some(OriginFault::KeyHash);
    }
    if let Some(id) = text.strip_prefix(IOS) {
        return (!is_bundle_id(id)).then_some(OriginFault::BundleId);
    }
    if is_null(text) {
        return Some(OriginFault::Null);
    }
    let Some(parts) = Parts::of(text) else {
        return Some(OriginFault::NoScheme);
    };
    if !is_known(&parts.scheme.to_ascii_lowercase()) {
        return Some(OriginFault::Scheme);
    }
    if parts.user.is_some() {
        return Some(OriginFault::UserInfo);
    }
    if !parts.tail.is_empty() {
        return Some(OriginFault::Path);
    }
    if parts.host.contains('*') {
        return Some(OriginFault::Wildcard);
    }
    let has_upper = |text: &str| text.bytes().any(|b| b.is_ascii_uppercase());
    // Safari writes its UUIDs in capitals.
    if has_upper(parts.scheme) || (parts.scheme != SAFARI && has_upper(parts.host)) {
        return Some(OriginFault::UpperCase);
    }
    match parts.scheme {
        CHROME => extension_fault(&parts, OriginFault::ChromeId, |id| is_letters(id, 32)),
        FIREFOX => extension_fault(&parts, OriginFault::FirefoxId, |id| {
            is_letters(id, 64) || is_uuid(id)
        }),
        SAFARI => extension_fault(&parts, OriginFault::SafariId, is_uuid),
        scheme if is_web(scheme) => web_fault(&parts),
        _ => app_fault(&parts),
    }
}

fn extension_fault(
    parts: &Parts<'_>,
    fault: OriginFault,
    is_id: impl Fn(&str) -> bool,
) -> Option<OriginFault> {
    (parts.port.is_some() || !is_id(parts.host)).then_some(fault)
}

/// The host of an app's pages is no domain: `-` and `.` occur.
fn app_fault(parts: &Parts<'_>) -> Option<OriginFault> {
    let is_host = (1..=MAX_HOST).contains(&parts.host.len())
        && parts.host.bytes().all(|b| b == b'.' || is_label_byte(b));
    if !is_host {
        return Some(OriginFault::Host);
    }
    port_fault(parts.port, None)
}

fn web_fault(parts: &Parts<'_>) -> Option<OriginFault> {
    let host = parts.host;
    if !host.is_ascii() {
        return Some(OriginFault::International);
    }
    if host.len() > 1 && host.ends_with('.') {
        return Some(OriginFault::TrailingDot);
    }
    let is_loopback = host == "[::1]" || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    if !is_loopback {
        if is_address(host) {
            return Some(OriginFault::IpAddress);
        }
        if !is_host_name(host) {
            return Some(OriginFault::Host);
        }
    }
    let is_local = is_loopback || host == "localhost" || host.ends_with(".localhost");
    if parts.scheme == "http" && !is_local {
        return Some(OriginFault::Insecure);
    }
    port_fault(parts.port, default_port(parts.scheme))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

fn port_fault(port: Option<&str>, default: Option<u16>) -> Option<OriginFault> {
    let text = port?;
    match text.parse::<u16>() {
        Ok(number) if number == 0 || number.to_string() != text => Some(OriginFault::Port),
        Ok(number) if Some(number) == default => Some(OriginFault::DefaultPort),
        Ok(_) => None,
        Err(_) => Some(OriginFault::Port),
    }
}

fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
}

/// What the URL Standard lets through as a domain, in lower case. RP IDs are stricter (`RpId::parse`), and a page may be
/// below one of them in a host with an underscore.
fn is_host_name(host: &str) -> bool {
    host.len() <= MAX_HOST
        && host
            .split('.')
            .all(|label| (1..=63).contains(&label.len()) && label.bytes().all(is_label_byte))
}

/// An IPv6 address, or what URL parsers take for an IPv4 address: a name whose last label is a number.
fn is_address(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let decimal = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    host.starts_with('[') || hexadecimal || decimal
}

/// Letters from `a` to `p`, which stand for hexadecimal digits.
fn is_letters(id: &str, count: usize) -> bool {
    id.len() == count && id.bytes().all(|b| (b'a'..=b'p').contains(&b))
}

fn is_uuid(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_bundle_id(id: &str) -> bool {
    (1..=MAX_BUNDLE_ID).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}

/// The text with its faults removed, as far as it is clear what was meant.
fn corrected(text: &str) -> Option<String> {
    if is_null(text) {
        return None;
    }
    if let Some(hash) = text.strip_prefix(ANDROID) {
        return corrected_hash(hash).map(|hash| format!("{ANDROID}{hash}"));
    }
    let with_scheme;
    let parts = if text.contains("://") {
        Parts::of(text)?
    } else {
        with_scheme = format!("https://{text}");
        Parts::of(&with_scheme)?
    };
    let scheme = parts.scheme.to_ascii_lowercase();
    if !is_web(&scheme) {
        let host = if scheme == SAFARI {
            parts.host.to_owned()
        } else {
            parts.host.to_ascii_lowercase()
        };
        return Some(written(&scheme, &host, parts.port));
    }
    let host = browser_host(parts.host)?;
    let number = match parts.port {
        None | Some("") => None,
        Some(port) => Some(port.parse::<u16>().ok()?),
    };
    let port = number
        .filter(|number| Some(*number) != default_port(&scheme))
        .map(|number| number.to_string());
    let origin = written(&scheme, &host, port.as_deref());
    // A port of http says nothing about the one of https.
    if fault_of(&origin) == Some(OriginFault::Insecure) && port.is_none() {
        return Some(written("https", &host, None));
    }
    Some(origin)
}

fn written(scheme: &str, host: &str, port: Option<&str>) -> String {
    match port {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

/// The host as browsers write it.
fn browser_host(host: &str) -> Option<String> {
    let address = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    if let Some(address) = address {
        return Some(format!("[{}]", address.parse::<Ipv6Addr>().ok()?));
    }
    punycode(host.strip_suffix('.').unwrap_or(host))
}

/// The hash of an Android app from the notations in which tools print it: padded, in the classic alphabet, as hexadecimal
/// with or without colons.
fn corrected_hash(hash: &str) -> Option<String> {
    let hash = hash.trim_end_matches('=');
    let digits: String = hash.chars().filter(|c| *c != ':').collect();
    let is_hexadecimal =
        matches!(digits.len(), 40 | 64) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hexadecimal {
        return Some(hash.replace('+', "-").replace('/', "_"));
    }
    let bytes: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    Some(base64url::encode(&bytes?))
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::*;

    const HASH: &str = "fqsSfYBpVdgNMLdZ4Nj9oSQ8CGb9hRrAHAWUvWGhSXw";

    #[test]
    fn origins_are_accepted_as_clients_write_them() {
        for text in [
            "https://example.org",
            "https://login.example.org:8443",
            "https://my_app.example.org",
            "https://localhost",
            "https://xn--bcher-kva.example",
            "http://localhost",
            "http://localhost:8080",
            "http://tauri.localhost",
            "http://prod.abc.localhost:8080",
            "http://127.0.0.1:8080",
            "http://127.8.9.10",
            "http://[::1]:8080",
            "http://[::1]",
            "https://127.0.0.1:8443",
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "app://localhost",
            "app://localhost:8080",
            "app://-",
            "app://.",
            "app://obsidian.md",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            "moz-extension://00000000-0000-4000-8000-000000000000",
            "moz-extension://abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijklmnop",
            "safari-web-extension://00000000-0000-4000-8000-00000000000a",
            "safari-web-extension://00000000-0000-4000-8000-00000000000A",
            "android:apk-key-hash:fqsSfYBpVdgNMLdZ4Nj9oSQ8CGb9hRrAHAWUvWGhSXw",
            "android:apk-key-hash:MDEyMzQ1Njc4OTAxMjM0NTY3ODk",
            "ios:bundle-id:org.example.App-1",
        ] {
            assert_eq!(Origin::parse_configured(text).unwrap().as_str(), text);
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of texts")]
    fn what_no_client_writes_is_refused_for_its_true_fault_and_the_right_text_is_told() {
        use OriginFault::*;
        let chrome = "chrome-extension://abcdefghijklmnopabcdefghijklmnop";
        for (text, fault, instead) in [
            ("", NoScheme, None),
            ("example.org", NoScheme, Some("https://example.org")),
            ("Example.org/", NoScheme, Some("https://example.org")),
            ("mailto:someone", NoScheme, None),
            ("null", Null, None),
            ("NULL", Null, None),
            ("https://", Host, None),
            (
                "HTTPS://example.org",
                UpperCase,
                Some("https://example.org"),
            ),
            ("ftp://example.org", Scheme, None),
            ("file:///index.html", Scheme, None),
            ("extension://localhost", Scheme, None),
            ("://example.org", Scheme, None),
            ("*://example.org", Scheme, None),
            ("http://example.org", Insecure, Some("https://example.org")),
            ("http://example.org:8080", Insecure, None),
            (
                "http://evil-localhost",
                Insecure,
                Some("https://evil-localhost"),
            ),
            (
                "http://localhost.example.org",
                Insecure,
                Some("https://localhost.example.org"),
            ),
            (
                "http://localhost:3100/",
                Path,
                Some("http://localhost:3100"),
            ),
            ("http://localhost:80/", Path, Some("http://localhost")),
            ("https://example.org/", Path, Some("https://example.org")),
            (
                "https://example.org/path?a#b",
                Path,
                Some("https://example.org"),
            ),
            ("https://example.org?a", Path, Some("https://example.org")),
            ("https://example.org#a", Path, Some("https://example.org")),
            ("https://example.org\\", Path, Some("https://example.org")),
            (
                "https://example.org:443/",
                Path,
                Some("https://example.org"),
            ),
            ("http://example.org/", Path, Some("https://example.org")),
            (
                "https://Example.org",
                UpperCase,
                Some("https://example.org"),
            ),
            (
                "https://EXAMPLE.org:8443",
                UpperCase,
                Some("https://example.org:8443"),
            ),
            (
                "https://user@example.org",
                UserInfo,
                Some("https://example.org"),
            ),
            (
                "https://user:pass@example.org/",
                UserInfo,
                Some("https://example.org"),
            ),
            (
                "https://example.org.",
                TrailingDot,
                Some("https://example.org"),
            ),
            ("http://localhost.", TrailingDot, Some("http://localhost")),
            ("https://*.example.org", Wildcard, None),
            ("https://*", Wildcard, None),
            (
                "https://bücher.example",
                International,
                Some("https://xn--bcher-kva.example"),
            ),
            (
                "https://BÜCHER.example",
                UpperCase,
                Some("https://xn--bcher-kva.example"),
            ),
            (
                "https://\u{2603}.example:8443/",
                Path,
                Some("https://xn--n3h.example:8443"),
            ),
            (
                "https://例え。テスト",
                International,
                Some("https://xn--r8jz45g.xn--zckzah"),
            ),
            ("https://a\u{301}\u{200b}.\u{0}", International, None),
            ("https://10.0.0.1", IpAddress, None),
            ("https://127.1", IpAddress, None),
            ("https://example.0x7f", IpAddress, None),
            ("https://[2001:db8::1]", IpAddress, None),
            (
                "http://[0:0:0:0:0:0:0:1]:8080",
                IpAddress,
                Some("http://[::1]:8080"),
            ),
            ("http://[::1", IpAddress, None),
            ("https://exa mple.org", Host, None),
            ("https://example..org", Host, None),
            ("https://.", Host, None),
            (
                "https://example.org:443",
                DefaultPort,
                Some("https://example.org"),
            ),
            ("http://localhost:80", DefaultPort, Some("http://localhost")),
            ("https://example.org:0", Port, None),
            (
                "https://example.org:08443",
                Port,
                Some("https://example.org:8443"),
            ),
            ("https://example.org:65536", Port, None),
            ("https://example.org:", Port, Some("https://example.org")),
            (
                "https://example.org:+8443",
                Port,
                Some("https://example.org:8443"),
            ),
            ("https://example.org:port", Port, None),
            ("capacitor://", Host, None),
            (
                "capacitor://localhost/",
                Path,
                Some("capacitor://localhost"),
            ),
            (
                "capacitor://LocalHost",
                UpperCase,
                Some("capacitor://localhost"),
            ),
            ("tauri://*", Wildcard, None),
            ("app://bücher", Host, None),
            ("app://localhost:0", Port, None),
            ("chrome-extension://*", Wildcard, None),
            ("chrome-extension://abc", ChromeId, None),
            (
                "chrome-extension://abcdefghijklmnopabcdefghijklmnoq",
                ChromeId,
                None,
            ),
            (
                "chrome-extension://abcdefghijklmnopabcdefghijklmnop/",
                Path,
                Some(chrome),
            ),
            (
                "chrome-extension://abcdefghijklmnopabcdefghijklmnop/popup.html",
                Path,
                Some(chrome),
            ),
            (
                "chrome-extension://ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP",
                UpperCase,
                Some(chrome),
            ),
            (
                "chrome-extension://abcdefghijklmnopabcdefghijklmnop:1",
                ChromeId,
                None,
            ),
            (
                "moz-extension://abcdefghijklmnopabcdefghijklmnop",
                FirefoxId,
                None,
            ),
            (
                "moz-extension://00000000-0000-4000-8000-00000000000",
                FirefoxId,
                None,
            ),
            (
                "moz-extension://00000000-0000-4000-8000-00000000000g",
                FirefoxId,
                None,
            ),
            (
                "moz-extension://0000000000000-4000-8000-000000000000",
                FirefoxId,
                None,
            ),
            ("moz-extension://*", Wildcard, None),
            ("safari-web-extension://abc", SafariId, None),
            ("android:apk-key-hash:", KeyHash, None),
            ("android:apk-key-hash:{base64_hash}", KeyHash, None),
            ("android:apk-key-hash:AAAA", KeyHash, None),
            ("android:other:AAAA", NoScheme, None),
            ("ios:bundle-id:", BundleId, None),
            ("ios:bundle-id:org.example/app", BundleId, None),
        ] {
            let instead = instead.map(str::to_owned);
            assert_eq!(check(text), Err(OriginError { fault, instead }), "{text}");
        }
    }

    #[test]
    fn the_hash_of_an_android_app_is_told_in_the_form_that_clients_write() {
        let right = format!("{ANDROID}{HASH}");
        let bytes = base64url::decode(HASH).unwrap();
        let hexadecimal: Vec<_> = bytes.iter().map(|b| format!("{b:02X}")).collect();
        for hash in [
            format!("{HASH}="),
            hexadecimal.join(":"),
            hexadecimal.concat().to_lowercase(),
        ] {
            let error = check(&format!("{ANDROID}{hash}")).unwrap_err();
            assert_eq!(error.instead.as_deref(), Some(&*right), "{hash}");
        }
        let classic = format!("{ANDROID}+/{}", &HASH[2..]);
        let instead = format!("{ANDROID}-_{}", &HASH[2..]);
        assert_eq!(check(&classic).unwrap_err().instead, Some(instead));
    }

    #[test]
    fn a_message_names_the_fault_and_then_the_right_text() {
        let message = |text| check(text).unwrap_err().to_string();
        assert_eq!(
            message("http://localhost:3100/"),
            "an origin ends after its host and port: no slash at the end, no path, no query; write http://localhost:3100"
        );
        assert_eq!(
            message("https://bücher.example"),
            "browsers write an international host name in its punycode form; write https://xn--bcher-kva.example"
        );
        assert_eq!(
            message("https://10.0.0.1"),
            "the host is an IP address, and browsers offer no passkeys there; use a host name (localhost for this machine)"
        );
    }
}
