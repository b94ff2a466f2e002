//! The records of products that have more than one passkey, or something around it, as rows.

use serde_json::Value;

use super::names::{NAMES, find};
use super::rows::{Row, one_name, plain};
use super::source::Source;

/// The members that are lists of passkeys, by their plain names.
const LISTS: &[&str] = &["credentials", "passkeys", "webauthncredentials"];
/// That of the API of Passwordless.dev.
const VALUES: &str = "values";

/// A user with a list of passkeys, a list of records, or one record.
pub(super) fn nested(place: String, value: &Value, source: Source) -> Vec<Row> {
    let Some(members) = value.as_object() else {
        return vec![Row::refused(place, NO_OBJECT)];
    };
    // The API of Passwordless.dev has `values`.
    let is_list = |name: &str| {
        let name = plain(name);
        LISTS.contains(&&*name) || source.lists_records() && name == VALUES
    };
    let outer = without(value, is_list);
    let own = Row::new(place.clone(), &outer);
    let is_one = find(&own, NAMES.key).is_some();
    let mut lists = Vec::new();
    let mut wrong = None;
    let mut any = false;
    for (name, list) in members.iter().filter(|(name, _)| is_list(name)) {
        any = true;
        match list {
            Value::Array(list) if list.is_empty() => {}
            Value::Array(list) => lists.push((name, list)),
            Value::Null => {}
            _ => {
                wrong.get_or_insert_with(|| {
                    format!("its {name} is no list: write it as a list of JSON")
                });
            }
        }
    }
    if let [(first, _), (second, _), ..] = &lists[..] {
        wrong.get_or_insert_with(|| one_name(first, second));
    }
    if let ([(name, _)], true) = (&lists[..], is_one) {
        wrong.get_or_insert_with(|| {
            format!("it is a passkey, and it has a list of passkeys, {name}")
        });
    }
    let within = lists.iter().flat_map(|(_, list)| list.iter());
    let unread: Vec<_> = within.chain([&outer]).filter_map(unread_list).collect();
    let is_user = !is_one && (any || !unread.is_empty());
    let mut rows = match (wrong, &lists[..]) {
        (Some(why), _) => vec![Row::refused(place.clone(), why)],
        (None, [(name, list)]) => {
            let known = LISTS.iter().find(|known| **known == plain(name));
            let name = known.copied().unwrap_or(VALUES);
            of_list(&place, (name, list), &own, source)
        }
        (None, _) if is_user => Vec::new(),
        (None, _) if unread.is_empty() => return vec![own],
        (None, _) => vec![own.clone()],
    };
    rows.extend(unread.iter().map(|list| {
        let why = format!("its list {list} has passkeys and is not read: passkeys of a user are in one list, credentials or passkeys");
        Row::refused(place.clone(), why)
    }));
    if !source.lists_records() && (is_user || !lists.is_empty()) {
        rows.push(Row::person(&own));
    }
    rows
}

/// The name of a list of passkeys that is nowhere looked for: in a record, or within an object of it.
fn unread_list(value: &Value) -> Option<String> {
    let mut members = value.as_object()?.iter();
    members.find_map(|(name, value)| match value {
        Value::Array(list) => list.iter().any(is_passkey).then(|| name.clone()),
        other => unread_list(other).map(|below| format!("{name}.{below}")),
    })
}

/// Whether a value looks like a passkey.
fn is_passkey(value: &Value) -> bool {
    let row = Row::new("", value);
    find(&row, NAMES.id).is_some() && find(&row, NAMES.key).is_some()
}

