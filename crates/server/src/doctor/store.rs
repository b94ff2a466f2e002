//! The checks that need the store: RP ID and origins of each Service, its apps, the clock of the store, and the metadata.

use domain::Passkeys;
use domain::model::page::{PageRequest, Position};
use domain::model::reach::ReachWarningKind;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::service::MOST_BEHIND_MS;
use domain::webauthn::base64url;
use domain::webauthn::origin::Origin;
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::api::well_known::File;
use crate::http::PublicUrl;

/// Records in one read.
const PAGE: u32 = 100;
/// What the origin of an Android app begins with.
const ANDROID: &str = "android:apk-key-hash:";

/// What the store says, and what has to be asked on the web because of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct FromStore {
    /// What was found.
    pub findings: Vec<Finding>,
    /// The files that browsers and systems fetch.
    pub files: Vec<WellKnown>,
    /// Whether the keys in the store are sealed, if the store has said it.
    #[serde(default)]
    pub sealed: Option<bool>,
}

/// A file that has to be at the host of an RP ID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WellKnown {
    /// The Service that needs it.
    pub service: String,
    /// Its address.
    pub url: String,
    /// Texts that it has to hold.
    pub holds: Vec<String>,
    /// Who fetches it, and for what.
    pub why: String,
    /// What the file should be, as far as the settings of the Service say it.
    #[serde(default)]
    pub content: Option<serde_json::Value>,
}

/// Looks at every Service of every account, at the clock and at the metadata.
///
/// # Errors
/// Faults of the store.
pub async fn examine(passkeys: &Passkeys, public_url: &PublicUrl) -> Result<FromStore, Refusal> {
    let mut found = FromStore {
        sealed: Some(passkeys.vault().is_some()),
        ..FromStore::default()
    };
    found.findings.push(clock(passkeys.note_time().await?));
    found.findings.push(metadata(passkeys));
    let mut accounts = PageRequest::first(PAGE);
    loop {
        let page = passkeys.list_accounts(accounts).await?;
        for account in &page.items {
            let mut services = PageRequest::first(PAGE);
            loop {
                let page = passkeys.list_relying_parties(account.id, services).await?;
                for rp in &page.items {
                    service(rp, public_url, &mut found);
                }
                services.after = page.items.last().map(|last| Position {
                    created: last.created,
                    key: *last.id.as_bytes(),
                });
                if !page.more {
                    break;
                }
            }
        }
        accounts.after = page.items.last().map(|last| Position {
            created: last.created,
            key: *last.id.as_bytes(),
        });
        if !page.more {
            return Ok(found);
        }
    }
}

fn clock(behind_ms: i64) -> Finding {
    let seconds = behind_ms / 1000;
    if behind_ms < 1000 {
        return Finding::good(
            "clock",
            "the clock is not behind the latest time in the store",
        );
    }
    let found = format!("the clock is {seconds} seconds behind the latest time in the store");
    let finding = if behind_ms > MOST_BEHIND_MS {
        Finding::problem("clock", found)
    } else {
        Finding::warning("clock", found)
    };
    finding
        .because("ceremonies and tokens expire by the clock; nodes must agree to within a minute")
        .fix("synchronise the clock of this machine (NTP)")
}

fn metadata(passkeys: &Passkeys) -> Finding {
    let state = passkeys.metadata_state();
    let trouble = crate::metadata::trouble(&state, passkeys.now());
    match (&state.in_use, trouble) {
        (None, None) => Finding::good("metadata", "there is no metadata about authenticator models"),
        (Some(in_use), None) => {
            let days = (passkeys.now().seconds() - in_use.imported.seconds()) / 86_400;
            Finding::good(
                "metadata",
                format!(
                    "{} authenticator models, imported {days} days ago",
                    in_use.metadata.entries().len()
                ),
            )
        }
        (_, Some(reason)) => Finding::warning("metadata", reason.what())
            .because("statuses of authenticator models, such as a revocation, are not noticed")
            .fix("set [metadata] url to fetch it on a schedule, or import it with `passkeyd mds`; see docs/metadata.md"),
    }
}

