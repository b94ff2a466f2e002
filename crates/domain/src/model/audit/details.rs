//! What few events have. A store keeps it as one text, so that the events of successful sign-ins, which are most of them, stay small.

use crate::model::text::is_control;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::ids::ApiKeyId;

/// Longest value that was found, in bytes; the rest is cut off.
pub const MAX_FOUND: usize = 256;

/// Longest old or new value of a change, in bytes; the rest is cut off.
pub const MAX_VALUE: usize = 2048;

/// Most changes of settings that one event has. Removed credentials are not limited by it: webhooks are told of each.
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
    /// The value that led to a refusal, such as the origin that was seen; of a webhook that was disabled, why.
    pub found: Option<String>,
    /// The record concerned.
    pub target: Option<Target>,
    /// What changed.
    pub changes: Vec<Change>,
    /// What a refused response was verified against, and the response: a text of [`case`](super::case).
    pub case: Option<String>,
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
    /// What a refused response was verified against, and the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
}

/// Each value in which two forms of a record differ, but for those of these names: the [`MAX_CHANGES`] first.
pub fn differences<T: Serialize>(before: &T, after: &T, but: &[&str]) -> Vec<Change> {
    let mut changes = Vec::new();
    if let (Ok(before), Ok(after)) = (serde_json::to_value(before), serde_json::to_value(after)) {
        compare("", Some(&before), Some(&after), but, &mut changes);
    }
    changes
}

/// Adds each value in which two forms of a record differ, but for those of these names, as long as there is room.
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
    Some(kept(&text, MAX_VALUE))
}

/// A text without control characters, and without what is beyond so many bytes.
pub(super) fn kept(text: &str, most: usize) -> String {
    let mut kept = String::new();
    for c in text.chars().filter(|c| !is_control(*c)) {
        if kept.len() + c.len_utf8() > most {
            break;
        }
        kept.push(c);
    }
    kept
}
