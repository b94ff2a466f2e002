//! Settings: where they come from, and what they may be.
//!
//! A flag wins over an environment variable, that over the file, that over the default. A key that
//! passkeyd does not know is an error wherever it stands: a misspelt limit must not silently be the
//! default.

mod reference;
mod sections;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::accounts::Secret;
use domain::ids::AccountId;
use domain::policy::Policy;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};

use crate::app::PublicUrl;

pub use reference::markdown;
pub use sections::{
    Ceremonies, Fido, Limits, Log, LogFormat, LogLevel, Metadata, Nevis, Retention, Settings,
    Shutdown,
};

/// Prefix of all environment variables; `__` separates a section from its key.
pub const ENV_PREFIX: &str = "PASSKEYD_";
/// Account SID of the first account, instead of a random one.
pub const BOOTSTRAP_ACCOUNT_SID: &str = "PASSKEYD_BOOTSTRAP_ACCOUNT_SID";
/// Auth Token of the first account, instead of a random one.
pub const BOOTSTRAP_AUTH_TOKEN: &str = "PASSKEYD_BOOTSTRAP_AUTH_TOKEN";
/// Shortest Auth Token that is taken from the environment, in characters.
const MIN_TOKEN_LENGTH: usize = 16;

/// What is wrong with the settings; the text names the key and where it was read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file, an environment variable or a flag cannot be read as settings.
    #[error("{0}")]
    Unreadable(String),
    /// A setting has a value that passkeyd cannot use.
    #[error("`{key}`: {why}")]
    Invalid {
        /// The key as in the file, or the name of the environment variable.
        key: &'static str,
        /// What is wrong with the value, and what would be right.
        why: String,
    },
}

fn invalid(key: &'static str, why: impl Into<String>) -> ConfigError {
    ConfigError::Invalid {
        key,
        why: why.into(),
    }
}

/// Settings given on the command line; they win over all others.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Flags {
    /// `--listen`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// `--public-url`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// `--data-dir`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// `--store`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
}

impl Settings {
    /// Reads the settings from the given file, the environment and the flags, and checks them.
    ///
    /// # Errors
    /// [`ConfigError`]: the file is not there or not TOML, a key is unknown, a value is out of range.
    pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        if let Some(file) = file {
            if !file.is_file() {
                return Err(ConfigError::Unreadable(format!(
                    "the configuration file {} is not there",
                    file.display()
                )));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let environment = Env::prefixed(ENV_PREFIX)
            .ignore(&["config", "bootstrap_account_sid", "bootstrap_auth_token"])
            .split("__");
        let settings: Self = figment
            .merge(environment)
            .merge(Serialized::defaults(flags))
            .extract()
            .map_err(|error| ConfigError::Unreadable(explain(error)))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.store_location()?;
        if let Some(url) = &self.public_url {
            check_public_url(url)?;
        }
        self.ceremonies.check()?;
        self.limits.check()?;
        self.metadata.check()?;
        self.retention.check()?;
        self.check_production()
    }

    /// Whether nothing that is for tests only stands beside the mark of a production system.
    fn check_production(&self) -> Result<(), ConfigError> {
        let for_tests = [
            ("fido.conformance", self.fido.conformance),
            ("fido.test_page", self.fido.test_page),
        ];
        if let Some((key, _)) = for_tests.into_iter().find(|(_, on)| self.production && *on) {
            return Err(invalid(
                key,
                "it lets anybody register any name, and this is marked as a `production` system: remove the one or the other",
            ));
        }
        if self.fido.test_page && !self.nevis.enabled {
            return Err(invalid("fido.test_page", "it needs `nevis.enabled`"));
        }
        Ok(())
    }

    /// Where the store is.
    ///
    /// # Errors
    /// The `store` setting names a kind that this build does not have.
    pub fn store_location(&self) -> Result<PathBuf, ConfigError> {
        let Some(store) = &self.store else {
            return Ok(self.data_dir.join("passkeyd.db"));
        };
        if store.starts_with("postgres://") || store.starts_with("postgresql://") {
            return Err(invalid(
                "store",
                "this build of passkeyd has no PostgreSQL store yet; use sqlite:<path>",
            ));
        }
        match store.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
            _ => Err(invalid(
                "store",
                "expected sqlite:<path> of the database file",
            )),
        }
    }

