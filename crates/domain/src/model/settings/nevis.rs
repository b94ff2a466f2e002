//! What a Relying Party has chosen for the Authentication Cloud API.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Most seconds of a transaction and of the options in it.
const MAX_TRANSACTION: u32 = 600;
/// What a transaction must last longer than the options in it, in seconds: the way to the browser and back.
const TRANSACTION_MARGIN: u32 = 60;
/// Most apps of a kind.
const MAX_APPS: usize = 32;
/// Longest URL of a page.
const MAX_PAGE: usize = 2048;
/// Longest name of an app.
const MAX_APP_NAME: usize = 255;

/// Which user names are created. Existing users are found whatever their names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsernameRule {
    /// Letters `a-z` and `A-Z`, digits, and `_`, `-`, `.`, `@`.
    Strict,
    /// Anything without control characters.
    Relaxed,
}

/// How transaction tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransactionTokenAlgorithm {
    /// HMAC-SHA-512.
    #[serde(rename = "HS512")]
    Hs512,
    /// ECDSA on P-256, which anybody can verify with the public key.
    #[serde(rename = "ES256")]
    Es256,
}

/// An Android app that may use the passkeys of the RP ID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AndroidApp {
    /// Name of the package, for example `com.example.app`.
    pub package_name: String,
    /// SHA-256 fingerprints of the signing certificates: 32 bytes as upper-case hex with colons.
    pub sha256_cert_fingerprints: Vec<String>,
}

/// The settings of the Authentication Cloud API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NevisSettings {
    /// Whether a result must carry the status token of its transaction.
    pub status_token_required: bool,
    /// Whether a transaction token is spent by its first introspection.
    pub transaction_token_single_use: bool,
    /// How transaction tokens are signed.
    pub transaction_token_algorithm: TransactionTokenAlgorithm,
    /// How long a transaction token is valid, in seconds.
    pub transaction_token_seconds: u32,
    /// How long a status token is valid, in seconds.
    pub status_token_seconds: u32,
    /// How long a transaction waits for its result, in seconds.
    pub transaction_seconds: u32,
    /// The timeout in the options for the browser, in seconds.
    pub timeout_seconds: u32,
    /// Whether an approval for a user without authenticators is answered with invented credentials.
    pub decoy_credentials: bool,
    /// Whether a refused sign-in without a user name says that its credential is unknown.
    pub tell_unknown_credentials: bool,
    /// The status of a result whose ceremony was refused: 200 or 400.
    pub failed_result_status: u16,
    /// Which user names are created.
    pub username_rule: UsernameRule,
    /// Most authenticators of one user.
    pub max_authenticators: u32,
    /// Android apps that may use the passkeys of the RP ID.
    pub android_apps: Vec<AndroidApp>,
    /// Apple apps (`<TeamID>.<BundleID>`) that may use them.
    pub apple_apps: Vec<String>,
    /// The page of the site on which a user adds a passkey; empty if there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub passkey_enroll_url: String,
    /// The page of the site on which a user manages passkeys; empty if there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub passkey_manage_url: String,
}

impl Default for NevisSettings {
    fn default() -> Self {
        Self {
            status_token_required: true,
            transaction_token_single_use: false,
            transaction_token_algorithm: TransactionTokenAlgorithm::Hs512,
            transaction_token_seconds: 600,
            status_token_seconds: 600,
            transaction_seconds: 300,
            timeout_seconds: 60,
            decoy_credentials: false,
            tell_unknown_credentials: true,
            failed_result_status: 200,
            username_rule: UsernameRule::Strict,
            max_authenticators: 10,
            android_apps: Vec::new(),
            apple_apps: Vec::new(),
            passkey_enroll_url: String::new(),
            passkey_manage_url: String::new(),
        }
    }
}

/// A setting whose value is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// The name of the setting.
    pub setting: &'static str,
    /// What is wrong with it, as the rest of a sentence that begins with the setting.
    pub why: String,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.setting, self.why)
    }
}

/// Refuses a value.
fn unfit(setting: &'static str, why: impl Into<String>) -> Result<(), Unfit> {
    Err(Unfit {
        setting,
        why: why.into(),
    })
}

fn within(setting: &'static str, value: u32, least: u32, most: u32) -> Result<(), Unfit> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    unfit(setting, format!("is not between {least} and {most}"))
}

impl NevisSettings {
    /// Whether all values are within their bounds.
    ///
    /// # Errors
    /// The first setting that is not.
    pub fn check(&self) -> Result<(), Unfit> {
        within("timeout_seconds", self.timeout_seconds, 10, 540)?;
        within(
            "transaction_seconds",
            self.transaction_seconds,
            self.timeout_seconds + TRANSACTION_MARGIN,
            MAX_TRANSACTION,
        )?;
        within(
            "status_token_seconds",
            self.status_token_seconds,
            self.transaction_seconds,
            3600,
        )?;
        within(
            "transaction_token_seconds",
            self.transaction_token_seconds,
            60,
            3600,
        )?;
        within("max_authenticators", self.max_authenticators, 1, 50)?;
        if !matches!(self.failed_result_status, 200 | 400) {
            return unfit("failed_result_status", "is neither 200 nor 400");
        }
        self.check_apps()?;
        for (setting, url) in [
            ("passkey_enroll_url", &self.passkey_enroll_url),
            ("passkey_manage_url", &self.passkey_manage_url),
        ] {
            if !url.is_empty() && !is_page(url) {
                return unfit(
                    setting,
                    format!("is not an https URL of at most {MAX_PAGE} visible ASCII characters"),
                );
            }
        }
        Ok(())
    }

