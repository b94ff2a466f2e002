//! The settings as a JSON document, and both ways between it and the domain's.

use domain::model::settings::NevisSettings;
use domain::model::settings::nevis as d;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::manage::words::words;

words! {
    /// Which user names this wire creates. Existing users are found whatever their names are.
    UsernameRule = d::UsernameRule {
        /// Letters `a-z` and `A-Z`, digits, and `_`, `-`, `.`, `@`.
        Strict,
        /// Anything without control characters.
        Relaxed,
    }

    /// How transaction tokens are signed.
    TransactionTokenAlgorithm = d::TransactionTokenAlgorithm {
        /// HMAC-SHA-512: the back end asks the introspection.
        #[serde(rename = "HS512")]
        Hs512,
        /// ECDSA on P-256: the back end may verify by itself with the keys at `/api/v1/jwks/{instance}`.
        #[serde(rename = "ES256")]
        Es256,
    }
}

/// An Android app that may use the passkeys of the RP ID.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AndroidApp {
    /// Name of the package, for example `com.example.app`.
    pub package_name: String,
    /// SHA-256 fingerprints of the signing certificates: 32 bytes as upper-case hex with colons.
    pub sha256_cert_fingerprints: Vec<String>,
}

impl From<d::AndroidApp> for AndroidApp {
    fn from(app: d::AndroidApp) -> Self {
        Self {
            package_name: app.package_name,
            sha256_cert_fingerprints: app.sha256_cert_fingerprints,
        }
    }
}

impl From<AndroidApp> for d::AndroidApp {
    fn from(app: AndroidApp) -> Self {
        Self {
            package_name: app.package_name,
            sha256_cert_fingerprints: app.sha256_cert_fingerprints,
        }
    }
}

/// The value of the other side.
macro_rules! converted {
    ($value:expr, list) => {
        $value.into_iter().map(Into::into).collect()
    };
    ($value:expr) => {
        $value.into()
    };
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty $(as $list:tt)?,)+) => {
        /// Settings of a Service for the Authentication Cloud API.
        #[derive(Debug, Serialize, ToSchema)]
        #[schema(default)]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl From<NevisSettings> for Settings {
            fn from(settings: NevisSettings) -> Self {
                Self { $($name: converted!(settings.$name $(, $list)?),)+ }
            }
        }

        impl Default for Settings {
            fn default() -> Self {
                Self::from(NevisSettings::default())
            }
        }

        /// A change of those settings; what is absent stays as it is.
        #[derive(Clone, Debug, Default, Deserialize, ToSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct SettingsChange {
            $($(#[doc = $doc])+ pub $name: Option<$type>,)+
        }

        impl SettingsChange {
            /// Sets what the change names.
            pub fn apply(self, settings: &mut NevisSettings) {
                $(if let Some(value) = self.$name {
                    settings.$name = converted!(value $(, $list)?);
                })+
            }
        }
    };
}

settings! {
    /// Whether the result calls of the browser must carry the `statusToken` of their transaction. Without it, an attacker who can
    /// make a victim's browser send a request could finish a transaction of the attacker with it.
    status_token_required: bool,
    /// Whether a transaction token is spent by its first introspection.
    transaction_token_single_use: bool,
    /// How transaction tokens are signed.
    transaction_token_algorithm: TransactionTokenAlgorithm,
    /// How long a transaction token is valid, in seconds: 60 to 3600.
    transaction_token_seconds: u32,
    /// How long a status token is valid, in seconds: not less than a transaction lasts, at most 3600.
    status_token_seconds: u32,
    /// How long a transaction waits for its result, in seconds: at least 60 more than `timeout_seconds`, at most 600.
    transaction_seconds: u32,
    /// The `timeout` in the options for the browser, in seconds: 10 to 540.
    timeout_seconds: u32,
    /// Whether an approval for a user who is unknown or has no authenticators is answered like any other, with invented
    /// credentials, instead of with 404 or 422.
    decoy_credentials: bool,
    /// Whether a refused sign-in without a user name says that its credential is unknown here, so that the client can have it
    /// removed from the device.
    tell_unknown_credentials: bool,
    /// The HTTP status of a result call whose ceremony was refused: 200 or 400. The body is the same, and never holds a token.
    /// 400 is for clients that look at the status alone.
    failed_result_status: u16,
    /// Which user names this API creates.
    username_rule: UsernameRule,
    /// Most authenticators of one user, whichever API registered them: 1 to 50.
    max_authenticators: u32,
    /// Android apps that `/.well-known/assetlinks.json` names when the RP ID is passkeyd's own host.
    android_apps: Vec<AndroidApp> as list,
    /// Apple apps (`<TeamID>.<BundleID>`) that `/.well-known/apple-app-site-association` names when the RP ID is passkeyd's
    /// own host.
    apple_apps: Vec<String>,
    /// The page on which a user adds a passkey, an `https` URL: `enroll` in `/.well-known/passkey-endpoints`. Empty if there is none.
    passkey_enroll_url: String,
    /// The page on which a user manages passkeys: `manage` in that file. Empty if there is none.
    passkey_manage_url: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let change: SettingsChange =
            serde_json::from_str(r#"{"status_token_required": false}"#).unwrap();
        let mut changed = NevisSettings::default();
        change.apply(&mut changed);
        assert_eq!(
            changed,
            NevisSettings {
                status_token_required: false,
                ..NevisSettings::default()
            }
        );
        assert!(serde_json::from_str::<SettingsChange>(r#"{"other": 1}"#).is_err());
    }
}
