//! Settings: their sources and their allowed values.
//!
//! A flag takes precedence over an environment variable, that over the file, that over the default. An
//! unknown key is an error: a misspelt limit must not silently mean the
//! default. All faults are reported at once.

mod given;
mod kinds;
mod reference;
mod sections;
mod traces;

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::model::account::Secret;
use domain::model::ids::AccountId;
use domain::model::policy::Policy;
use ipnet::IpNet;
use serde::Deserialize as _;
use storage::{StoreUrl, StoreUrlError};
use zeroize::Zeroizing;

use self::given::{Given, Places};
use crate::http::{PerMinute, PublicUrl, TrustedProxies};

pub use given::{
    BOOTSTRAP_ACCOUNT_SID, BOOTSTRAP_AUTH_TOKEN, CONFIG, ENV_PREFIX, Flags, MASTER_KEY,
    MASTER_KEY_PREVIOUS, STORE_PASSWORD,
};
pub use kinds::{Listen, LogFormat, LogLevel, LogRequests, Network};
pub use reference::markdown;
pub use sections::{
    Ceremonies, Console, Control, Events, Fido, Limits, Log, Metadata, Metrics, Nevis, Rates,
    Retention, Settings, Shutdown, Tls, Traces,
};

/// Shortest Auth Token that is accepted from the environment, in characters.
const MIN_TOKEN_LENGTH: usize = 16;

/// The faults of the settings. The text names each key and its source.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Faults in the file, environment variables and flags, one line for each.
    #[error("{}", lines(.0))]
    Wrong(Vec<String>),
    /// A setting has a value that passkeyd cannot use.
    #[error("`{key}`: {why}")]
    Invalid {
        /// The key as in the file, or the name of the environment variable.
        key: &'static str,
        /// The fault, and what is expected.
        why: String,
    },
}

pub(crate) fn invalid(key: &'static str, why: impl Into<String>) -> ConfigError {
    ConfigError::Invalid {
        key,
        why: why.into(),
    }
}

fn lines(problems: &[String]) -> String {
    match problems {
        [only] => only.clone(),
        several => format!(
            "{} things are wrong with the settings:\n  - {}",
            several.len(),
            several.join("\n  - ")
        ),
    }
}

impl Settings {
    /// Reads the settings from the given file, the environment and the flags, and checks them.
    ///
    /// # Errors
    /// [`ConfigError::Wrong`] with all faults: the file does not exist or is not TOML, a key is unknown, a value is of
    /// another kind or out of range.
    pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Self, ConfigError> {
        let (table, places, mut problems) = Given::read(file, std::env::vars_os(), flags).checked();
        match Self::deserialize(table) {
            Ok(settings) => {
                problems.extend(settings.problems(&places));
                if problems.is_empty() {
                    return Ok(settings);
                }
            }
            // Each value was read as its kind before, so this does not happen.
            Err(error) => problems.push(error.to_string()),
        }
        Err(ConfigError::Wrong(problems))
    }

    /// Faults of values of the right kind.
    fn problems(&self, places: &Places) -> Vec<String> {
        let url = |key, url: &Option<String>| match url {
            Some(url) => check_public_url(key, url),
            None => Ok(()),
        };
        let public_url = url("public_url", &self.public_url);
        let console = url("console.public_url", &self.console.public_url);
        self.store_location()
            .err()
            .into_iter()
            .chain(public_url.err())
            .chain(console.err())
            .chain(self.check_reserve())
            .chain(self.ceremonies.check())
            .chain(self.limits.check())
            .chain(self.metadata.check())
            .chain(self.retention.check())
            .chain(self.traces.check())
            .chain(self.shutdown.check())
            .chain(self.check_production())
            .chain(self.check_connections())
            .map(|error| match error {
                ConfigError::Invalid { key, why } => format!("{}: {why}", places.name(key)),
                other @ ConfigError::Wrong(_) => other.to_string(),
            })
            .collect()
    }

