//! The files below `/.well-known/` at the host of an RP ID: which pages and apps may use it, and where its users find their passkeys.

use domain::model::reach::ReachWarningKind;
use domain::model::relying_party::RelyingParty;
use serde_json::{Value, json};

const LOGIN: &str = "delegate_permission/common.get_login_creds";
const LINKS: &str = "delegate_permission/common.handle_all_urls";

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// The related origins (WebAuthn L3 5.11).
    RelatedOrigins,
    /// Where users add and manage passkeys (W3C passkey endpoints).
    PasskeyEndpoints,
    /// The Android apps.
    Android,
    /// The Apple apps.
    Apple,
}

impl File {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::RelatedOrigins,
        Self::PasskeyEndpoints,
        Self::Android,
        Self::Apple,
    ];

    /// The path on every host.
    pub fn path(self) -> &'static str {
        match self {
            Self::RelatedOrigins => "/.well-known/webauthn",
            Self::PasskeyEndpoints => "/.well-known/passkey-endpoints",
            Self::Android => "/.well-known/assetlinks.json",
            Self::Apple => "/.well-known/apple-app-site-association",
        }
    }

    /// What the file holds for these Relying Parties, which have one RP ID. `site` is the origin of its host. Nothing if they need no such file.
    pub fn content(self, parties: &[&RelyingParty], site: &str) -> Option<Value> {
        match self {
            Self::RelatedOrigins => related_origins(parties),
            Self::PasskeyEndpoints => passkey_endpoints(parties),
            Self::Android => android(parties, site),
            Self::Apple => apple(parties),
        }
    }
}

fn related_origins(parties: &[&RelyingParty]) -> Option<Value> {
    let mut origins: Vec<String> = parties
        .iter()
        .filter_map(|rp| rp.selection.judge_reach().ok())
        .flatten()
        .filter(|warning| warning.kind == ReachWarningKind::RelatedOriginsNeeded)
        .flat_map(|warning| warning.origins)
        .map(|origin| origin.as_str().to_owned())
        .collect();
    // Two Services may name the same origin. The order of the settings stays: browsers may skip what comes late.
    let mut seen = std::collections::BTreeSet::new();
    origins.retain(|origin| seen.insert(origin.clone()));
    (!origins.is_empty()).then(|| json!({ "origins": origins }))
}

fn passkey_endpoints(parties: &[&RelyingParty]) -> Option<Value> {
    let first = |url: fn(&RelyingParty) -> &String| {
        parties
            .iter()
            .map(|rp| url(rp))
            .find(|url| !url.is_empty())
            .cloned()
    };
    let pages = [
        ("enroll", first(|rp| &rp.settings.nevis.passkey_enroll_url)),
        ("manage", first(|rp| &rp.settings.nevis.passkey_manage_url)),
    ];
    let set: serde_json::Map<String, Value> = pages
        .into_iter()
        .filter_map(|(name, url)| Some((name.to_owned(), Value::String(url?))))
        .collect();
    (!set.is_empty()).then_some(Value::Object(set))
}

fn android(parties: &[&RelyingParty], site: &str) -> Option<Value> {
    let apps = parties
        .iter()
        .flat_map(|rp| &rp.settings.nevis.android_apps);
    let mut statements = vec![json!({
        "relation": [LOGIN],
        "target": {"namespace": "web", "site": site},
    })];
    statements.extend(apps.map(|android| {
        json!({
            "relation": [LINKS, LOGIN],
            "target": {
                "namespace": "android_app",
                "package_name": android.package_name,
                "sha256_cert_fingerprints": android.sha256_cert_fingerprints,
            },
        })
    }));
    (statements.len() > 1).then_some(Value::Array(statements))
}

fn apple(parties: &[&RelyingParty]) -> Option<Value> {
    let apps = parties.iter().flat_map(|rp| &rp.settings.nevis.apple_apps);
    let apps: Vec<&String> = apps.collect();
    (!apps.is_empty()).then(|| json!({"webcredentials": {"apps": apps}}))
}
