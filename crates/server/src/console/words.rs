//! How the pages name things: the identifiers as callers of the APIs know them, moments, and what happened in plain words. Templates hand
//! on references, and everybody else values.

use std::borrow::{Borrow, Cow};
use std::fmt::Write as _;
use std::str::FromStr;

use domain::model::audit::{ActorKind, AuditEvent, AuditKind, UNBOUND};
use domain::model::clock::Timestamp;
use domain::model::ids::{AccountId, ApiKeyId, CredentialKey, RelyingPartyId, UserId, WebhookId};
use domain::model::notice::DeliveryState;
use domain::model::page::Position;
use domain::service::key_names::KeyNames;

use crate::api::dates::Date;
use crate::api::docs;
use crate::api::nevis::uuid::Uuid;

/// An account, as in `AC...`.
pub(super) fn account(id: impl Borrow<AccountId>) -> String {
    format!("AC{}", id.borrow())
}

/// A Service, as in `VA...`.
pub(super) fn service(id: impl Borrow<RelyingPartyId>) -> String {
    format!("VA{}", id.borrow())
}

/// A person, as in `YE...`.
pub(super) fn user(id: impl Borrow<UserId>) -> String {
    format!("YE{}", id.borrow())
}

/// A passkey, as in `YF...`.
pub(super) fn passkey(key: impl Borrow<CredentialKey>) -> String {
    format!("YF{}", key.borrow())
}

/// The passkey that a session began with.
pub(super) fn maybe_passkey(key: impl Borrow<Option<CredentialKey>>) -> String {
    key.borrow().as_ref().map(passkey).unwrap_or_default()
}

/// The passkey that came or went; empty for other events.
pub(super) fn which_passkey(event: &AuditEvent) -> String {
    match event.kind {
        AuditKind::CredentialRegistered | AuditKind::CredentialDeleted => {
            maybe_passkey(event.credential)
        }
        _ => String::new(),
    }
}

/// Whether a session began with this passkey.
pub(super) fn began(
    with: impl Borrow<Option<CredentialKey>>,
    key: impl Borrow<CredentialKey>,
) -> bool {
    with.borrow().as_ref() == Some(key.borrow())
}

/// An API key, as in `SK...`.
pub(super) fn api_key(id: impl Borrow<ApiKeyId>) -> String {
    format!("SK{}", id.borrow())
}

/// A webhook, as in `YW...`.
pub(super) fn webhook(id: impl Borrow<WebhookId>) -> String {
    format!("YW{}", id.borrow())
}

/// Where a delivery stands.
pub(super) fn delivery_state(state: impl Borrow<DeliveryState>) -> &'static str {
    match state.borrow() {
        DeliveryState::Waiting => "waiting",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Failed => "failed",
    }
}

/// The 32 hex digits of an identifier: with its two letters, without them, or as a UUID.
pub(super) fn digits(text: &str) -> String {
    let bare = text.replace('-', "");
    match bare.get(..2) {
        Some(letters) if bare.len() == 34 && letters.bytes().all(|b| b.is_ascii_uppercase()) => {
            bare[2..].to_owned()
        }
        _ => bare,
    }
}

/// A moment, to the second, in UTC.
pub(crate) fn moment(at: impl Borrow<Timestamp>) -> String {
    Date(*at.borrow())
        .to_string()
        .replace('T', " ")
        .replace('Z', " UTC")
}

/// A moment for a machine.
pub(super) fn machine(at: impl Borrow<Timestamp>) -> String {
    Date(*at.borrow()).to_string()
}

/// A moment that may not have been.
pub(super) fn maybe(at: impl Borrow<Option<Timestamp>>) -> String {
    (*at.borrow()).map_or_else(|| "never".to_owned(), moment)
}

/// The place where the next page of a list begins, as a parameter.
pub(super) fn cursor(created: Timestamp, key: [u8; 16]) -> String {
    format!("{}.{}", created.0, hex::encode(key))
}

/// The place of such a parameter. Any place will do: a list begins after it, whether a row is there or not.
pub(super) fn position(text: &str) -> Option<Position> {
    let (created, key) = text.split_once('.')?;
    let mut bytes = [0; 16];
    hex::decode_to_slice(key, &mut bytes).ok()?;
    Some(Position {
        created: Timestamp(created.parse().ok()?),
        key: bytes,
    })
}

/// What was just done, by the word in the address: nothing of the address is shown.
pub(super) fn done(word: &str) -> Option<&'static str> {
    Some(match word {
        "created" => "Created.",
        "saved" => "Saved.",
        "nothing" => "Nothing was different, so nothing was changed.",
        "deleted" => "Deleted.",
        "revoked" => "Revoked. It can no longer be used.",
        "rotated" => {
            "A new key was drawn. Tokens of the old one are accepted until they have expired."
        }
        "retired" => "Tokens of the older keys are refused from now on.",
        "secret" => "The webhook has a new secret. The old one is valid for 24 hours.",
        "tested" => "A test event will be sent.",
        "redelivered" => "It will be sent again.",
        "enabled" => "The webhook is enabled.",
        "disabled" => "The webhook is disabled. Nothing is sent to it.",
        "renamed" => "Renamed.",
        "role" => "The role was changed.",
        "passkey-removed" => {
            "The passkey was removed, and the sessions that began with it have ended."
        }
        "removed" => "The administrator was removed and is signed out everywhere.",
        "examined" => "The examination has ended.",
        "examining" => "An examination is running. Load this page again in some seconds.",
        "ended" => "The session was ended.",
        _ => return None,
    })
}

