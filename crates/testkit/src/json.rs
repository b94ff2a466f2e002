//! Helpers that break a finished credential JSON.

use serde_json::{Map, Value};

/// Removes the member at the dotted `path` (`response.clientDataJSON`) and gives it back; absent stays absent.
pub fn without(value: &mut Value, path: &str) -> Option<Value> {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut at = value;
    for name in parents.split('.').filter(|name| !name.is_empty()) {
        at = at.get_mut(name)?;
    }
    at.as_object_mut()?.remove(last)
}

/// Writes `new` at the dotted `path`; whatever on the way is not an object becomes one.
pub fn set(value: &mut Value, path: &str, new: impl Into<Value>) {
    let mut at = value;
    for name in path.split('.') {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[name];
    }
    *at = new.into();
}

/// Adds to the base64url text at the dotted `path` the padding that it lacks.
pub fn pad(value: &mut Value, path: &str) {
    let place = path.split('.').fold(value, |at, name| &mut at[name]);
    if let Value::String(text) = place {
        text.push_str(&"=".repeat((4 - text.len() % 4) % 4));
    }
}

/// The shape that Twilio's own browser library gives: the members of `response` at the top level, no `response`.
#[must_use]
pub fn flat(mut credential: Value) -> Value {
    if let (Some(Value::Object(response)), Some(object)) = (
        without(&mut credential, "response"),
        credential.as_object_mut(),
    ) {
        object.extend(response);
    }
    credential
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn without_removes_exactly_the_named_member() {
        let mut value = json!({"id": "a", "response": {"x": 1, "y": 2}});
        assert_eq!(without(&mut value, "response.x"), Some(json!(1)));
        assert_eq!(without(&mut value, "response.z"), None);
        assert_eq!(without(&mut value, "absent.x"), None);
        assert_eq!(value, json!({"id": "a", "response": {"y": 2}}));
        assert_eq!(without(&mut value, "response"), Some(json!({"y": 2})));
        assert_eq!(value, json!({"id": "a"}));
    }

    #[test]
    fn set_writes_through_missing_objects() {
        let mut value = json!({"id": "a", "response": null});
        set(&mut value, "id", "b");
        set(&mut value, "response.x.y", 3);
        assert_eq!(value, json!({"id": "b", "response": {"x": {"y": 3}}}));
    }

    #[test]
    fn pad_completes_the_last_group_of_four() {
        let mut value = json!({"a": "AA", "b": {"c": "AAA"}, "d": "AAAA", "e": 1});
        for path in ["a", "b.c", "d", "e"] {
            pad(&mut value, path);
        }
        assert_eq!(
            value,
            json!({"a": "AA==", "b": {"c": "AAA="}, "d": "AAAA", "e": 1})
        );
    }

    #[test]
    fn flat_lifts_the_members_of_response() {
        assert_eq!(
            flat(json!({"id": "a", "response": {"x": 1}})),
            json!({"id": "a", "x": 1})
        );
    }
}