    /// Settings that must not be combined with `production`.
    fn check_production(&self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        let for_tests = [
            ("fido.conformance", self.fido.conformance),
            ("fido.test_page", self.fido.test_page),
        ];
        for (key, _) in for_tests
            .into_iter()
            .filter(|(_, on)| self.production && *on)
        {
            problems.push(invalid(
                key,
                "it lets anyone register any name, and this is a `production` system: remove one of the two",
            ));
        }
        for (key, _) in for_tests
            .into_iter()
            .filter(|(_, on)| self.fido.binding && *on)
        {
            problems.push(invalid(
                key,
                "it lets anyone register any name, and `fido.binding` is for real users: remove one of the two",
            ));
        }
        let found = match &self.public_url {
            None => Some("it is not set, so it would begin with http://"),
            Some(url) if url.starts_with("http://") => Some("it begins with http://"),
            Some(_) => None,
        };
        if let Some(found) = found.filter(|_| self.production) {
            problems.push(invalid(
                "public_url",
                format!("{found}, and this is marked as a `production` system: browsers use passkeys over https only. Set the \
                 https:// address at which clients reach passkeyd (that of the proxy, where one terminates TLS), or remove `production`"),
            ));
        }
        if self.fido.test_page && !self.nevis.enabled {
            problems.push(invalid("fido.test_page", "it needs `nevis.enabled`"));
        }
        problems
    }

    /// The place of the store.
    ///
    /// # Errors
    /// The `store` setting is not the address of a store, or the file with its password cannot be read.
    pub fn store_location(&self) -> Result<StoreUrl, ConfigError> {
        match &self.store {
            None => Ok(StoreUrl::File(self.data_dir.join("passkeyd.db"))),
            Some(store) => match store.parse() {
                // It would lose every passkey with the process.
                Ok(StoreUrl::Memory) => Err(invalid("store", StoreUrlError::Unknown.to_string())),
                Ok(url) => self.with_store_password(url),
                Err(error) => Err(invalid("store", error.to_string())),
            },
        }
    }

    /// Bytes of the reserve on the disk of the embedded store.
    pub fn disk_reserve(&self) -> u64 {
        self.disk_reserve_mib << 20
    }

    fn check_reserve(&self) -> Vec<ConfigError> {
        if self.disk_reserve_mib == 0 {
            return Vec::new();
        }
        within(&[("disk_reserve_mib", self.disk_reserve_mib, 8, 1 << 20)])
    }

    /// The same place with the password of these settings, if it is a database and its address has none.
    ///
    /// # Errors
    /// The file with the password cannot be read.
    pub fn with_store_password(&self, store: StoreUrl) -> Result<StoreUrl, ConfigError> {
        let StoreUrl::Postgres(url) = store else {
            return Ok(store);
        };
        let password = self.store_password()?;
        let url = url.with_password(password.as_ref().map(|text| text.as_str()));
        Ok(StoreUrl::Postgres(Box::new(url)))
    }

    /// The proxies whose `X-Forwarded-For` is read.
    pub fn proxies(&self) -> TrustedProxies {
        TrustedProxies::new(
            self.trusted_proxies
                .iter()
                .map(|network| network.0)
                .collect(),
        )
    }

    /// The password of a PostgreSQL store, if its address does not have it.
    fn store_password(&self) -> Result<Option<Zeroizing<String>>, ConfigError> {
        let Some(file) = &self.store_password_file else {
            return Ok(std::env::var(STORE_PASSWORD).ok().map(Zeroizing::new));
        };
        let text = std::fs::read_to_string(file).map_err(|error| {
            invalid(
                "store_password_file",
                format!("cannot read {}: {error}", file.display()),
            )
        })?;
        let text = Zeroizing::new(text);
        Ok(Some(Zeroizing::new(
            text.trim_end_matches(['\r', '\n']).to_owned(),
        )))
    }

