//! The sockets that a process listens on: those of its settings, or those that systemd opened for it.

use std::io;
use std::net::SocketAddr;

use listenfd::ListenFd;
use tokio::net::TcpListener;

use crate::config::Listen;
use crate::error::ProcessError;

/// Sockets that systemd opened before it started this process (`LISTEN_FDS`): the first is the main listener, the second that of the
/// console, if the settings give it one.
pub struct Inherited(ListenFd);

impl Inherited {
    /// Those of the environment. Call this before the process has threads: the variables are removed, so that no other process takes them.
    pub fn from_env() -> Self {
        Self(ListenFd::from_env())
    }

    /// The main listener: the first socket, or one at the address of the settings.
    ///
    /// # Errors
    /// The socket does not listen to TCP, or those of [`listen_at`].
    pub async fn main(
        &mut self,
        wanted: &Listen,
    ) -> Result<(TcpListener, SocketAddr), ProcessError> {
        self.at(0, wanted).await
    }

    /// The listener of the console: the second socket, or one at the address of the settings.
    ///
    /// # Errors
    /// Those of [`Self::main`].
    pub async fn console(
        &mut self,
        wanted: &Listen,
    ) -> Result<(TcpListener, SocketAddr), ProcessError> {
        self.at(1, wanted).await
    }

    async fn at(
        &mut self,
        index: usize,
        wanted: &Listen,
    ) -> Result<(TcpListener, SocketAddr), ProcessError> {
        let mut opened = || {
            let Some(socket) = self.0.take_tcp_listener(index)? else {
                return Ok(None);
            };
            socket.set_nonblocking(true)?;
            let listener = TcpListener::from_std(socket)?;
            let address = listener.local_addr()?;
            Ok(Some((listener, address)))
        };
        let opened = opened().map_err(|source: io::Error| ProcessError::System {
            what: "cannot use the socket that systemd opened",
            source,
        })?;
        match opened {
            Some((listener, address)) => {
                tracing::info!(%address, "systemd opened this socket; the setting of its address is not used");
                Ok((listener, address))
            }
            None => listen_at(wanted).await,
        }
    }
}

/// Listens on the address.
///
/// # Errors
/// The address is in use or is not an address of this machine.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ProcessError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ProcessError::Listen { address, source })
}

/// Listens on the first possible address of the host.
///
/// # Errors
/// The host has no address of this machine, or the port is in use.
pub async fn listen_at(wanted: &Listen) -> Result<(TcpListener, SocketAddr), ProcessError> {
    let unknown = |source| ProcessError::Host {
        wanted: wanted.clone(),
        source,
    };
    let mut failed = None;
    for address in wanted.addresses().await.map_err(unknown)? {
        match listen(address).await {
            Ok(listener) => {
                let address = local_address(&listener, address)?;
                return Ok((listener, address));
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Err(failed.unwrap_or_else(|| unknown(io::Error::other("it has no address"))))
}

/// The actual address of a listener; the requested port may have been 0.
///
/// # Errors
/// The operating system's.
pub fn local_address(
    listener: &TcpListener,
    asked: SocketAddr,
) -> Result<SocketAddr, ProcessError> {
    listener
        .local_addr()
        .map_err(|source| ProcessError::Listen {
            address: asked,
            source,
        })
}
