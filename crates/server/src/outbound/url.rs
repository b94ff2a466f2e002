//! Which URLs are called, and where a redirection leads.

use std::net::IpAddr;

use axum::http::uri::Scheme;
use axum::http::{HeaderValue, Uri};

/// What is wrong with a text that is no URL.
const NOT_A_URL: &str = "it is not a URL; expected for example https://mds3.fidoalliance.org/";

/// Whether a URL may be called: `https`, or `http` on this machine (with `plain`, on any), and without a user name.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(url: &Uri, plain: bool) -> Result<(), &'static str> {
    let authority = url.authority().ok_or("it has no host")?;
    if authority.as_str().contains('@') {
        return Err("it holds a user name");
    }
    if url.scheme() == Some(&Scheme::HTTPS) {
        return Ok(());
    }
    if url.scheme() == Some(&Scheme::HTTP) && (plain || is_here(url)) {
        return Ok(());
    }
    Err("it begins neither with https:// nor, on this machine, with http://")
}

/// Reads a URL that may be called.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(url: &str) -> Result<Uri, &'static str> {
    let url = url.parse().map_err(|_| NOT_A_URL)?;
    check(&url, false)?;
    Ok(url)
}

/// Whether a URL leads to this machine.
pub(crate) fn is_here(url: &Uri) -> bool {
    host(url) == "localhost" || literal(url).is_some_and(|ip| ip.is_loopback())
}

/// The host without the brackets of an IPv6 address.
fn host(url: &Uri) -> &str {
    let host = url.host().unwrap_or_default();
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// The address that stands in a URL instead of a name.
pub(super) fn literal(url: &Uri) -> Option<IpAddr> {
    host(url).parse().ok()
}

/// Where a redirection leads: to another address, or to another path of the same one.
pub(super) fn redirected(from: &Uri, location: &HeaderValue) -> Option<Uri> {
    let to: Uri = location.to_str().ok()?.parse().ok()?;
    if to.scheme().is_some() {
        return Some(to);
    }
    let path = to
        .path_and_query()
        .filter(|path| path.as_str().starts_with('/'));
    Uri::builder()
        .scheme(from.scheme()?.clone())
        .authority(from.authority()?.clone())
        .path_and_query(path?.clone())
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_leads_to_an_address_or_to_a_path() {
        let from: Uri = "https://mds.example:8443/a?b=c".parse().unwrap();
        let to = |location: &'static str| {
            redirected(&from, &HeaderValue::from_static(location)).map(|uri| uri.to_string())
        };
        assert_eq!(
            to("/x?y=z").as_deref(),
            Some("https://mds.example:8443/x?y=z")
        );
        assert_eq!(
            to("http://other.example/").as_deref(),
            Some("http://other.example/")
        );
        assert_eq!(to("x"), None);
        assert_eq!(to(""), None);
    }

    #[test]
    fn https_is_called_and_http_on_this_machine_only() {
        let checked = |url: &str| check(&url.parse().unwrap(), false);
        for url in [
            "https://mds.example/",
            "https://10.0.0.1/",
            "http://localhost:1/",
            "http://127.9.9.9/",
            "http://[::1]:80/",
        ] {
            assert_eq!(checked(url), Ok(()), "{url}");
        }
        for url in [
            "http://mds.example/",
            "http://10.0.0.1/",
            "http://localhost.example/",
            "ftp://localhost/",
            "https://a@mds.example/",
            "https://localhost@mds.example/",
            "/path",
        ] {
            assert!(checked(url).is_err(), "{url}");
        }
    }

    #[test]
    fn http_leads_to_other_machines_only_where_that_was_said() {
        let checked = |url: &str| check(&url.parse().unwrap(), true);
        assert_eq!(checked("http://collector:4318/v1/traces"), Ok(()));
        for url in ["ftp://collector/", "http://a@collector/", "/path"] {
            assert!(checked(url).is_err(), "{url}");
        }
    }
}