/// The passkeys in a list of a user, or of a document.
fn of_list(
    place: &str,
    (name, list): (&'static str, &[Value]),
    owner: &Row,
    source: Source,
) -> Vec<Row> {
    let names = source.user_names().iter().chain(NAMES.user_id);
    let names: Vec<_> = names.copied().collect();
    let rows = (1..).zip(list);
    let mut rows: Vec<_> = rows
        .map(|(n, credential)| {
            let place = format!("{place}, credential {n}");
            if !credential.is_object() {
                return Row::refused(place, NO_OBJECT);
            }
            let mut row = Row::new(place, credential);
            if source.lists_records() {
                row.beside(owner, name);
            } else {
                row.listed_by(owner, name);
            }
            row.agrees_on(&names);
            row
        })
        .collect();
    if source.lists_records() {
        if let Some(path) = names.iter().find(|path| owner.get(path).is_some()) {
            let why = format!(
                "with this product the records of a list name their users, and {path} is beside the list: write it into each record"
            );
            refuse_all(&mut rows, &why);
        }
        return rows;
    }
    // Passkeys of several users cannot be in the list of one.
    for path in names {
        let mut values = rows.iter().filter_map(|row| row.get(path));
        let first = values.next();
        if values.any(|other| Some(other) != first) {
            let why = format!(
                "the passkeys of the list have different values of {path}, and a user has it: write the list alone if its records name their users"
            );
            refuse_all(&mut rows, &why);
        }
    }
    rows
}

fn refuse_all(rows: &mut [Row], why: &str) {
    for row in rows {
        row.refuse(why.to_owned());
    }
}

/// Why what is no object is refused.
const NO_OBJECT: &str = "it is no object, as the product writes it";

/// A record without some members.
fn without(value: &Value, left_out: impl Fn(&str) -> bool) -> Value {
    let members = value.as_object().into_iter().flatten();
    let kept = members.filter(|(name, _)| !left_out(name));
    Value::Object(
        kept.map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

/// The handle of a user who came to Hanko with one lies in a table of its own, as text: its bytes are the handle.
pub(super) fn hanko(place: String, value: &Value) -> Vec<Row> {
    let mut value = value.clone();
    for (_, list) in value.as_object_mut().into_iter().flatten() {
        if let Value::Array(list) = list {
            list.iter_mut().for_each(handle_as_bytes);
        }
    }
    handle_as_bytes(&mut value);
    nested(place, &value, Source::Hanko)
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
        Some(Value::Array(users)) => &users[..],
        Some(_) => return vec![Row::refused(place, NO_OBJECT)],
        None => std::slice::from_ref(value),
    };
    // The policies of the realm, which a file of users alone does not have. Without one, the RP ID is the host of Keycloak.
    let policy = |member: &str| value.get(member).cloned().unwrap_or_default();
    let first = policy("webAuthnPolicyPasswordlessRpId");
    let second = policy("webAuthnPolicyRpId");
    let mut rows = Vec::new();
    for user in users {
        let name = user.get("username").and_then(Value::as_str);
        let name = name.unwrap_or_default();
        let place = format!("{place}, user {name}");
        let owner = Row::new("", &without(user, |member| member == "credentials"));
        rows.push(Row::person(&owner));
        let is_read = matches!(
            user.get("credentials"),
            None | Some(Value::Null | Value::Array(_))
        );
        if !user.is_object() || !is_read {
            rows.push(Row::refused(place, NO_OBJECT));
            continue;
        }
        for credential in webauthn_credentials(user) {
            if !credential.is_object() {
                rows.push(Row::refused(place.clone(), NO_OBJECT));
                continue;
            }
            let is_second = credential.get("type") == Some(&"webauthn".into());
            let mut row = Row::new(place.clone(), &Value::Null);
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
            row.listed_by(&owner, "credentials");
            rows.push(row);
        }
    }
    let federated = value.get("federatedUsers").and_then(Value::as_array);
    for user in federated.into_iter().flatten() {
        let why = "it belongs to a user of a federation, and the file has no name of such a user: import the users of the federation into Keycloak first";
        let found = webauthn_credentials(user);
        rows.extend(found.map(|_| Row::refused(format!("{place}, a federated user"), why)));
    }
    rows
}

/// The passkeys and security keys of a user of Keycloak.
fn webauthn_credentials(user: &Value) -> impl Iterator<Item = &Value> {
    let all = user.get("credentials").and_then(Value::as_array);
    // One without a type is no password, as far as it says.
    all.into_iter().flatten().filter(|credential| {
        let kind = credential.get("type").and_then(Value::as_str);
        kind.is_none_or(|kind| kind.to_ascii_lowercase().starts_with("webauthn"))
    })
}

pub(super) fn kratos(place: &str, value: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    if !value.is_object() {
        return vec![Row::refused(place, NO_OBJECT)];
    }
    let identity = Row::new("", &without(value, |member| member == "credentials"));
    rows.push(Row::person(&identity));
    let methods = value.get("credentials");
    if methods.is_some_and(|methods| !methods.is_object() && !methods.is_null()) {
        let why = "its credentials are no object, as Kratos writes them";
        rows.push(Row::refused(place, why));
        return rows;
    }
    for kind in ["passkey", "webauthn"] {
        let Some(method) = methods.and_then(|methods| methods.get(kind)) else {
            continue;
        };
        let config = method.get("config").unwrap_or(&Value::Null);
        let Some(credentials) = config.get("credentials").and_then(Value::as_array) else {
            let why = "its config with the credentials is not in the file: list the identities with include_credential=passkey and include_credential=webauthn";
            rows.push(Row::refused(format!("{place}, {kind}"), why));
            continue;
        };
        for (n, credential) in credentials.iter().enumerate() {
            let mut row = Row::new(format!("{place}, {kind} {}", n + 1), credential);
            row.put(
                "userhandle",
                config.get("user_handle").unwrap_or(&Value::Null),
            );
            let passwordless = credential.get("is_passwordless").and_then(Value::as_bool);
            let second = kind == "webauthn" && passwordless != Some(true);
            row.put("secondfactor", &second.into());
            row.listed_by(&identity, "credentials");
            rows.push(row);
        }
    }
    rows
}
