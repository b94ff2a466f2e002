//! Which addresses a connection may be made to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec::IntoIter;

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::Service;

/// Says whether a connection to an address may be made.
pub(super) type AddressRule = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Why an address is not connected to.
pub(crate) const REFUSED: &str = "its host has no address that may be called";

/// Looks names up as the system does, and passes on only what the rule allows.
#[derive(Clone)]
pub(super) struct Resolver {
    system: GaiResolver,
    allowed: AddressRule,
}

impl Resolver {
    pub(super) fn new(allowed: AddressRule) -> Self {
        Self {
            system: GaiResolver::new(),
            allowed,
        }
    }
}

impl Service<Name> for Resolver {
    type Response = IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<IntoIter<SocketAddr>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = self.system.call(name);
        let allowed = Arc::clone(&self.allowed);
        Box::pin(async move {
            let found = found.await?.filter(|address| allowed(address.ip()));
            let addresses: Vec<_> = found.collect();
            if addresses.is_empty() {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, REFUSED));
            }
            Ok(addresses.into_iter())
        })
    }
}
