//! Why the process, or a command, could not do its work.

use std::io;
use std::net::SocketAddr;

use domain::model::refusal::Refusal;

use crate::config::{ConfigError, Listen};

/// Why the process could not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] storage::StoreError),
    /// Webhooks cannot be sent.
    #[error("webhooks cannot be sent: {0}")]
    Webhooks(String),
    /// Traces cannot be sent.
    #[error("traces cannot be sent: {0}")]
    Traces(String),
    /// The store was opened and does not do its work.
    #[error("{}", .0.message)]
    Domain(Refusal),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The host to listen on has no address.
    #[error("cannot listen on {wanted}: its host has no address here: {source}")]
    Host {
        /// What was asked for.
        wanted: Listen,
        /// What the operating system says.
        source: io::Error,
    },
    /// Something else that the operating system refuses.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// What the demo cannot do.
    #[error("{0}")]
    Demo(String),
    /// The command line asks for something that there is not.
    #[error("{0}")]
    Usage(String),
    /// The store is sealed, and the master key for it is not set.
    #[error("{0}")]
    MasterKey(String),
    /// What a command cannot do.
    #[error("{0}")]
    Command(String),
}

impl From<Refusal> for ProcessError {
    fn from(refusal: Refusal) -> Self {
        Self::Domain(refusal)
    }
}
