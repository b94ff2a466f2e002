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
            let mut outer = value.clone();
            if let Value::Object(outer) = &mut outer {
                outer.retain(|name, _| !LISTS.contains(&name.as_str()));
            }
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
        let text = |member: &str| user.get(member).and_then(Value::as_str).unwrap_or_default();
        let (id, name) = (text("id"), text("username"));
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
            for (member, value) in [
                ("username", name.into()),
                ("userid", id.into()),
                (
                    "name",
                    credential.get("userLabel").cloned().unwrap_or_default(),
                ),
                (
                    "created",
                    credential.get("createdDate").cloned().unwrap_or_default(),
                ),
                ("secondfactor", is_second.into()),
                ("rpid", if is_second { &second } else { &first }.clone()),
                (
                    "userenabled",
                    user.get("enabled").cloned().unwrap_or_default(),
                ),
            ] {
                row.put(member, &value);
            }
            rows.push(row);
        }
    }
    rows
}

pub(super) fn kratos(place: &str, value: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    for kind in ["passkey", "webauthn"] {
        let method = value.get("credentials").and_then(|c| c.get(kind));
        let Some(config) = method.and_then(|method| method.get("config")) else {
            continue;
        };
        let identifiers = method.and_then(|method| method.get("identifiers"));
        let identifier = identifiers.and_then(|list| list.get(0));
        let id = value.get("id").cloned().unwrap_or_default();
        // The identifier of a passkey is its handle, so the name is another one.
        let traits = value.get("traits");
        let trait_of = |name: &str| traits.and_then(|traits| traits.get(name));
        let names = [
            ("username", trait_of("username")),
            ("email", trait_of("email")),
            ("login", identifier.filter(|_| kind == "webauthn")),
        ];
        let credentials = config.get("credentials").and_then(Value::as_array);
        for (n, credential) in credentials.into_iter().flatten().enumerate() {
            let mut row = Row::new(format!("{place}, {kind} {}", n + 1), credential);
            for (member, name) in names {
                row.put(member, name.unwrap_or(&Value::Null));
            }
            row.put("userid", &id);
            row.put("userstate", value.get("state").unwrap_or(&Value::Null));
            row.add("traits", traits.unwrap_or(&Value::Null));
            row.put(
                "userhandle",
                config.get("user_handle").unwrap_or(&Value::Null),
            );
            let passwordless = credential.get("is_passwordless").and_then(Value::as_bool);
            let second = kind == "webauthn" && passwordless != Some(true);
            row.put("secondfactor", &second.into());
            rows.push(row);
        }
    }
    rows
}