    /// The base of emitted URLs: the configured one, else `localhost` with the port that is listened
    /// on.
    pub fn public_url(&self, listening: SocketAddr) -> PublicUrl {
        match &self.public_url {
            Some(url) => PublicUrl::new(url),
            None => PublicUrl::new(&format!("http://localhost:{}", listening.port())),
        }
    }
}

/// The first account as the environment demands it, if it does.
///
/// # Errors
/// Only one of the two variables is set, or one is not in form.
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

fn check_public_url(url: &str) -> Result<(), ConfigError> {
    let wrong = |why: &str| {
        Err(invalid(
            "public_url",
            format!("{why}; expected for example https://passkeys.example.com"),
        ))
    };
    let Some(rest) = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))
    else {
        return wrong("it begins neither with http:// nor with https://");
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return wrong("it has no host");
    }
    if url.contains(['?', '#', '@', '"', '<', '>', '\\'])
        || !url.bytes().all(|b| b.is_ascii_graphic())
    {
        return wrong(
            "it holds a query, a fragment, a user or other characters that a base URL has not",
        );
    }
    Ok(())
}

/// One line per problem: what, which key, where it was read.
fn explain(error: figment::Error) -> String {
    let lines: Vec<String> = error
        .into_iter()
        .map(|problem| {
            // An unknown field's own name is in the kind; the path leads to the section around it.
            let key = match &problem.kind {
                figment::error::Kind::UnknownField(field, _) => {
                    let mut path = problem.path.clone();
                    if path.last() != Some(field) {
                        path.push(field.clone());
                    }
                    path.join(".")
                }
                _ => problem.path.join("."),
            };
            let source = problem
                .metadata
                .as_ref()
                .map(
                    |m| match m.source.as_ref().and_then(figment::Source::file_path) {
                        Some(path) => format!(" (in {})", path.display()),
                        None => format!(" (in {})", m.name),
                    },
                )
                .unwrap_or_default();
            match &problem.kind {
                figment::error::Kind::UnknownField(..) => {
                    format!("unknown setting `{key}`{source}")
                }
                kind if key.is_empty() => format!("{kind}{source}"),
                kind => format!("`{key}`: {kind}{source}"),
            }
        })
        .collect();
    lines.join("\n")
}

/// Whether each value lies between its bounds: key, value, least, most.
fn within(ranges: &[(&'static str, u64, u64, u64)]) -> Result<(), ConfigError> {
    for &(key, value, least, most) in ranges {
        if !(least..=most).contains(&value) {
            return Err(invalid(
                key,
                format!("{value} is not between {least} and {most}"),
            ));
        }
    }
    Ok(())
}

impl Ceremonies {
    fn check(&self) -> Result<(), ConfigError> {
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

    /// The policy of Relying Parties to come.
    pub fn policy(&self) -> Policy {
        Policy {
            registration_timeout_ms: self.registration_seconds.saturating_mul(1000),
            authentication_timeout_ms: self.authentication_seconds.saturating_mul(1000),
            ..Policy::default()
        }
    }
}

impl Limits {
    fn check(&self) -> Result<(), ConfigError> {
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

impl Metadata {
    fn check(&self) -> Result<(), ConfigError> {
        if let Some(url) = &self.url {
            crate::metadata::check_url(url)
                .map_err(|error| invalid("metadata.url", error.to_string()))?;
        }
        within(&[(
            "metadata.interval_seconds",
            self.interval_seconds,
            1,
            30 * 86_400,
        )])
    }
}

impl Retention {
    fn check(&self) -> Result<(), ConfigError> {
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

#[cfg(test)]
mod tests;
