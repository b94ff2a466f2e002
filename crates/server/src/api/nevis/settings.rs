//! What a Relying Party has chosen for this wire. It is kept in the bag that the Relying Party has for its wires; the RP ID,
//! the origins and the authenticator wishes are the Relying Party's own settings and hold on every wire.

use axum::http::StatusCode;
use domain::model::relying_party::RelyingParty;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the settings are among what the wires keep with a Relying Party.
const ATTRIBUTES: &str = "nevis";
/// Most seconds of a transaction and of the options in it.
const MAX_TRANSACTION: u32 = 600;
/// What a transaction must last longer than the options in it, in seconds: the way to the browser and back.
const TRANSACTION_MARGIN: u32 = 60;
/// Most apps of a kind.
const MAX_APPS: usize = 32;
/// Longest name of an app.
const MAX_APP_NAME: usize = 255;

/// Which user names this wire creates. Existing users are found whatever their names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsernameRule {
    /// Letters `a-z` and `A-Z`, digits, and `_`, `-`, `.`, `@`.
    Strict,
    /// Anything without control characters.
    Relaxed,
}

/// How transaction tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TransactionTokenAlgorithm {
    /// HMAC-SHA-512: the back end asks the introspection.
    #[serde(rename = "HS512")]
    Hs512,
    /// ECDSA on P-256: the back end may verify by itself with the keys at `/api/v1/jwks/{instance}`.
    #[serde(rename = "ES256")]
    Es256,
}

/// An Android app that may use the passkeys of the RP ID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AndroidApp {
    /// Name of the package, for example `com.example.app`.
    pub package_name: String,
    /// SHA-256 fingerprints of the signing certificates: 32 bytes as upper-case hex with colons.
    pub sha256_cert_fingerprints: Vec<String>,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr,)+) => {
        /// Settings of a Service for the Authentication Cloud API.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        /// A change of those settings; what is absent stays as it is.
        #[derive(Clone, Debug, Default, Deserialize, ToSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct SettingsChange {
            $($(#[doc = $doc])+ pub $name: Option<$type>,)+
        }

        impl Settings {
            /// Takes what the change names.
            #[must_use]
            pub fn changed(mut self, change: SettingsChange) -> Self {
                $(if let Some(value) = change.$name {
                    self.$name = value;
                })+
                self
            }
        }
    };
}

settings! {
    /// Whether the result calls of the browser must carry the `statusToken` of their transaction. Without it, an attacker who can
    /// make a victim's browser send a request could finish a transaction of the attacker with it.
    status_token_required: bool = true,
    /// Whether a transaction token is spent by its first introspection.
    transaction_token_single_use: bool = false,
    /// How transaction tokens are signed.
    transaction_token_algorithm: TransactionTokenAlgorithm = TransactionTokenAlgorithm::Hs512,
    /// How long a transaction token is valid, in seconds: 60 to 3600.
    transaction_token_seconds: u32 = 600,
    /// How long a status token is valid, in seconds: not less than a transaction lasts, at most 3600.
    status_token_seconds: u32 = 600,
    /// How long a transaction waits for its result, in seconds: at least 60 more than `timeout_seconds`, at most 600.
    transaction_seconds: u32 = 300,
    /// The `timeout` in the options for the browser, in seconds: 10 to 540.
    timeout_seconds: u32 = 60,
    /// Whether an approval for a user who is unknown or has no authenticators is answered like any other, with invented
    /// credentials, instead of with 404 or 422.
    decoy_credentials: bool = false,
    /// Whether a refused sign-in without a user name says that its credential is unknown here, so that the client can have it
    /// removed from the device.
    tell_unknown_credentials: bool = true,
    /// The HTTP status of a result call whose ceremony was refused: 200 or 400. The body is the same, and never holds a token.
    /// 400 is for clients that look at the status alone.
    failed_result_status: u16 = 200,
    /// Which user names this API creates.
    username_rule: UsernameRule = UsernameRule::Strict,
    /// Most authenticators of one user, whichever API registered them: 1 to 50.
    max_authenticators: u32 = 10,
    /// Android apps that `/.well-known/assetlinks.json` names when the RP ID is passkeyd's own host.
    android_apps: Vec<AndroidApp> = Vec::new(),
    /// Apple apps (`<TeamID>.<BundleID>`) that `/.well-known/apple-app-site-association` names when the RP ID is passkeyd's
    /// own host.
    apple_apps: Vec<String> = Vec::new(),
}

impl Settings {
    /// Those of a Relying Party. What was chosen and cannot be read, for example because a newer passkeyd wrote it, means the
    /// strictest values: a demand that is lost must refuse instead of passing.
    pub fn of(rp: &RelyingParty) -> Self {
        match rp.attributes.get(ATTRIBUTES) {
            None => Self::default(),
            Some(kept) => Self::deserialize(kept).unwrap_or_else(|_| Self::strictest()),
        }
    }

    fn strictest() -> Self {
        Self {
            status_token_required: true,
            transaction_token_single_use: true,
            decoy_credentials: true,
            tell_unknown_credentials: false,
            failed_result_status: 400,
            username_rule: UsernameRule::Strict,
            ..Self::default()
        }
    }

