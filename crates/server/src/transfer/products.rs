//! The records of products that have more than one passkey, or something around it, as rows.

use serde_json::Value;

use super::rows::Row;

/// The members that are lists of passkeys.
const LISTS: &[&str] = &[
    "credentials",
    "passkeys",
    "Passkeys",
    "Credentials",
    // The API of Passwordless.dev.
    "values",
];

/// A user with a list of credentials below, or one credential.
pub(super) fn nested(place: String, value: &Value) -> Vec<Row> {
    let lists = LISTS.iter().filter_map(|member| match value.get(*member) {
        Some(Value::Array(list)) => Some((*member, list)),
        _ => None,
    });
    let lists: Vec<_> = lists.collect();
    let mut filled = lists.iter().filter(|(_, list)| !list.is_empty());
    match (filled.next(), filled.next()) {
        (Some((first, _)), Some((second, _))) => {
            return vec![Row::ambiguous(place, first, second)];
        }
        (Some((_, list)), None) => {
            let outer = without(value, LISTS);
            return list
                .iter()
                .enumerate()
                .map(|(n, credential)| {
                    let mut row = Row::new(format!("{place}, credential {}", n + 1), credential);
                    row.listed_by(&outer);
                    row
                })
                .collect();
        }
        (None, _) if !lists.is_empty() => return Vec::new(),
        (None, _) => {}
    }
    vec![Row::new(place, value)]
}

/// The handle of a user who came to Hanko with one lies in a table of its own, as text: its bytes are the handle.
pub(super) fn hanko(place: String, value: &Value) -> Vec<Row> {
    let mut value = value.clone();
    let lists = ["credentials", "webauthn_credentials"];
    let listed = lists.into_iter().find_map(|list| {
        value
            .get(list)?
            .as_array()
            .cloned()
            .map(|rows| (list, rows))
    });
    if let Some((list, mut rows)) = listed {
        rows.iter_mut().for_each(handle_as_bytes);
        if let Some(user) = value.as_object_mut() {
            user.remove(list);
            user.insert("credentials".to_owned(), rows.into());
        }
    }
    handle_as_bytes(&mut value);
    nested(place, &value)
}

fn handle_as_bytes(credential: &mut Value) {
    let Some(member) = credential.get_mut("user_handle") else {
        return;
    };
    let handle = member.get("handle").unwrap_or(member);
    *member = match handle.as_str() {
        Some(text) if !text.is_empty() => text.as_bytes().into(),
        _ => Value::Null,
    };
}

pub(super) fn keycloak(place: &str, value: &Value) -> Vec<Row> {
    let users = match value.get("users") {
        Some(Value::Array(users)) => users.clone(),
        _ => vec![value.clone()],
    };
    // The policies of the realm, which a file of users alone does not have. Without one, the RP ID is the host of Keycloak.
    let policy = |member: &str| value.get(member).cloned().unwrap_or_default();
    let first = policy("webAuthnPolicyPasswordlessRpId");
    let second = policy("webAuthnPolicyRpId");
    let mut rows = Vec::new();
    for user in &users {
        let name = user.get("username").and_then(Value::as_str);
        let name = name.unwrap_or_default();
        let credentials = user.get("credentials").and_then(Value::as_array);
        for credential in credentials.into_iter().flatten() {
            let kind = credential.get("type").and_then(Value::as_str);
            if !kind.is_some_and(|kind| kind.starts_with("webauthn")) {
                continue;
            }
            let is_second = kind == Some("webauthn");
            let mut row = Row::new(format!("{place}, user {name}"), &Value::Null);
            let data = credential.get("credentialData").unwrap_or(&Value::Null);
            row.add("", data);
            let of = |member: &str| credential.get(member).cloned().unwrap_or_default();
            for (member, value) in [
                ("name", of("userLabel")),
                ("created", of("createdDate")),
                ("secondfactor", is_second.into()),
                ("rpid", if is_second { &second } else { &first }.clone()),
            ] {
                row.put(member, &value);
            }
            row.listed_by(&without(user, &["credentials"]));
            rows.push(row);
        }
    }
    rows
}

/// A record without its lists.
fn without(value: &Value, lists: &[&str]) -> Value {
    let mut value = value.clone();
    if let Value::Object(members) = &mut value {
        members.retain(|name, _| !lists.contains(&name.as_str()));
    }
    value
}

pub(super) fn kratos(place: &str, value: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    let identity = without(value, &["credentials"]);
    for kind in ["passkey", "webauthn"] {
        let method = value.get("credentials").and_then(|c| c.get(kind));
        let Some(config) = method.and_then(|method| method.get("config")) else {
            continue;
        };
        let credentials = config.get("credentials").and_then(Value::as_array);
        for (n, credential) in credentials.into_iter().flatten().enumerate() {
            let mut row = Row::new(format!("{place}, {kind} {}", n + 1), credential);
            row.put(
                "userhandle",
                config.get("user_handle").unwrap_or(&Value::Null),
            );
            let passwordless = credential.get("is_passwordless").and_then(Value::as_bool);
            let second = kind == "webauthn" && passwordless != Some(true);
            row.put("secondfactor", &second.into());
            row.listed_by(&identity);
            rows.push(row);
        }
    }
    rows
}
