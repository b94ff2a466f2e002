//! What few events have. A store keeps it as one text, so that the events of successful sign-ins, which are most of them, stay small.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AuditEvent, AuditKind};
use crate::model::ids::ApiKeyId;

/// Longest value that was found, in bytes; the rest is cut off.
pub const MAX_FOUND: usize = 256;

/// Longest old or new value of a change, in bytes; the rest is cut off.
pub const MAX_VALUE: usize = 2048;

/// Most changes that one event tells.
pub const MAX_CHANGES: usize = 64;

/// The record that an event is about, where it is none of those that each event can name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What it is, such as `webhook`.
    pub kind: String,
    /// Its key, as 32 hex digits.
    pub id: String,
    /// Its name at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One value that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which: the names on the way to it, with dots between them.
    pub what: String,
    /// The value before: a text, or JSON. `None`: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The value after, in the same form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// What few events have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The value that led to a refusal, such as the origin that was seen.
    pub found: Option<String>,
    /// The record concerned.
    pub target: Option<Target>,
    /// What changed.
    pub changes: Vec<Change>,
}

/// The form in which all that is kept.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct More {
    /// The API key that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeyId>,
    /// Name of who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_name: Option<String>,
    /// The value that led to a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The record concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// What changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

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
        };
        self.details = Some(details)
            .filter(|details| *details != Details::default())
            .map(Box::new);
        true
    }

    fn details_mut(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// Names the value that led to a refusal. The text is untrusted: control characters are removed, and what is longer than
    /// [`MAX_FOUND`] bytes is cut off.
    #[must_use]
    pub fn found(mut self, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.details_mut().found = Some(super::kept(value, MAX_FOUND));
        }
        self
    }

    /// Names the record concerned.
    #[must_use]
    pub fn target(mut self, kind: &str, id: &str, name: Option<&str>) -> Self {
        self.details_mut().target = Some(Target {
            kind: kind.to_owned(),
            id: id.to_owned(),
            name: name.map(|name| super::kept(name, MAX_FOUND)),
        });
        self
    }

    /// Tells that one value changed.
    #[must_use]
    pub fn change(mut self, what: &str, old: Option<&str>, new: Option<&str>) -> Self {
        let cut = |value: &str| super::kept(value, MAX_VALUE);
        self.details_mut().changes.push(Change {
            what: what.to_owned(),
            old: old.map(cut),
            new: new.map(cut),
        });
        self
    }

    /// Tells each value in which two forms of a record differ, but for those of these names: the [`MAX_CHANGES`] first.
    #[must_use]
    pub fn changed<T: Serialize>(mut self, before: &T, after: &T, but: &[&str]) -> Self {
        let (Ok(before), Ok(after)) = (serde_json::to_value(before), serde_json::to_value(after))
        else {
            return self;
        };
        let mut changes = Vec::new();
        compare("", Some(&before), Some(&after), but, &mut changes);
        if !changes.is_empty() {
            self.details_mut().changes = changes;
        }
        self
    }
}

fn compare(
    at: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    but: &[&str],
    changes: &mut Vec<Change>,
) {
    if before == after || but.contains(&at) || changes.len() >= MAX_CHANGES {
        return;
    }
    if let (Some(Value::Object(old)), Some(Value::Object(new))) = (before, after) {
        let added = new.keys().filter(|name| !old.contains_key(*name));
        for name in old.keys().chain(added) {
            let at = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}.{name}")
            };
            compare(&at, old.get(name), new.get(name), but, changes);
        }
        return;
    }
    changes.push(Change {
        what: at.to_owned(),
        old: value(before),
        new: value(after),
    });
}

fn value(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(super::kept(&text, MAX_VALUE))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::audit::{Actor, ActorKind};
    use crate::model::clock::Timestamp;
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