    fn check_apps(&self) -> Result<(), Unfit> {
        for (setting, apps) in [
            ("android_apps", self.android_apps.len()),
            ("apple_apps", self.apple_apps.len()),
        ] {
            if apps > MAX_APPS {
                return unfit(setting, format!("has more than {MAX_APPS} apps"));
            }
        }
        for app in &self.android_apps {
            if !is_app_name(&app.package_name) {
                return unfit(
                    "android_apps",
                    "has an app without a package name such as com.example.app",
                );
            }
            let fingerprints = &app.sha256_cert_fingerprints;
            if fingerprints.is_empty()
                || fingerprints.len() > MAX_APPS
                || !fingerprints.iter().all(|f| is_fingerprint(f))
            {
                return unfit(
                    "android_apps",
                    "has an app whose fingerprints are not 32 bytes of upper-case hex with colons each",
                );
            }
        }
        if !self.apple_apps.iter().all(|app| is_app_name(app)) {
            return unfit("apple_apps", "has an app that is not <TeamID>.<BundleID>");
        }
        Ok(())
    }

    /// The `timeout` of options, in milliseconds.
    pub fn timeout_ms(&self) -> u32 {
        self.timeout_seconds.saturating_mul(1000)
    }

    /// How long a transaction waits, in milliseconds.
    pub fn transaction_ms(&self) -> u32 {
        self.transaction_seconds.saturating_mul(1000)
    }
}

/// Letters, digits, `_`, `-`, and at least one full stop between them.
fn is_app_name(text: &str) -> bool {
    text.len() <= MAX_APP_NAME
        && text.contains('.')
        && text.split('.').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        })
}

/// An `https` URL with a host.
fn is_page(text: &str) -> bool {
    text.len() <= MAX_PAGE
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && text
            .strip_prefix("https://")
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_alphanumeric()))
}

fn is_fingerprint(text: &str) -> bool {
    text.len() == 32 * 3 - 1
        && text.bytes().enumerate().all(|(at, byte)| {
            if at % 3 == 2 {
                byte == b':'
            } else {
                byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_bounds() {
        NevisSettings::default().check().unwrap();
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        let settings = NevisSettings {
            apple_apps: vec!["app".to_owned()],
            ..NevisSettings::default()
        };
        let unfit = settings.check().unwrap_err();
        assert_eq!(unfit.setting, "apple_apps");
        assert_eq!(
            unfit.to_string(),
            "`apple_apps` has an app that is not <TeamID>.<BundleID>"
        );
    }

    #[test]
    fn a_refused_ceremony_is_200_or_400() {
        let with = |status| NevisSettings {
            failed_result_status: status,
            ..NevisSettings::default()
        };
        assert!(with(200).check().is_ok());
        assert!(with(400).check().is_ok());
        for bad in [0, 201, 401, 422, 500, u16::MAX] {
            assert!(with(bad).check().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_transaction_lasts_a_minute_longer_than_its_options_and_no_longer_than_its_status_token() {
        let with = |timeout, transaction, token| {
            let settings = NevisSettings {
                timeout_seconds: timeout,
                transaction_seconds: transaction,
                status_token_seconds: token,
                ..NevisSettings::default()
            };
            settings.check().is_ok()
        };
        assert!(with(60, 120, 120));
        assert!(!with(61, 120, 120));
        assert!(!with(60, 120, 119));
        assert!(with(540, 600, 600));
        assert!(!with(540, 601, 3600));
        assert!(!with(60, 300, 3601));
    }

    #[test]
    fn a_page_is_an_https_url() {
        let with = |url: &str| NevisSettings {
            passkey_manage_url: url.to_owned(),
            ..NevisSettings::default()
        };
        let long = format!("https://acme.test/{}", "x".repeat(MAX_PAGE));
        assert!(with("https://acme.test/account#passkeys").check().is_ok());
        for bad in [
            "http://acme.test/",
            "javascript:alert(1)",
            "/account",
            "https://",
            "https:///",
            "https://acme.test/a b",
            &long,
        ] {
            assert!(with(bad).check().is_err(), "{bad}");
        }
    }

    #[test]
    fn apps_have_the_names_and_fingerprints_that_the_stores_give_them() {
        let android = |package: &str, fingerprint: &str| {
            NevisSettings {
                android_apps: vec![AndroidApp {
                    package_name: package.to_owned(),
                    sha256_cert_fingerprints: vec![fingerprint.to_owned()],
                }],
                ..NevisSettings::default()
            }
            .check()
            .is_ok()
        };
        let fingerprint = ["AB"; 32].join(":");
        assert!(android("com.example.app", &fingerprint));
        for (package, fingerprint) in [
            ("com", fingerprint.clone()),
            ("com..app", fingerprint.clone()),
            ("com.example.app/", fingerprint.clone()),
            ("com.example.app", fingerprint.to_lowercase()),
            ("com.example.app", ["AB"; 31].join(":")),
            ("com.example.app", ["AB"; 32].join("")),
        ] {
            assert!(!android(package, &fingerprint), "{package} {fingerprint}");
        }
        let apple = |app: &str| {
            NevisSettings {
                apple_apps: vec![app.to_owned()],
                ..NevisSettings::default()
            }
            .check()
            .is_ok()
        };
        assert!(apple("A1B2C3D4E5.com.example.app"));
        assert!(!apple("A1B2C3D4E5"));
        assert!(!apple("A1B2C3D4E5.*"));
    }
}
