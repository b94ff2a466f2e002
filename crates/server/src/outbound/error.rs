//! Why a call brought no response.

/// Why a call brought no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutboundError {
    /// The address is not one that is called.
    #[error("{0}")]
    Address(&'static str),
    /// No connection can be made; TLS is part of it.
    #[error("the server cannot be reached: {0}")]
    Connection(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The response is not HTTP.
    #[error("the server does not speak HTTP as it should: {0}")]
    Http(String),
    /// There are too many redirections, or one without a usable address.
    #[error("the server redirects more than {0} times, or to nowhere")]
    Redirects(usize),
    /// The response is too large.
    #[error("the response has more than {0} bytes")]
    TooLarge(usize),
    /// The response ended early.
    #[error("the response broke off")]
    Broken,
    /// The call took too long.
    #[error("the call took longer than {0} seconds")]
    TooSlow(u64),
}