/// A number of digits alone, as a field of a form shows it.
pub(super) fn whole_number<N: FromStr>(text: &str) -> Option<N> {
    let are_digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| are_digits)
}

/// What happened, in a few words.
pub(super) fn happened(kind: impl Borrow<AuditKind>) -> &'static str {
    match kind.borrow() {
        AuditKind::RelyingPartyCreated => "Service created",
        AuditKind::RelyingPartyUpdated => "Service changed",
        AuditKind::UserCreated => "Person added",
        AuditKind::UserDeleted => "Person deleted, with all passkeys",
        AuditKind::RegistrationStarted => "Registration started",
        AuditKind::CredentialRegistered => "Passkey registered",
        AuditKind::RegistrationRefused => "Registration refused",
        AuditKind::AuthenticationStarted => "Sign-in started",
        AuditKind::Authenticated => "Signed in",
        AuditKind::AuthenticationRefused => "Sign-in refused",
        AuditKind::CredentialRenamed => "Passkey renamed",
        AuditKind::CredentialImported => "Passkey imported",
        AuditKind::CredentialDeleted => "Passkey revoked",
        AuditKind::EnrolmentLinkCreated => "Link for a new passkey made",
        AuditKind::EnrolmentLinkRevoked => "Link for a new passkey revoked",
        AuditKind::AdministratorInvited => "Administrator invited",
        AuditKind::InviteRevoked => "Invite revoked",
        AuditKind::InviteAccepted => "Invite accepted",
        AuditKind::AdministratorChanged => "Role of an administrator changed",
        AuditKind::AdministratorDeleted => "Administrator removed",
        AuditKind::SessionStarted => "Signed in to the console",
        AuditKind::SessionEnded => "Session of the console ended",
        AuditKind::SessionsEnded => "Sessions of the console, invites and links ended",
        AuditKind::AccessKeyCreated => "Access key created",
        AuditKind::AccessKeyDeleted => "Access key revoked",
        AuditKind::TokenKeyRotated => "Token key replaced or retired",
        AuditKind::RelyingPartyDeleted => "Service deleted",
        AuditKind::WebhookCreated => "Webhook created",
        AuditKind::WebhookUpdated => "Webhook changed",
        AuditKind::WebhookDisabled => "Webhook disabled, because its receiver failed",
        AuditKind::WebhookTested => "Test event sent to a webhook",
        AuditKind::WebhookRedelivered => "Deliveries of a webhook sent again",
        AuditKind::WebhookDeleted => "Webhook deleted",
        AuditKind::AccountCreated => "Account created",
        AuditKind::AccountTokenReset => "Auth Token of the account replaced",
        AuditKind::ApiKeyCreated => "API key created",
        AuditKind::ApiKeyDeleted => "API key revoked",
        AuditKind::UserErased => "What was kept of a person erased",
        AuditKind::StoreRestored => "A backup of the store was restored",
    }
}

/// Who did it, with the names of keys that are still there.
pub(super) fn actor(event: &AuditEvent, names: &KeyNames) -> String {
    let kind = match event.actor.kind {
        ActorKind::Unknown => "not recorded",
        ActorKind::Api => "a back end",
        ActorKind::Admin => "an administrator",
        ActorKind::User => "the person",
        ActorKind::Passkeyd => "passkeyd",
    };
    let mut who = event.actor.name.as_deref().unwrap_or(kind).to_owned();
    if let Some(key) = event.actor.api_key {
        let _ = write!(
            who,
            " with the API key {}",
            called(names.api_key(key), &api_key(key))
        );
    }
    if let Some(key) = event.actor.access_key {
        let id = Uuid(key.0).to_string();
        let _ = write!(
            who,
            " with the access key {}",
            called(names.access_key(key), &id)
        );
    }
    who.push_str(&through(&event.actor.wire));
    if let Some(address) = event.actor.address {
        let _ = write!(who, ", from address {address}");
    }
    who
}

/// The way by which somebody came; empty if none is known.
fn through(wire: &str) -> Cow<'static, str> {
    Cow::Borrowed(match wire {
        "" => "",
        "twilio" => " through the Twilio API",
        "nevis" => " through the Authentication Cloud API",
        "fido" => " through the FIDO conformance API",
        "manage" => " through the management API",
        "console" => " in the console",
        "enrolment" => " with a link for a new passkey",
        "command-line" => " on the command line",
        "import" => " by an import",
        other => return Cow::Owned(format!(" through {other}")),
    })
}