    /// The control socket of a server with these settings, if it has one.
    pub fn control_path(&self) -> Option<PathBuf> {
        if !self.control.enabled {
            return None;
        }
        let beside_the_store = || {
            let location = self.store_location().ok()?;
            Some(location.file()?.with_extension("sock"))
        };
        self.control.path.clone().or_else(beside_the_store)
    }

    /// The base of emitted URLs: the configured one, else `localhost` with the port of the
    /// listener.
    pub fn public_url(&self, port: u16) -> PublicUrl {
        match &self.public_url {
            Some(url) => PublicUrl::new(url),
            None => self.tls.localhost(port),
        }
    }

    /// Settings of connections that must not be combined.
    fn check_connections(&self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        match (&self.tls.certificate_file, &self.tls.key_file) {
            (Some(_), None) => problems.push(invalid(
                "tls.key_file",
                "it is missing; set both files or none",
            )),
            (None, Some(_)) => problems.push(invalid(
                "tls.certificate_file",
                "it is missing; set both files or none",
            )),
            _ => {}
        }
        if self.proxy_protocol && self.trusted_proxies.is_empty() {
            problems.push(invalid(
                "proxy_protocol",
                "only trusted proxies are asked for the header: add their addresses to `trusted_proxies`",
            ));
        }
        problems
    }
}

/// The first account of the environment, if there is one.
///
/// # Errors
/// Only one of the two variables is set, or one is malformed.
pub fn bootstrap_account(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<(AccountId, Secret)>, ConfigError> {
    let (sid, token) = match (
        variable(BOOTSTRAP_ACCOUNT_SID),
        variable(BOOTSTRAP_AUTH_TOKEN),
    ) {
        (None, None) => return Ok(None),
        (Some(sid), Some(token)) => (sid, token),
        (Some(_), None) => {
            return Err(invalid(
                BOOTSTRAP_AUTH_TOKEN,
                "is missing; set both or none",
            ));
        }
        (None, Some(_)) => {
            return Err(invalid(
                BOOTSTRAP_ACCOUNT_SID,
                "is missing; set both or none",
            ));
        }
    };
    let id = sid
        .strip_prefix("AC")
        .and_then(AccountId::from_hex)
        .ok_or_else(|| invalid(BOOTSTRAP_ACCOUNT_SID, "expected AC and 32 hex digits"))?;
    if token.chars().count() < MIN_TOKEN_LENGTH || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(invalid(
            BOOTSTRAP_AUTH_TOKEN,
            format!(
                "expected at least {MIN_TOKEN_LENGTH} printable ASCII characters without spaces"
            ),
        ));
    }
    Ok(Some((id, Secret::new(token))))
}

fn check_public_url(key: &'static str, url: &str) -> Result<(), ConfigError> {
    let wrong = |why: &str| {
        Err(invalid(
            key,
            format!("{why}; expected for example https://passkeys.example.com"),
        ))
    };
    let Some(rest) = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))
    else {
        return wrong("it does not begin with http:// or https://");
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return wrong("it has no host");
    }
    if url.contains(['?', '#', '@', '"', '<', '>', '\\'])
        || !url.bytes().all(|b| b.is_ascii_graphic())
    {
        return wrong(
            "it has a query, a fragment, a user or other characters that are not allowed in a base URL",
        );
    }
    Ok(())
}

