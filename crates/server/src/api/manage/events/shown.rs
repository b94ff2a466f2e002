//! An event as the management API shows it.

use std::net::IpAddr;

use domain::model::audit::AuditEvent;
use domain::model::ids::{AccessKeyId, CeremonyId, CredentialKey, UserId};
use domain::service::key_names::KeyNames;
use serde::Serialize;
use utoipa::ToSchema;

use crate::transfer::text::Moment;

/// Something that happened. Identifiers are 32 hex digits: a user `YE` and these on the Verify API, a credential `YF` and these, and on the
/// Authentication Cloud API a UUID of these. What is not known is absent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    /// Its identifier.
    id: String,
    /// When (RFC 3339, UTC).
    #[schema(value_type = String, format = DateTime)]
    at: Moment,
    /// What happened, such as `authentication_refused`.
    kind: &'static str,
    /// The Service, `VA` and 32 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    /// The user concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// That user's name at the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    /// The credential concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    /// The ceremony concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    ceremony: Option<String>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The value that led to the refusal, such as the origin that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    /// What was noticed and did not lead to a refusal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signals: Vec<String>,
    /// Who did it.
    actor: Actor,
    /// The record concerned, where it is none of the above.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
    /// What changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
pub struct Actor {
    /// What kind of party.
    kind: &'static str,
    /// The API through which it was done.
    #[serde(skip_serializing_if = "String::is_empty")]
    api: String,
    /// The name of an administrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The API key that was used, `SK` and 32 hex digits. Sign-ins do not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<String>,
    /// The name of that key, unless it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key_name: Option<String>,
    /// The access key that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key: Option<String>,
    /// The name of that key, unless it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_name: Option<String>,
    /// The address of the client that called passkeyd.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// The user agent of the user's browser or app.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
}

/// The record that an event is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct Target {
    /// What it is, such as `webhook`.
    kind: String,
    /// Its identifier, 32 hex digits.
    id: String,
    /// Its name at the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// One value that changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Change {
    /// Which.
    what: String,
    /// The value before: a text, or JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<String>,
    /// The value after.
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<String>,
}

impl Event {
    /// An event in the trail of a Service, or of an account.
    pub fn of(event: AuditEvent, in_service: bool, names: &KeyNames) -> Self {
        let details = event.details.map(|details| *details).unwrap_or_default();
        let actor = event.actor;
        Self {
            id: event.id.to_hex(),
            at: event.at.into(),
            kind: event.kind.name(),
            service: in_service.then(|| format!("VA{}", event.relying_party)),
            user: event.user.map(UserId::to_hex),
            user_name: event.user_name,
            credential: event.credential.map(CredentialKey::to_hex),
            ceremony: event.ceremony.map(CeremonyId::to_hex),
            reason: event.reason.map(domain::Reason::name),
            found: details.found,
            signals: event
                .signals
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            actor: Actor {
                kind: actor.kind.name(),
                user_agent: actor.user_agent().map(str::to_owned),
                api_key: actor.api_key.map(|key| format!("SK{key}")),
                api_key_name: actor
                    .api_key
                    .and_then(|key| names.api_key(key))
                    .map(str::to_owned),
                access_key: actor.access_key.map(AccessKeyId::to_hex),
                access_key_name: actor
                    .access_key
                    .and_then(|key| names.access_key(key))
                    .map(str::to_owned),
                address: actor.address,
                api: actor.wire.into_owned(),
                name: actor.name,
            },
            target: details.target.map(|target| Target {
                kind: target.kind,
                id: target.id,
                name: target.name,
            }),
            changes: details
                .changes
                .into_iter()
                .map(|change| Change {
                    what: change.what,
                    old: change.old,
                    new: change.new,
                })
                .collect(),
        }
    }
}