/// A key by its name, if it is known, and its id.
fn called(name: Option<&str>, id: &str) -> String {
    match name {
        Some(name) => format!("\u{201c}{name}\u{201d} ({id})"),
        None => id.to_owned(),
    }
}

/// What follows who did it: why it was refused, and what else is known of it.
pub(super) fn told(event: &AuditEvent) -> String {
    let mut text = String::new();
    if let Some(reason) = event.reason {
        let _ = write!(text, ": {}", reason.what().trim_end_matches('.'));
    }
    let more = details(event);
    if !more.is_empty() {
        let _ = write!(text, ". {more}");
    }
    text
}

/// What the verifier noticed in a ceremony that succeeded, in sentences; empty if there was nothing. The last one has no full stop.
pub(super) fn noticed(event: &AuditEvent) -> String {
    let sentences = event
        .signals
        .split_ascii_whitespace()
        .map(|name| match name {
            "sign_count_not_increased" => {
                "The signature counter did not grow: a copy of the passkey may exist"
            }
            "backup_eligibility_gained" => {
                "The passkey can be synced now. It could not when it was registered"
            }
            "backup_eligibility_lost" => "The passkey can no longer be synced. It could before",
            "backup_state_changed" => "The passkey was synced since its last use, or is no longer",
            "root_certificate_in_path" => "The attestation contains its own root certificate",
            "authenticator_update_available" => "There is newer software for this authenticator",
            "sha1_attestation" => "The attestation is signed with SHA-1",
            UNBOUND => "The response came without the token of its ceremony",
            other => other,
        });
    sentences.collect::<Vec<_>>().join(". ")
}

/// A text as HTML. What stands between backticks becomes code.
pub(super) fn prose(text: impl AsRef<str>) -> String {
    docs::prose(text.as_ref())
}

/// What else is known of it, in sentences; empty if nothing is. The last one has no full stop.
pub(super) fn details(event: &AuditEvent) -> String {
    let Some(details) = &event.details else {
        return String::new();
    };
    let mut text = String::new();
    if let Some(found) = &details.found {
        let _ = write!(text, "Found: {}. ", found.trim_end_matches('.'));
    }
    if let Some(target) = &details.target {
        let name = target.name.as_deref().unwrap_or(&target.id);
        let _ = write!(text, "About the {} {name}. ", target.kind.replace('_', " "));
    }
    for change in &details.changes {
        let shown = |value: &Option<String>| match value {
            Some(value) => format!("\u{201c}{value}\u{201d}"),
            None => "nothing".to_owned(),
        };
        let (old, new) = (shown(&change.old), shown(&change.new));
        let _ = write!(text, "{}: {old} became {new}. ", change.what);
    }
    text.truncate(text.trim_end_matches(['.', ' ']).len());
    text
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use domain::Reason;
    use domain::model::audit::{Actor, Details};
    use domain::model::ids::EventId;

    use super::*;

    #[test]
    fn an_event_is_told_in_sentences_with_one_full_stop_between_them() {
        let by = Actor::new(ActorKind::Api, "twilio").at(Some(IpAddr::from([192, 0, 2, 10])));
        let (id, kind) = (EventId([1; 16]), AuditKind::AuthenticationRefused);
        let event = AuditEvent::new(id, kind, RelyingPartyId([2; 16]), Timestamp(3), &by);
        let mut event = event.reason(Reason::OriginNotAllowed);
        assert_eq!(
            actor(&event, &KeyNames::default()),
            "a back end through the Twilio API, from address 192.0.2.10"
        );
        let why = ": The response comes from a page or an app whose origin is not on the list of allowed origins";
        assert_eq!(told(&event), why);
        for found in ["https://evil.test", "https://evil.test."] {
            event.details = Some(Box::new(Details {
                found: Some(found.to_owned()),
                ..Details::default()
            }));
            assert_eq!(told(&event), format!("{why}. Found: https://evil.test"));
        }
        event.signals = "sign_count_not_increased later".to_owned();
        let noticed = noticed(&event);
        assert!(noticed.starts_with("The signature counter"), "{noticed}");
        assert!(noticed.ends_with("may exist. later"), "{noticed}");
    }

    #[test]
    fn an_identifier_is_read_in_each_of_its_forms() {
        let hex = "0123456789abcdef0123456789abcdef";
        for text in [
            hex,
            "YE0123456789abcdef0123456789abcdef",
            "01234567-89ab-cdef-0123-456789abcdef",
        ] {
            assert_eq!(digits(text), hex);
        }
        assert_eq!(digits("ada"), "ada");
        assert_eq!(digits("é".repeat(17).as_str()), "é".repeat(17));
    }

    #[test]
    fn a_place_in_a_list_reads_back_and_anything_else_is_no_place() {
        let place = cursor(Timestamp(7), [9; 16]);
        let read = position(&place).unwrap();
        assert_eq!((read.created, read.key), (Timestamp(7), [9; 16]));
        for bad in [
            "",
            "7",
            "7.",
            "x.00",
            "7.zz",
            &format!("7.{}", "0".repeat(34)),
        ] {
            assert!(position(bad).is_none(), "{bad}");
        }
    }
}