/// The values that are out of their bounds: key, value, least, most.
fn within(ranges: &[(&'static str, u64, u64, u64)]) -> Vec<ConfigError> {
    ranges
        .iter()
        .filter(|(_, value, least, most)| !(least..=most).contains(&value))
        .map(|&(key, value, least, most)| {
            invalid(key, format!("{value} is not between {least} and {most}"))
        })
        .collect()
}

impl sections::Webhooks {
    /// Networks that are not public, where webhooks may lead.
    pub fn networks(&self) -> Vec<IpNet> {
        self.allow_networks.iter().map(|one| one.0).collect()
    }
}

impl Tls {
    /// Whether the listeners speak TLS.
    pub fn is_on(&self) -> bool {
        self.certificate_file.is_some()
    }

    /// The address of a listener on this machine.
    pub fn localhost(&self, port: u16) -> PublicUrl {
        let scheme = if self.is_on() { "https" } else { "http" };
        PublicUrl::new(&format!("{scheme}://localhost:{port}"))
    }
}

impl Ceremonies {
    fn check(&self) -> Vec<ConfigError> {
        within(&[
            (
                "ceremonies.registration_seconds",
                self.registration_seconds.into(),
                1,
                600,
            ),
            (
                "ceremonies.authentication_seconds",
                self.authentication_seconds.into(),
                1,
                600,
            ),
        ])
    }

    /// The policy of new Relying Parties.
    pub fn policy(&self) -> Policy {
        Policy {
            registration_timeout_ms: self.registration_seconds.saturating_mul(1000),
            authentication_timeout_ms: self.authentication_seconds.saturating_mul(1000),
            ..Policy::default()
        }
    }
}

impl Limits {
    fn check(&self) -> Vec<ConfigError> {
        let ranges: [(&'static str, u64, u64, u64); 10] = [
            (
                "limits.header_bytes",
                self.header_bytes as u64,
                1024,
                65_536,
            ),
            ("limits.header_count", self.header_count as u64, 16, 256),
            ("limits.body_bytes", self.body_bytes as u64, 1024, 4 << 20),
            (
                "limits.browser_body_bytes",
                self.browser_body_bytes as u64,
                1024,
                4 << 20,
            ),
            (
                "limits.header_read_seconds",
                self.header_read_seconds,
                1,
                120,
            ),
            ("limits.body_read_seconds", self.body_read_seconds, 1, 300),
            ("limits.write_seconds", self.write_seconds, 1, 300),
            ("limits.idle_seconds", self.idle_seconds, 1, 3600),
            ("limits.connections", self.connections as u64, 1, 1_000_000),
            (
                "limits.connections_per_address",
                self.connections_per_address as u64,
                1,
                1_000_000,
            ),
        ];
        within(&ranges)
    }
}

impl Rates {
    /// The numbers; none where there are no limits.
    pub fn per_minute(&self) -> PerMinute {
        if !self.enabled {
            return PerMinute::default();
        }
        PerMinute {
            address: self.address_per_minute,
            wrong_secrets: self.wrong_secrets_per_minute,
            account: self.account_per_minute,
            relying_party: self.service_per_minute,
            user: self.user_per_minute,
        }
    }
}

impl Metadata {
    fn check(&self) -> Vec<ConfigError> {
        let mut problems = within(&[(
            "metadata.interval_seconds",
            self.interval_seconds,
            1,
            30 * 86_400,
        )]);
        if let Some(url) = &self.url
            && let Err(why) = crate::outbound::parse(url)
        {
            problems.push(invalid("metadata.url", why));
        }
        problems
    }
}

impl Retention {
    fn check(&self) -> Vec<ConfigError> {
        let ranges: [(&'static str, u64, u64, u64); 3] = [
            (
                "retention.ceremonies_hours",
                self.ceremonies_hours,
                1,
                24 * 365,
            ),
            ("retention.events_days", self.events_days, 1, 36_500),
            ("retention.sweep_seconds", self.sweep_seconds, 1, 86_400),
        ];
        within(&ranges)
    }

    /// Time between two sweeps.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.sweep_seconds)
    }

    /// How long an expired ceremony is kept, in milliseconds.
    pub fn ceremonies_ms(&self) -> i64 {
        i64::try_from(self.ceremonies_hours.saturating_mul(3_600_000)).unwrap_or(i64::MAX)
    }

    /// How long an audit event is kept, in milliseconds.
    pub fn events_ms(&self) -> i64 {
        i64::try_from(self.events_days.saturating_mul(86_400_000)).unwrap_or(i64::MAX)
    }
}

impl Shutdown {
    fn check(&self) -> Vec<ConfigError> {
        within(&[("shutdown.delay_seconds", self.delay_seconds, 0, 300)])
    }
}

#[cfg(test)]
mod tests;
