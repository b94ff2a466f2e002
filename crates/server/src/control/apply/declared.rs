//! What a file declares.

use std::collections::BTreeSet;

use domain::Passkeys;
use domain::model::clock::Timestamp;
use domain::model::grant::Grant;
use domain::model::notice::NoticeType;
use domain::model::policy::{Attachment, Policy};
use domain::model::relying_party::RelyingParty;
use domain::model::webhook::{BodyFormat, MAX_URL, SignatureHash, Webhook, is_url};
use domain::webauthn::options::{ResidentKey, UserVerification};
use domain::webauthn::origin::Origin;
use domain::webauthn::relying_party::RpId;
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use super::super::model::NotDone;
use super::super::named::{checked, granted};
use crate::api::manage::nevis::SettingsChange;
use crate::api::manage::policy::policy_of;
use crate::http::addresses;
use crate::moment::Moment;

/// Most origins of a Service.
const MOST_ORIGINS: usize = 100;

/// All that a file declares. What it does not name stays as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Declared {
    /// `AC...`; optional if there is one account.
    pub(super) account: Option<String>,
    #[serde(default)]
    pub(super) services: Vec<DeclaredService>,
    #[serde(default)]
    pub(super) api_keys: Vec<DeclaredKey>,
}

/// A Service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeclaredService {
    /// `VA...`, to find it by that and not by its name.
    pub(super) sid: Option<String>,
    pub(super) name: String,
    rp_id: Option<String>,
    rp_name: Option<String>,
    origins: Option<Vec<String>>,
    attachment: Option<Attachment>,
    resident_key: Option<ResidentKey>,
    user_verification: Option<UserVerification>,
    /// The whole policy: members that are not named have their defaults.
    policy: Option<Value>,
    nevis: Option<SettingsChange>,
    #[serde(default)]
    pub(super) webhooks: Vec<DeclaredWebhook>,
    #[serde(default)]
    pub(super) access_keys: Vec<DeclaredKey>,
}

/// A webhook, which is found by its name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeclaredWebhook {
    pub(super) name: String,
    url: String,
    event_types: Vec<String>,
    enabled: Option<bool>,
    format: Option<BodyFormat>,
    signature_hash: Option<SignatureHash>,
}

/// A key, which is found by its name. Its secret is in no file that declares it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeclaredKey {
    pub(super) name: String,
    /// The file that gets the secret of a new key.
    pub(super) secret_file: String,
    /// What a new key may be used for; all scopes without it.
    scopes: Option<Vec<String>>,
    /// Until when a new key is valid; for ever without it.
    expires_at: Option<String>,
}

impl DeclaredKey {
    /// What a new key may do.
    ///
    /// # Errors
    /// A scope that does not exist, or a moment that cannot be.
    pub(super) fn grant(&self, passkeys: &Passkeys) -> Result<Grant, NotDone> {
        let (scopes, expires_at) = (self.scopes.as_deref(), self.expires_at.as_deref());
        granted(passkeys, scopes, expires_at)
            .map_err(|why| wrong(&format!("key {:?}", self.name), why.message))
    }

    /// Whether a key that is there is what is declared. What is not declared may be anything.
    pub(super) fn describes(&self, grant: &Grant) -> bool {
        let scopes = self.scopes.as_ref().is_none_or(|names| {
            let mut declared: Vec<&str> = names.iter().map(String::as_str).collect();
            declared.sort_unstable();
            declared.dedup();
            let mut granted: Vec<&str> = grant.scopes.names().collect();
            granted.sort_unstable();
            declared == granted
        });
        let expires = self.expires_at.as_ref().is_none_or(|text| {
            let moment = Moment::try_from(text.clone()).map(|moment| moment.0.0);
            moment.ok() == grant.expires.map(Timestamp::seconds)
        });
        scopes && expires
    }
}

fn wrong(of: &str, why: impl std::fmt::Display) -> NotDone {
    NotDone::because(format!("{of}: {why}"))
}

/// The declared things by their names, which must differ.
fn distinct<'n>(kind: &str, names: impl Iterator<Item = &'n str>) -> Result<(), NotDone> {
    let mut seen = BTreeSet::new();
    for name in names {
        checked(name).map_err(|why| wrong(&format!("{kind} {name:?}"), why.message))?;
        if !seen.insert(name) {
            return Err(NotDone::because(format!(
                "the file declares the {kind} {name:?} twice"
            )));
        }
    }
    Ok(())
}

