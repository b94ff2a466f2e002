//! What every request handler shares.

use std::sync::Arc;

use domain::Passkeys;

/// The base of every URL that passkeyd emits, as its clients reach it: scheme, host, port and an
/// optional path prefix, without a slash at the end. It comes from configuration only, never from a
/// request, so a forged `Host` cannot turn links elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Takes a base URL; a slash at the end is dropped.
    pub fn new(url: &str) -> Self {
        Self(url.trim_end_matches('/').to_owned())
    }

    /// The absolute URL of a path that begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The base itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shared state of the handlers; cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The domain.
    pub passkeys: Arc<Passkeys>,
    /// Base of emitted URLs.
    pub public_url: Arc<PublicUrl>,
}
