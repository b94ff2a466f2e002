//! The base of every URL that passkeyd emits.

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

    /// Scheme, host and port: the origin of passkeyd's own pages.
    pub fn origin(&self) -> &str {
        let start = self.0.find("://").map_or(0, |at| at + 3);
        let end = self.0[start..]
            .find('/')
            .map_or(self.0.len(), |at| start + at);
        &self.0[..end]
    }

    /// The host alone, brackets of an IPv6 address included.
    pub fn host(&self) -> &str {
        let origin = self.origin();
        let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            _ => authority,
        }
    }

    /// The base itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
