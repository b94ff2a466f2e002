//! The address of a client: that of the connection, or the one that a trusted proxy names.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The header in which proxies name the client. `Forwarded` is not read: a client could send the header that its proxy does not set.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address at the other end of a connection. The transport notes it on each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// The proxies whose `X-Forwarded-For` is read; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<Networks>);

#[derive(Debug, Default)]
struct Networks {
    networks: Vec<IpNet>,
    /// Whether it was said that the header of another peer has no effect.
    warned: AtomicBool,
}

impl TrustedProxies {
    /// The proxies of these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(Arc::new(Networks {
            networks,
            warned: AtomicBool::new(false),
        }))
    }

    /// Whether no proxy is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.networks.is_empty()
    }

    /// Whether this is the address of a trusted proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.networks.iter().any(|net| net.contains(&address))
    }

    /// Whether the requests of this client are counted. Behind a proxy are many clients. While no proxy is named, an address of this machine or
    /// of a private network is taken for one: a limit for it would let one client shut out all others.
    pub fn counts(&self, client: IpAddr) -> bool {
        !(self.contains(client) || self.is_empty() && is_private(client))
    }

    /// The address of the client whose request has these headers and comes from this peer.
    ///
    /// Each proxy appends the address of its own peer, so the list is read from its end: the first address that is not a trusted
    /// proxy is the client. If all are, it is the first of the list. If an entry on the way is not an address, it is the peer.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if self.contains(peer) {
            return self.forwarded(headers).unwrap_or(peer);
        }
        if headers.contains_key(FORWARDED_FOR) && !self.0.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "a request with X-Forwarded-For came from an address that is not in `trusted_proxies`: the header has no effect. \
                 If this is your proxy, add its address; this is said once"
            );
        }
        peer
    }

    fn forwarded(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let mut furthest = None;
        for line in headers.get_all(FORWARDED_FOR).iter().rev() {
            for entry in line.to_str().ok()?.rsplit(',') {
                let address = address(entry.trim())?.to_canonical();
                if !self.contains(address) {
                    return Some(address);
                }
                furthest = Some(address);
            }
        }
        furthest
    }
}

/// An address that requests are counted for: an IPv6 client can use 2^64 addresses of its network, so its network counts.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Whether an address is of this machine or of a network that is not the internet.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            // 100.64.0.0/10 is shared by the customers of a carrier, and by the machines of some clouds (RFC 6598).
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// An entry of the list. Some proxies add the port, and some write IPv6 in brackets.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = |entry: &str| entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = |entry: &str| entry.parse::<SocketAddr>().ok().map(|at| at.ip());
    entry
        .parse()
        .ok()
        .or_else(|| with_port(entry))
        .or_else(|| bare(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"];
        let trusted = TrustedProxies::new(trusted.map(|net| net.parse().unwrap()).to_vec());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_names_another_client() {
        assert_eq!(client("203.0.113.1", &["198.51.100.1"]), "203.0.113.1");
        assert_eq!(client("192.0.2.8", &["198.51.100.1"]), "192.0.2.8");
        assert_eq!(client("192.0.2.7", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("2001:db8::1", &["198.51.100.1"]), "198.51.100.1");
        // IPv4 over an IPv6 socket.
        assert_eq!(client("::ffff:10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:203.0.113.1", &[]), "203.0.113.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn a_private_address_is_counted_only_where_proxies_are_named() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let none = TrustedProxies::default();
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
        ] {
            assert!(!none.counts(ip(private)), "{private}");
        }
        for public in ["203.0.113.1", "100.128.0.1", "2a00::1"] {
            assert!(none.counts(ip(public)), "{public}");
        }
        let some = TrustedProxies::new(vec!["127.0.0.1/32".parse().unwrap()]);
        assert!(some.counts(ip("127.0.0.2")));
        assert!(!some.counts(ip("127.0.0.1")));
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_read() {
        let spoofed = "198.51.100.66, 203.0.113.1, 10.0.0.2";
        assert_eq!(client("10.0.0.1", &[spoofed]), "203.0.113.1");
        // A line of the client before the line of the proxy.
        let lines = ["198.51.100.66", "203.0.113.1", "10.0.0.2,10.0.0.3"];
        assert_eq!(client("10.0.0.1", &lines), "203.0.113.1");
        // Nonsense that is not reached has no effect.
        assert_eq!(client("10.0.0.1", &["nonsense,203.0.113.1"]), "203.0.113.1");
    }

    #[test]
    fn a_list_of_proxies_alone_begins_with_the_client() {
        assert_eq!(client("10.0.0.1", &["10.0.0.9, 10.0.0.2"]), "10.0.0.9");
    }

    #[test]
    fn a_malformed_list_names_no_client() {
        for list in [
            "",
            "unknown",
            "203.0.113.1,",
            "203.0.113.1, _hidden",
            "a\u{e9}",
        ] {
            assert_eq!(client("10.0.0.1", &[list]), "10.0.0.1", "{list}");
        }
        assert_eq!(
            client("10.0.0.1", &["203.0.113.1, x, 10.0.0.2"]),
            "10.0.0.1"
        );
    }

    #[test]
    fn an_entry_may_have_a_port_or_brackets() {
        assert_eq!(client("10.0.0.1", &["203.0.113.1:4711"]), "203.0.113.1");
        assert_eq!(client("10.0.0.1", &["[2a00::1]:4711"]), "2a00::1");
        assert_eq!(client("10.0.0.1", &["[2a00::1]"]), "2a00::1");
        assert_eq!(client("10.0.0.1", &["2a00::1"]), "2a00::1");
        assert_eq!(client("10.0.0.1", &["::ffff:203.0.113.1"]), "203.0.113.1");
    }
}
