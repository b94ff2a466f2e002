//! The `Host` header (RFC 9112, section 3.2; RFC 9110, section 7.2). passkeyd does not use its value. But if it is
//! missing, repeated or malformed, a proxy may read another host than passkeyd.

use std::net::Ipv6Addr;

use hyper::header::HOST;
use hyper::{Request, Version};

/// The characters of a name besides letters, digits and percent-encoded bytes (RFC 3986, unreserved and sub-delims).
const NAME_MARKS: &[u8] = b"-._~!$&'()*+,;=";

/// Whether the request has the `Host` header that its version of HTTP demands. HTTP/1.0 demands none. In HTTP/2 the pseudo-header
/// `:authority` has its place; if there are both, they must be the same (RFC 9113, section 8.3.1).
pub(super) fn is_valid<B>(request: &Request<B>) -> bool {
    let mut values = request.headers().get_all(HOST).iter();
    let authority = (request.version() == Version::HTTP_2)
        .then(|| request.uri().authority())
        .flatten();
    if let Some(authority) = authority {
        return is_host(authority.as_str().as_bytes())
            && values.all(|host| host.as_bytes() == authority.as_str().as_bytes());
    }
    match (values.next(), values.next()) {
        (None, _) => request.version() < Version::HTTP_11,
        (Some(host), None) => is_host(host.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

/// `uri-host [ ":" port ]`. The host must not be empty, as in an `http` URI.
fn is_host(value: &[u8]) -> bool {
    if let Some(rest) = value.strip_prefix(b"[") {
        let Some(end) = rest.iter().position(|byte| *byte == b']') else {
            return false;
        };
        let (address, port) = (&rest[..end], &rest[end + 1..]);
        let is_address =
            std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok());
        return is_address && (port.is_empty() || port.strip_prefix(b":").is_some_and(is_port));
    }
    let end = value.iter().position(|byte| *byte == b':');
    let (name, port) = value.split_at(end.unwrap_or(value.len()));
    !name.is_empty() && is_name(name) && port.strip_prefix(b":").is_none_or(is_port)
}

/// An empty port means the default port.
fn is_port(port: &[u8]) -> bool {
    port.is_empty()
        || (port.iter().all(u8::is_ascii_digit)
            && std::str::from_utf8(port).is_ok_and(|text| text.parse::<u16>().is_ok()))
}

/// `reg-name` of RFC 3986, which includes every IPv4 address.
fn is_name(name: &[u8]) -> bool {
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        let allowed = if *byte == b'%' {
            let mut hexadecimal = || bytes.next().is_some_and(u8::is_ascii_hexdigit);
            hexadecimal() && hexadecimal()
        } else {
            byte.is_ascii_alphanumeric() || NAME_MARKS.contains(byte)
        };
        if !allowed {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for good in [
            "x",
            "localhost:8080",
            "Login.Example.Test",
            "a_b.example.test",
            "example.test.",
            "example.test:",
            "example.test:0",
            "127.0.0.1:65535",
            "[::1]",
            "[2001:db8::1]:8080",
            "[::1]:",
            "b%C3%BCcher.example",
        ] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            ":8080",
            "a b",
            "a/b",
            "http://a",
            "user@a",
            "a?b",
            "a#b",
            "a\\b",
            "a:b",
            "a:1:2",
            "a:+1",
            "a:65536",
            "a:99999999999999999999",
            "[::1",
            "::1",
            "[::1]8080",
            "[::1]x",
            "[::1]:x",
            "[]",
            "[a]",
            "[fe80::1%25eth0]",
            "<a>",
            "a\"",
            "a%2",
            "a%zz",
            "b\u{fc}cher.example",
            "a, b",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn one_host_is_demanded_but_by_http_1_0_which_may_have_none() {
        let valid = |version, hosts: &[&str]| {
            let mut request = Request::builder().version(version);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            is_valid(&request.body(()).unwrap())
        };
        assert!(valid(Version::HTTP_11, &["a"]));
        assert!(valid(Version::HTTP_10, &["a"]));
        assert!(valid(Version::HTTP_10, &[]));
        assert!(!valid(Version::HTTP_11, &[]));
        assert!(valid(Version::HTTP_2, &["a"]));
        assert!(!valid(Version::HTTP_2, &[]));
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            assert!(!valid(version, &["a", "a"]));
            assert!(!valid(version, &["a b"]));
            assert!(!valid(version, &[""]));
        }
    }
    #[test]
    fn in_http_2_the_authority_is_the_host() {
        let valid = |uri: &str, hosts: &[&str]| {
            let mut request = Request::builder().version(Version::HTTP_2).uri(uri);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            is_valid(&request.body(()).unwrap())
        };
        assert!(valid("https://a.example/x", &[]));
        assert!(valid("https://a.example:8443/x", &["a.example:8443"]));
        assert!(!valid("https://a.example/x", &["b.example"]));
        assert!(!valid("https://a.example/x", &["a.example", "b.example"]));
        assert!(!valid("https://user@a.example/x", &[]));
    }
}
