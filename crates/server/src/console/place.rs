//! Where the console is: the address at which its people reach it.

use domain::service::console::ConsolePlace;
use domain::webauthn::origin::Origin;
use domain::webauthn::relying_party::RpId;

use crate::config::{Listen, Settings};
use crate::http::PublicUrl;

/// The address of the console, and what follows from it.
#[derive(Clone, Debug)]
pub struct Place {
    url: PublicUrl,
    /// What its ceremonies are bound to; why there can be none otherwise.
    ceremonies: Result<ConsolePlace, String>,
}

impl Place {
    /// The console below this address.
    pub fn new(url: PublicUrl) -> Self {
        let ceremonies = ceremonies(&url);
        Self { url, ceremonies }
    }

    /// Where the settings say it is, beside this base of emitted URLs. `port` is that of its own listener, if it has one; the system may
    /// have chosen it.
    pub fn of(settings: &Settings, public_url: &PublicUrl, port: Option<u16>) -> Self {
        let console = &settings.console;
        let own = port.or(console.listen.as_ref().map(Listen::port));
        Self::new(match (&console.public_url, own) {
            (Some(url), _) => PublicUrl::new(url),
            (None, Some(port)) => settings.tls.localhost(port),
            (None, None) => public_url.clone(),
        })
    }

    /// The path of a page, as browsers ask for it. `path` begins with a slash.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    /// The path below which all pages are, without a slash at the end.
    pub(super) fn base(&self) -> String {
        let prefix = &self.url.as_str()[self.url.origin().len()..];
        format!("{prefix}/console")
    }

    /// The absolute URL of a page.
    pub fn link(&self, path: &str) -> String {
        self.url.join(&format!("/console{path}"))
    }

    /// The origin of the pages.
    pub(super) fn origin(&self) -> &str {
        self.url.origin()
    }

    /// Whether browsers reach it over TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.url.as_str().starts_with("https://")
    }

    /// What its ceremonies are bound to.
    ///
    /// # Errors
    /// Why no passkey can be used at this address.
    pub(super) fn ceremonies(&self) -> Result<&ConsolePlace, &str> {
        self.ceremonies.as_ref().map_err(String::as_str)
    }
}

fn ceremonies(url: &PublicUrl) -> Result<ConsolePlace, String> {
    let (host, origin) = (url.host(), url.origin());
    let why = |error: &dyn std::fmt::Display| {
        format!(
            "Browsers use no passkeys at {origin}: {error}. Set `public_url` (or `console.public_url`) to an https address with a host name, \
             or open the console at http://localhost."
        )
    };
    let rp_id = RpId::parse(host).map_err(|error| why(&error))?;
    let origin = Origin::parse_configured(origin).map_err(|error| why(&error))?;
    Ok(ConsolePlace::new(rp_id, origin))
}
