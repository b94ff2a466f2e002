//! What an event has beside what every event has.

use serde::Serialize;
use webauthn::UnixSeconds;

use super::details::{Change, Details, MAX_FOUND, MAX_VALUE, More, Target, differences, kept};
use super::{AuditEvent, AuditKind};
use crate::model::grant::{Grant, Scopes};
use crate::model::ids::CredentialKey;

/// What a change is called that removes a credential with its user.
const REMOVED: &str = "credential";

impl AuditEvent {
    /// What this event has that few events have, as one text; `None` if there is nothing. The event of a sign-in has nothing.
    pub fn more(&self) -> Option<String> {
        let (key, name) = (self.actor.api_key, self.actor.name.as_deref());
        let nothing = self.details.is_none() && key.is_none() && name.is_none();
        if nothing || self.kind == AuditKind::Authenticated {
            return None;
        }
        let details = self.details.as_deref().cloned().unwrap_or_default();
        let more = More {
            api_key: key,
            actor_name: name.map(str::to_owned),
            found: details.found,
            target: details.target,
            changes: details.changes,
            case: details.case,
        };
        serde_json::to_string(&more).ok()
    }

    /// Takes in a text of [`Self::more`]; `false` if it is not one.
    #[must_use]
    pub fn take_more(&mut self, text: &str) -> bool {
        let Ok(more) = serde_json::from_str::<More>(text) else {
            return false;
        };
        self.actor.api_key = more.api_key;
        self.actor.name = more.actor_name;
        let details = Details {
            found: more.found,
            target: more.target,
            changes: more.changes,
            case: more.case,
        };
        self.details = Some(details)
            .filter(|details| *details != Details::default())
            .map(Box::new);
        true
    }

    /// Removes what identifies the user. What happened, when and why stays.
    pub fn erase(&mut self) {
        self.user = None;
        self.user_name = None;
        self.credential = None;
        self.details = None;
        self.actor.api_key = None;
        self.actor.name = None;
        self.actor.address = None;
        self.actor.user_agent = None;
    }

    fn details_mut(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// Names the value that led to a refusal. The text is untrusted: control characters are removed, and what is longer than
    /// [`MAX_FOUND`] bytes is cut off.
    #[must_use]
    pub fn found(mut self, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.details_mut().found = Some(kept(value, MAX_FOUND));
        }
        self
    }

    /// Keeps what a refused response was verified against, and the response.
    #[must_use]
    pub fn case(mut self, case: Option<String>) -> Self {
        if case.is_some() {
            self.details_mut().case = case;
        }
        self
    }

    /// Names the record concerned.
    #[must_use]
    pub fn target(mut self, kind: &str, id: &str, name: Option<&str>) -> Self {
        self.details_mut().target = Some(Target {
            kind: kind.to_owned(),
            id: id.to_owned(),
            name: name.map(|name| kept(name, MAX_FOUND)),
        });
        self
    }

    /// Tells that one value changed.
    #[must_use]
    pub fn change(mut self, what: &str, old: Option<&str>, new: Option<&str>) -> Self {
        let cut = |value: &str| kept(value, MAX_VALUE);
        self.details_mut().changes.push(Change {
            what: what.to_owned(),
            old: old.map(cut),
            new: new.map(cut),
        });
        self
    }

    /// Tells what was granted to a key, where that is less than everything.
    #[must_use]
    pub fn granting(self, grant: &Grant) -> Self {
        let mut event = self;
        if grant.scopes != Scopes::ALL {
            let names: Vec<_> = grant.scopes.names().collect();
            event = event.change("scopes", None, Some(&names.join(", ")));
        }
        if let Some(expires) = grant.expires {
            let moment = UnixSeconds(expires.seconds()).to_string();
            event = event.change("expires_at", None, Some(&moment));
        }
        event
    }

    /// Tells that these credentials are removed.
    #[must_use]
    pub fn removing(self, keys: impl IntoIterator<Item = CredentialKey>) -> Self {
        keys.into_iter().fold(self, |event, key| {
            event.change(REMOVED, Some(&key.to_hex()), None)
        })
    }

    /// The credentials that are removed.
    pub(crate) fn removed(&self) -> impl Iterator<Item = CredentialKey> {
        let changes = self.details.iter().flat_map(|details| &details.changes);
        changes
            .filter(|change| change.what == REMOVED && change.new.is_none())
            .filter_map(|change| CredentialKey::from_hex(change.old.as_deref()?))
    }

    /// Tells each value in which two forms of a record differ, but for those of these names.
    #[must_use]
    pub fn changed<T: Serialize>(mut self, before: &T, after: &T, but: &[&str]) -> Self {
        let changes = differences(before, after, but);
        if !changes.is_empty() {
            self.details_mut().changes = changes;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::audit::{Actor, ActorKind};
    use crate::model::clock::Timestamp;
    use crate::model::ids::ApiKeyId;
    use crate::model::ids::{EventId, RelyingPartyId};

    fn event(kind: AuditKind, by: &Actor) -> AuditEvent {
        let rp = RelyingPartyId([1; 16]);
        AuditEvent::new(EventId([2; 16]), kind, rp, Timestamp(3), by)
    }

    #[test]
    fn a_change_names_the_values_that_differ_and_no_others() {
        let by = Actor::new(ActorKind::Admin, "");
        let before =
            json!({"version": 1, "name": "a", "policy": {"x": [1], "same": true}, "gone": 1});
        let after =
            json!({"version": 2, "name": "b", "policy": {"x": [1, 2], "same": true}, "here": null});
        let event =
            event(AuditKind::RelyingPartyUpdated, &by).changed(&before, &after, &["version"]);
        let changes = event.details.unwrap().changes;
        let told: Vec<_> = changes
            .iter()
            .map(|c| (c.what.as_str(), c.old.as_deref(), c.new.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("gone", Some("1"), None),
                ("name", Some("a"), Some("b")),
                ("policy.x", Some("[1]"), Some("[1,2]")),
                ("here", None, None),
            ]
        );
    }

    #[test]
    fn what_is_kept_is_bounded_and_comes_back() {
        let mut by = Actor::new(ActorKind::Admin, "");
        by.name = Some("Ada".to_owned());
        by.api_key = Some(ApiKeyId([4; 16]));
        let long = "\u{e9}\n".repeat(MAX_FOUND);
        let written = event(AuditKind::AuthenticationRefused, &by)
            .found(Some(&long))
            .target("webhook", "05", Some("orders"))
            .change("url", None, Some("https://a.example"));
        let found = written.details.as_ref().unwrap().found.as_deref().unwrap();
        assert!(found.len() <= MAX_FOUND && !found.contains('\n'));
        let text = written.more().unwrap();
        let mut read = event(
            AuditKind::AuthenticationRefused,
            &Actor::new(ActorKind::Admin, ""),
        );
        assert!(read.take_more(&text));
        assert_eq!(read, written);
        assert!(!read.take_more("not JSON"));
    }

    #[test]
    fn a_sign_in_keeps_no_details() {
        let mut by = Actor::new(ActorKind::Api, "twilio");
        by.api_key = Some(ApiKeyId([4; 16]));
        assert_eq!(event(AuditKind::Authenticated, &by).more(), None);
        assert!(event(AuditKind::RegistrationStarted, &by).more().is_some());
    }
}
