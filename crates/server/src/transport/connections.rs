//! Counts open connections, in total and for each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::http::TrustedProxies;
use crate::http::client::network;

/// The counters of open connections.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    most_per_address: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One open connection. Dropping it frees its slot.
#[derive(Debug)]
pub(super) struct Slot {
    connections: Arc<Connections>,
    address: Option<IpAddr>,
}

impl Connections {
    /// Counters with these limits.
    pub(super) fn new(most: usize, most_per_address: usize) -> Self {
        Self {
            most,
            most_per_address,
            open: Mutex::default(),
        }
    }

    /// A slot for a connection of this address, or of one whose connections are not counted apart; `None` if a limit is reached.
    pub(super) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Slot> {
        let address = address.map(network);
        let mut open = self.open.lock();
        if open.all >= self.most {
            return None;
        }
        if let Some(address) = address {
            let of_address = open.by_address.entry(address).or_default();
            if *of_address >= self.most_per_address {
                return None;
            }
            *of_address += 1;
        }
        open.all += 1;
        Some(Slot {
            connections: Arc::clone(self),
            address,
        })
    }
}

impl Slot {
    /// Counts the connection for this address, too: that of the client which a proxy named. False if that address has too many.
    pub(super) fn count(&mut self, address: Option<IpAddr>) -> bool {
        let (None, Some(address)) = (self.address, address.map(network)) else {
            return true;
        };
        let mut open = self.connections.open.lock();
        let of_address = open.by_address.entry(address).or_default();
        if *of_address >= self.connections.most_per_address {
            return false;
        }
        *of_address += 1;
        self.address = Some(address);
        true
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.all = open.all.saturating_sub(1);
        let Some(address) = self.address else {
            return;
        };
        if let Some(of_address) = open.by_address.get_mut(&address) {
            *of_address = of_address.saturating_sub(1);
            if *of_address == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

/// The address whose connections are counted; `None` for a trusted proxy, whose connections are those of many clients.
pub(super) fn of_client(proxies: &TrustedProxies, peer: IpAddr) -> Option<IpAddr> {
    (!proxies.contains(peer)).then_some(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_take_the_slots_of_another() {
        let connections = Arc::new(Connections::new(10, 2));
        let a = (
            connections.admit(Some(ip("10.0.0.1"))).unwrap(),
            connections.admit(Some(ip("10.0.0.1"))).unwrap(),
        );
        assert!(connections.admit(Some(ip("10.0.0.1"))).is_none());
        assert!(
            connections.admit(Some(ip("::ffff:10.0.0.1"))).is_none(),
            "the mapped form is the same address"
        );
        assert!(connections.admit(Some(ip("10.0.0.2"))).is_some());
        drop(a);
        assert!(connections.admit(Some(ip("10.0.0.1"))).is_some());
    }

    #[test]
    fn a_trusted_proxy_is_bounded_by_the_process_alone() {
        let connections = Arc::new(Connections::new(3, 1));
        let held = [(); 3].map(|()| connections.admit(None).unwrap());
        assert!(connections.admit(None).is_none());
        drop(held);
        assert!(connections.admit(None).is_some());
    }

    #[test]
    fn the_client_that_a_proxy_names_has_a_limit_of_its_own() {
        let connections = Arc::new(Connections::new(10, 1));
        let mut slots = [(); 3].map(|()| connections.admit(None).unwrap());
        assert!(slots[0].count(Some(ip("203.0.113.1"))));
        assert!(!slots[1].count(Some(ip("203.0.113.1"))));
        assert!(slots[2].count(Some(ip("203.0.113.2"))));
        assert!(slots[1].count(None));
        drop(slots);
        assert_eq!(connections.open.lock().all, 0);
        assert!(connections.open.lock().by_address.is_empty());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let connections = Arc::new(Connections::new(10, 1));
        let _one = connections.admit(Some(ip("2001:db8::1"))).unwrap();
        assert!(connections.admit(Some(ip("2001:db8::ffff"))).is_none());
        assert!(connections.admit(Some(ip("2001:db8:0:1::1"))).is_some());
    }

    #[test]
    fn the_process_has_a_limit_and_forgets_addresses_that_left() {
        let connections = Arc::new(Connections::new(2, 2));
        let held = [
            connections.admit(Some(ip("10.0.0.1"))),
            connections.admit(Some(ip("10.0.0.2"))),
        ];
        assert!(connections.admit(Some(ip("10.0.0.3"))).is_none());
        drop(held);
        assert_eq!(connections.open.lock().all, 0);
        assert!(connections.open.lock().by_address.is_empty());
    }
}