    /// Puts them among what other wires keep there.
    pub fn keep_in(&self, attributes: &mut serde_json::Value) {
        if !attributes.is_object() {
            *attributes = serde_json::json!({});
        }
        attributes[ATTRIBUTES] = serde_json::json!(self);
    }

    /// Whether all values are within their bounds.
    ///
    /// # Errors
    /// A sentence that names the setting and what it may be.
    pub fn check(&self) -> Result<(), String> {
        let within = |name: &str, value: u32, least: u32, most: u32| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(format!("`{name}` is not between {least} and {most}"))
            }
        };
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
            return Err("`failed_result_status` is neither 200 nor 400".to_owned());
        }
        if self.android_apps.len() > MAX_APPS || self.apple_apps.len() > MAX_APPS {
            return Err(format!("there are more than {MAX_APPS} apps of a kind"));
        }
        for app in &self.android_apps {
            if !is_app_name(&app.package_name) {
                return Err("an Android app has no package name such as com.example.app".to_owned());
            }
            if app.sha256_cert_fingerprints.is_empty()
                || app.sha256_cert_fingerprints.len() > MAX_APPS
                || !app
                    .sha256_cert_fingerprints
                    .iter()
                    .all(|f| is_fingerprint(f))
            {
                return Err("the fingerprints of an Android app are not 32 bytes of upper-case hex with colons each".to_owned());
            }
        }
        if !self.apple_apps.iter().all(|app| is_app_name(app)) {
            return Err("an Apple app is not <TeamID>.<BundleID>".to_owned());
        }
        Ok(())
    }

    /// The `timeout` of options, in milliseconds.
    pub fn timeout_ms(&self) -> u32 {
        self.timeout_seconds.saturating_mul(1000)
    }

    /// The status of a result call whose ceremony was refused.
    pub fn failed_status(&self) -> StatusCode {
        if self.failed_result_status == 400 {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        }
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
        Settings::default().check().unwrap();
    }

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let change: SettingsChange =
            serde_json::from_str(r#"{"status_token_required": false}"#).unwrap();
        let changed = Settings::default().changed(change);
        assert_eq!(
            changed,
            Settings {
                status_token_required: false,
                ..Settings::default()
            }
        );
        assert!(serde_json::from_str::<SettingsChange>(r#"{"other": 1}"#).is_err());
    }

    #[test]
    fn what_cannot_be_read_means_the_strictest_values() {
        let kept = |attributes: serde_json::Value| {
            let rp = serde_json::json!({
                "id": "00".repeat(16), "account": "00".repeat(16), "name": "x",
                "selection": domain::model::policy::PartialSelection::default(),
                "policy": domain::model::policy::Policy::default(),
                "attributes": attributes, "version": 1, "created": 0, "updated": 0,
            });
            Settings::of(&serde_json::from_value(rp).unwrap())
        };
        assert_eq!(kept(serde_json::Value::Null), Settings::default());
        assert_eq!(kept(serde_json::json!({})), Settings::default());
        let relaxed = serde_json::json!({ATTRIBUTES: {"status_token_required": false}});
        assert!(!kept(relaxed).status_token_required);
        for unreadable in [
            serde_json::json!({"status_token_required": false, "of a newer passkeyd": 1}),
            serde_json::json!({"status_token_required": "no"}),
            serde_json::json!("x"),
        ] {
            let strict = kept(serde_json::json!({ATTRIBUTES: unreadable}));
            assert_eq!(strict, Settings::strictest());
            assert!(strict.status_token_required && strict.decoy_credentials);
            strict.check().unwrap();
        }
    }

    #[test]
    fn a_refused_ceremony_is_200_or_400() {
        let with = |status| Settings {
            failed_result_status: status,
            ..Settings::default()
        };
        assert_eq!(with(200).failed_status(), StatusCode::OK);
        assert_eq!(with(400).failed_status(), StatusCode::BAD_REQUEST);
        assert!(with(400).check().is_ok());
        for bad in [0, 201, 401, 422, 500, u16::MAX] {
            assert!(with(bad).check().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_transaction_lasts_a_minute_longer_than_its_options_and_no_longer_than_its_status_token() {
        let with = |timeout, transaction, token| {
            let settings = Settings {
                timeout_seconds: timeout,
                transaction_seconds: transaction,
                status_token_seconds: token,
                ..Settings::default()
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
    fn apps_have_the_names_and_fingerprints_that_the_stores_give_them() {
        let android = |package: &str, fingerprint: &str| {
            Settings {
                android_apps: vec![AndroidApp {
                    package_name: package.to_owned(),
                    sha256_cert_fingerprints: vec![fingerprint.to_owned()],
                }],
                ..Settings::default()
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
            Settings {
                apple_apps: vec![app.to_owned()],
                ..Settings::default()
            }
            .check()
            .is_ok()
        };
        assert!(apple("A1B2C3D4E5.com.example.app"));
        assert!(!apple("A1B2C3D4E5"));
        assert!(!apple("A1B2C3D4E5.*"));
    }
}