impl Declared {
    /// Reads a document.
    ///
    /// # Errors
    /// It has unknown members, values that cannot be, or names twice.
    pub(super) fn read(document: Value, networks: &[IpNet]) -> Result<Self, NotDone> {
        let declared: Self = serde_path_to_error::deserialize(document).map_err(|error| {
            let at = error.path().to_string();
            wrong(&at, error.into_inner())
        })?;
        distinct("Service", declared.services.iter().map(|s| s.name.as_str()))?;
        distinct("API key", declared.api_keys.iter().map(|k| k.name.as_str()))?;
        let mut files = BTreeSet::new();
        for service in &declared.services {
            let of = format!("Service {:?}", service.name);
            let within =
                |result: Result<(), NotDone>| result.map_err(|why| wrong(&of, why.message));
            within(distinct(
                "webhook",
                service.webhooks.iter().map(|w| w.name.as_str()),
            ))?;
            within(distinct(
                "access key",
                service.access_keys.iter().map(|k| k.name.as_str()),
            ))?;
            for webhook in &service.webhooks {
                within(webhook.check(networks))?;
            }
        }
        let of_services = declared.services.iter().flat_map(|s| &s.access_keys);
        for key in of_services.chain(&declared.api_keys) {
            if key.secret_file.is_empty() || !files.insert(key.secret_file.as_str()) {
                return Err(NotDone::because(format!(
                    "the key {:?} needs a `secret_file` of its own",
                    key.name
                )));
            }
        }
        Ok(declared)
    }
}

impl DeclaredService {
    /// Sets what is declared.
    ///
    /// # Errors
    /// A value that cannot be.
    pub(super) fn apply_to(&self, rp: &mut RelyingParty, default: &Policy) -> Result<(), NotDone> {
        let wrong = |member: &str, why: &dyn std::fmt::Display| {
            wrong(&format!("Service {:?}: {member}", self.name), why)
        };
        rp.name.clone_from(&self.name);
        let own = &mut rp.selection;
        if let Some(text) = &self.rp_id {
            own.rp_id = Some(RpId::parse(text).map_err(|why| wrong("rp_id", &why))?);
        }
        if let Some(text) = &self.rp_name {
            checked(text).map_err(|why| wrong("rp_name", &why.message))?;
            own.rp_name = Some(text.clone());
        }
        if let Some(texts) = &self.origins {
            if texts.len() > MOST_ORIGINS {
                return Err(wrong("origins", &"there are more than 100"));
            }
            let parse = |text: &String| {
                Origin::parse_configured(text)
                    .map_err(|why| wrong("origins", &format!("{text}: {why}")))
            };
            own.origins = Some(texts.iter().map(parse).collect::<Result<_, _>>()?);
        }
        own.attachment = self.attachment.or(own.attachment);
        own.resident_key = self.resident_key.or(own.resident_key);
        own.user_verification = self.user_verification.or(own.user_verification);
        if let Some(members) = &self.policy {
            rp.policy = policy_of(default, members)
                .map_err(|invalid| wrong(&format!("policy.{}", invalid.member), &invalid.why))?;
        }
        if let Some(change) = &self.nevis {
            let settings = &mut rp.settings.nevis;
            change.clone().apply(settings);
            settings.check().map_err(|unfit| wrong("nevis", &unfit))?;
        }
        Ok(())
    }
}

impl DeclaredWebhook {
    fn check(&self, networks: &[IpNet]) -> Result<(), NotDone> {
        let of = format!("webhook {:?}", self.name);
        if !is_url(&self.url) {
            let why = format!(
                "url must be an absolute http or https URL without a user name, of at most {MAX_URL} characters"
            );
            return Err(wrong(&of, why));
        }
        addresses::judge(&self.url, networks)
            .map_err(|why| wrong(&of, format!("url cannot be called: {why}")))?;
        let known = |name: &String| NoticeType::may_be_asked_for(name);
        if self.event_types.is_empty() || !self.event_types.iter().all(known) {
            let names = NoticeType::names();
            return Err(wrong(&of, format!("event_types must be some of: {names}")));
        }
        Ok(())
    }

    /// Sets what is declared.
    pub(super) fn apply_to(&self, webhook: &mut Webhook) {
        webhook.name.clone_from(&self.name);
        webhook.url.clone_from(&self.url);
        webhook.event_types.clone_from(&self.event_types);
        if let Some(enabled) = self.enabled.filter(|enabled| *enabled != webhook.enabled) {
            webhook.enabled = enabled;
            webhook.failing = None;
        }
        webhook.format = self.format.unwrap_or(webhook.format);
        webhook.hash = self.signature_hash.unwrap_or(webhook.hash);
    }
}