/// The checks of one Service.
pub fn service(rp: &RelyingParty, public_url: &PublicUrl, found: &mut FromStore) {
    let sid = format!("VA{}", rp.id);
    let first = found.files.len();
    let origins = rp.selection.origins.as_ref();
    let origins = origins.filter(|origins| !origins.is_empty());
    let (Some(rp_id), Some(origins)) = (&rp.selection.rp_id, origins) else {
        found.findings.push(
            Finding::warning("relying_party", "the Service has no RP ID or no origins")
                .because("ceremonies need both, unless each request brings them")
                .fix("set Passkeys.RelyingParty.Id and .Origins of the Service")
                .of(&sid),
        );
        return;
    };
    match rp.selection.judge_reach() {
        Err(refusal) => found.findings.push(
            Finding::problem("relying_party", refusal.message)
                .because("browsers refuse every ceremony of the Service")
                .fix("correct RP ID and origins; docs/origins.md has the rules")
                .of(&sid),
        ),
        Ok(warnings) if warnings.is_empty() => found.findings.push(
            Finding::good(
                "relying_party",
                format!("all pages can use the RP ID {rp_id}"),
            )
            .of(&sid),
        ),
        Ok(warnings) => {
            for warning in warnings {
                let listed: Vec<&str> = warning.origins.iter().map(Origin::as_str).collect();
                if warning.kind == ReachWarningKind::RelatedOriginsNeeded {
                    found.files.push(WellKnown {
                        service: sid.clone(),
                        url: format!("https://{rp_id}/.well-known/webauthn"),
                        holds: listed.iter().map(|o| (*o).to_owned()).collect(),
                        why: "browsers fetch it to let pages outside of the RP ID use it"
                            .to_owned(),
                        content: None,
                    });
                    continue;
                }
                found.findings.push(
                    Finding::warning(
                        "relying_party",
                        format!("{warning} ({})", listed.join(", ")),
                    )
                    .because("sign-ins fail on these pages")
                    .fix("docs/origins.md says what to change")
                    .of(&sid),
                );
            }
        }
    }
    let apps: Vec<&str> = origins
        .iter()
        .filter_map(|origin| origin.as_str().strip_prefix(ANDROID))
        .collect();
    app_fingerprints(rp, &sid, &apps, rp_id.as_str() == public_url.host(), found);
    if !apps.is_empty() {
        found.files.push(WellKnown {
            service: sid.clone(),
            url: format!("https://{rp_id}/.well-known/assetlinks.json"),
            holds: apps.iter().filter_map(|hash| fingerprint(hash)).collect(),
            why: "Android fetches it to let the apps use the RP ID".to_owned(),
            content: None,
        });
    }
    let nevis = &rp.settings.nevis;
    let pages: Vec<String> = [&nevis.passkey_enroll_url, &nevis.passkey_manage_url]
        .into_iter()
        .filter(|url| !url.is_empty())
        .cloned()
        .collect();
    if !pages.is_empty() {
        found.files.push(WellKnown {
            service: sid.clone(),
            url: format!("https://{rp_id}/.well-known/passkey-endpoints"),
            holds: pages,
            why: "password managers fetch it to lead users to their passkeys".to_owned(),
            content: None,
        });
    }
    if !rp.settings.nevis.apple_apps.is_empty() {
        found.files.push(WellKnown {
            service: sid,
            url: format!("https://{rp_id}/.well-known/apple-app-site-association"),
            holds: rp.settings.nevis.apple_apps.clone(),
            why: "Apple's systems fetch it to let the apps use the RP ID".to_owned(),
            content: None,
        });
    }
    let site = format!("https://{rp_id}");
    for file in &mut found.files[first..] {
        let kind = File::ALL
            .into_iter()
            .find(|kind| file.url.ends_with(kind.path()));
        file.content = kind.and_then(|kind| kind.content(&[rp], &site));
    }
}

/// Compares the fingerprints of the origins with those that `assetlinks.json` names, if passkeyd serves it.
fn app_fingerprints(
    rp: &RelyingParty,
    sid: &str,
    origins: &[&str],
    served_here: bool,
    found: &mut FromStore,
) {
    let settings = &rp.settings.nevis.android_apps;
    let named: Vec<&String> = settings
        .iter()
        .flat_map(|app| &app.sha256_cert_fingerprints)
        .collect();
    let allowed: Vec<String> = origins
        .iter()
        .filter_map(|hash| fingerprint(hash))
        .collect();
    if served_here {
        for missing in allowed.iter().filter(|hash| !named.contains(hash)) {
            found.findings.push(
                Finding::warning(
                    "app_fingerprints",
                    format!("an origin allows the Android app {missing}, and `android_apps` does not name it"),
                )
                .because("passkeyd serves assetlinks.json for this RP ID, and Android does not offer passkeys to apps that it does not name")
                .fix("add the app to `android_apps` of the Service (/manage/v1/services/{VA}/nevis)")
                .of(sid),
            );
        }
    }
    for missing in named.iter().filter(|hash| !allowed.contains(**hash)) {
        let bytes = hex::decode(missing.replace(':', "")).unwrap_or_default();
        found.findings.push(
            Finding::warning(
                "app_fingerprints",
                format!("`android_apps` names {missing}, and no origin allows that app"),
            )
            .because("sign-ins from the app are refused with origin_not_allowed")
            .fix(format!(
                "add the origin {ANDROID}{}",
                base64url::encode(&bytes)
            ))
            .of(sid),
        );
    }
}

/// The hash of an origin as `assetlinks.json` writes it.
fn fingerprint(hash: &str) -> Option<String> {
    let bytes = base64url::decode(hash).ok()?;
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    Some(pairs.join(":"))
}
