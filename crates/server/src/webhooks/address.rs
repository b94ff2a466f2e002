//! Where a webhook may lead: to public addresses, and to what the operator allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
