//! The addresses that tenants may make passkeyd call: public ones, and what the operator allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::Uri;
use ipnet::IpNet;

/// Whether an address is reached through the public Internet. Forms of IPv6 that lead to an IPv4 address are none, except the mapped
/// one, which is that address.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let refused = matches!(
        address.octets(),
        [0 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [192, 0, 0, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
    );
    !(refused || address.is_private() || address.is_link_local() || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Special purposes with Teredo, documentation, and 6to4.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        // What the Internet has assigned so far.
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

/// Whether a webhook with this URL could be called, as far as the URL alone says it. A name is judged again by its addresses, whenever a
/// connection is made.
///
/// # Errors
/// What is wrong with its host.
pub(crate) fn judge(url: &str, networks: &[IpNet]) -> Result<(), &'static str> {
    let Ok(url) = url.parse::<Uri>() else {
        return Err("it is not a URL that can be called");
    };
    let host = url.host().unwrap_or_default();
    let literal = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if literal.is_some_and(|address| address.parse::<Ipv6Addr>().is_err()) {
        return Err("its host is no IPv6 address that can be called");
    }
    let host = literal.unwrap_or(host).trim_end_matches('.');
    if host.is_empty() {
        return Err("it has no host");
    }
    // Of a port that is none, the client would take that of the scheme.
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    if port.is_some_and(|port| !port.ends_with(']') && url.port_u16().is_none_or(|port| port == 0))
    {
        return Err("its port is not a number from 1 to 65535");
    }
    let is_plain = url
        .scheme_str()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"));
    let allowed = rule(networks.to_vec());
    let is_local =
        host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost");
    let address: Option<IpAddr> = if is_local {
        Some(Ipv4Addr::LOCALHOST.into())
    } else {
        host.parse().ok()
    };
    if is_plain && !address.is_some_and(|address| address.is_loopback()) {
        return Err("it begins with http://, which is for this machine alone: use https://");
    }
    match address {
        Some(address) if !allowed(address) => Err(
            "its host is an address that is not public: the operator allows such networks with webhooks.allow_networks",
        ),
        None if ends_in_number(host) => Err("its host is a number, which is no name"),
        _ => Ok(()),
    }
}

/// Whether systems read a host as a number, and so as an address (URL Standard, 3.5 "ends-in-a-number checker").
fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    let hex = last.strip_prefix("0x").or(last.strip_prefix("0X"));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    !last.is_empty() && (digits(last) || hex.is_some_and(is_hex))
}

/// The rule for addresses: public ones, and those of these networks.
pub(crate) fn rule(networks: Vec<IpNet>) -> impl Fn(IpAddr) -> bool + Send + Sync + 'static {
    move |address| {
        let canonical = address.to_canonical();
        is_public(canonical) || networks.iter().any(|network| network.contains(&canonical))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_judged_by_the_address_in_it() {
        let networks = ["10.1.0.0/16".parse().unwrap()];
        for good in [
            "https://acme.test/hooks",
            "https://93.184.215.14/",
            "https://[2606:4700:4700::1111]/",
            "https://10.1.2.3:8443/hooks",
            "https://acme.test:65535/",
            "https://[2606:4700:4700::1111]:1/",
            "https://1.2.3.4.acme.test/",
        ] {
            assert_eq!(judge(good, &networks), Ok(()), "{good}");
        }
        for bad in [
            "https://127.0.0.1/",
            "http://127.0.0.1:9000/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
            "https://10.2.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::ffff:10.2.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://127.1/",
            "https://0177.0.0.1/",
            "https://%31%32%37.0.0.1/",
            "https://loc%61lhost/",
            "https://[::1%lo]/",
            "https://[fe80::1%25lo]/",
            "https://[]/",
            "https://[v1.fe]/",
            "https://:443/",
            "https://acme.test:99999/",
            "https://acme.test:65536/",
            "https://acme.test:0/",
            "https://acme.test:/",
            "https://[2606:4700:4700::1111]:70000/",
            "https://.../",
            "http://acme.test/hooks",
            "http://10.1.2.3:8443/hooks",
        ] {
            assert!(judge(bad, &networks).is_err(), "{bad}");
        }
    }

    #[test]
    fn public_addresses_are_allowed() {
        for address in [
            "1.1.1.1",
            "93.184.215.14",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn others_are_refused_in_every_form() {
        for address in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_network_that_is_allowed_is_called_and_no_other() {
        let allowed = rule(vec!["10.1.0.0/16".parse().unwrap()]);
        assert!(allowed("10.1.2.3".parse().unwrap()));
        assert!(allowed("::ffff:10.1.2.3".parse().unwrap()));
        assert!(allowed("8.8.8.8".parse().unwrap()));
        assert!(!allowed("10.2.0.1".parse().unwrap()));
        assert!(!allowed("127.0.0.1".parse().unwrap()));
    }
}
