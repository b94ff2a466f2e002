//! The sockets that a process listens on: those of its settings, or those that systemd opened for it.

use std::io;
use std::net::SocketAddr;

use listenfd::ListenFd;
use tokio::net::TcpListener;

use crate::config::Listen;
use crate::error::ProcessError;

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Main,
    Console,
}

impl Purpose {
    /// Its name, as `FileDescriptorName=` of a socket unit gives it.
    const fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Console => "console",
        }
    }

    /// Its place among sockets without names.
    const fn place(self) -> usize {
        match self {
            Self::Main => 0,
            Self::Console => 1,
        }
    }
}

/// Sockets that systemd opened before it started this process (`LISTEN_FDS`), and their names (`LISTEN_FDNAMES`).
pub struct Inherited {
    sockets: ListenFd,
    names: Names,
}

/// The names of the sockets, in their order.
#[derive(Debug, Default)]
struct Names(Vec<String>);

impl Names {
    fn parse(text: &str) -> Self {
        Self(text.split(':').map(str::to_owned).collect())
    }

    /// Which socket is for this; `None` if none is. Where no socket has one of the two names, all are of one unit that names none, and
    /// their order tells.
    ///
    /// # Errors
    /// A socket has another name beside one of the two, so that it is not clear what it is for, or two have the same one.
    fn which(&self, purpose: Purpose) -> io::Result<Option<usize>> {
        let known = [Purpose::Main.name(), Purpose::Console.name()];
        if !self.0.iter().any(|name| known.contains(&name.as_str())) {
            return Ok(Some(purpose.place()));
        }
        if let Some(other) = self.0.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(io::Error::other(format!(
                "a socket is named {other:?}; set FileDescriptorName=main or FileDescriptorName=console in its unit"
            )));
        }
        let mut named = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, name)| *name == purpose.name());
        let found = named.next().map(|(place, _)| place);
        if named.next().is_some() {
            return Err(io::Error::other(format!(
                "two sockets are named {:?}",
                purpose.name()
            )));
        }
        Ok(found)
    }
}

impl Inherited {
    /// Those of the environment. Call this before the process has threads: variables are removed, so that no other process takes them.
    pub fn from_env() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").map(|text| Names::parse(&text));
        Self {
            sockets: ListenFd::from_env(),
            names: names.unwrap_or_default(),
        }
    }

    /// The main listener: the socket that is for it, or one at the address of the settings.
    ///
    /// # Errors
    /// It is not clear which socket is for it, the socket does not listen to TCP, or those of [`listen_at`].
    pub async fn main(
        &mut self,
        wanted: &Listen,
    ) -> Result<(TcpListener, SocketAddr), ProcessError> {
        self.of(Purpose::Main, wanted).await
    }

    /// The listener of the console: the socket that is for it, or one at the address of the settings.
    ///
    /// # Errors
    /// Those of [`Self::main`].
    pub async fn console(
        &mut self,
        wanted: &Listen,
    ) -> Result<(TcpListener, SocketAddr), ProcessError> {
        self.of(Purpose::Console, wanted).await
    }

    async fn of(
        &mut self,
        purpose: Purpose,
        wanted: &Listen,
    ) -> Result<(TcpListener, SocketAddr), ProcessError> {
        let mut opened = || {
            if self.sockets.len() == 0 {
                return Ok(None);
            }
            let Some(index) = self.names.which(purpose)? else {
                return Ok(None);
            };
            let Some(socket) = self.sockets.take_tcp_listener(index)? else {
                return Ok(None);
            };
            socket.set_nonblocking(true)?;
            let listener = TcpListener::from_std(socket)?;
            let address = listener.local_addr()?;
            Ok(Some((listener, address)))
        };
        let opened = opened().map_err(|source: io::Error| ProcessError::System {
            what: "cannot use the sockets that systemd opened",
            source,
        })?;
        match opened {
            Some((listener, address)) => {
                tracing::info!(
                    %address,
                    purpose = purpose.name(),
                    "systemd opened this socket; the setting of its address is not used"
                );
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

#[cfg(test)]
mod tests {
    use super::*;

    fn which(names: &str) -> [Option<usize>; 2] {
        [Purpose::Main, Purpose::Console].map(|one| Names::parse(names).which(one).unwrap())
    }

    #[test]
    fn sockets_are_told_by_their_names_in_any_order() {
        assert_eq!(which("main:console"), [Some(0), Some(1)]);
        assert_eq!(which("console:main"), [Some(1), Some(0)]);
        assert_eq!(which("console"), [None, Some(0)]);
        assert_eq!(which("main"), [Some(0), None]);
    }

    #[test]
    fn sockets_without_a_name_of_ours_are_told_by_their_order() {
        for names in ["", "unknown", "passkeyd.socket:passkeyd.socket"] {
            assert_eq!(which(names), [Some(0), Some(1)], "{names}");
        }
        let none = Names::default().which(Purpose::Console);
        assert_eq!(none.unwrap(), Some(1));
    }

    #[test]
    fn a_socket_whose_purpose_is_not_clear_is_named() {
        for (names, told) in [
            ("main:passkeyd.socket", "\"passkeyd.socket\""),
            ("main:main", "two sockets are named \"main\""),
        ] {
            let refused = Names::parse(names).which(Purpose::Main).unwrap_err();
            assert!(refused.to_string().contains(told), "{refused}");
        }
    }
}
