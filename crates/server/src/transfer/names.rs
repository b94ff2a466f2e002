//! The names that the members of records have with other products.

use serde_json::Value;

use super::rows::{Row, is_at, plain};

/// The names of the members of a row, plain (see [`Row`]).
pub(super) struct Names {
    /// Paths below which the members may be, but for those that say whose passkey it is (`user`, `user_id`): these are exact paths.
    pub(super) below: &'static [&'static str],
    pub(super) id: &'static [&'static str],
    pub(super) key: &'static [&'static str],
    pub(super) user: &'static [&'static str],
    /// What differs between two users of one name.
    pub(super) same_user: &'static [&'static str],
    /// The id of a user who has a list, before `user_id`: elsewhere these are members of the passkey.
    pub(super) id_of_owner: &'static [&'static str],
    pub(super) user_id: &'static [&'static str],
    pub(super) handle: &'static [&'static str],
    pub(super) counter: &'static [&'static str],
    pub(super) cloned: &'static [&'static str],
    pub(super) transports: &'static [&'static str],
    pub(super) eligible: &'static [&'static str],
    pub(super) state: &'static [&'static str],
    pub(super) verified: &'static [&'static str],
    pub(super) aaguid: &'static [&'static str],
    pub(super) discoverable: &'static [&'static str],
    pub(super) name: &'static [&'static str],
    pub(super) created: &'static [&'static str],
    pub(super) used: &'static [&'static str],
    pub(super) rp_id: &'static [&'static str],
}

pub(super) const NAMES: Names = Names {
    below: &[
        "",
        "credential.",
        "passkey.",
        "data.",
        "cred.",
        "passkey.cred.",
        "credential.cred.",
        // Columns of a join.
        "credential",
        "passkey",
    ],
    id: &[
        "credentialid",
        "credid",
        "credential.id",
        "passkey.id",
        "descriptor.id",
        "descriptorid",
        "publickeycredentialid",
        "id",
        "externalid",
        "rawid",
        "passkeyid",
        "keyid",
    ],
    key: &["publickey", "credentialpublickey", "credpublickey", "cred"],
    user: &[
        "username",
        "user",
        "identity",
        "login",
        "loginid",
        "identifier",
        "userid",
        "internaluserid",
        "email",
        "user.username",
        "user.login",
        "user.id",
        "user.email",
    ],
    user_id: &[
        "userid",
        "useruuid",
        "useruniqueid",
        "internaluserid",
        "user.id",
        "user",
    ],
    id_of_owner: &["id", "_id", "uuid", "sub"],
    same_user: &[
        "userid",
        "useruuid",
        "useruniqueid",
        "internaluserid",
        "user",
        "useruid",
        "usersub",
        "usersid",
        "uid",
        "sub",
        "localid",
        "authenticatableid",
        "account",
        "accountid",
        "owner",
        "ownerid",
        "customer",
        "customerid",
        "member",
        "memberid",
        "person",
        "personid",
        "realm",
        "tenant",
        "tenantid",
    ],
    handle: &["webauthnuserid", "userhandle", "webauthnid", "user.handle"],
    counter: &[
        "counter",
        "signcount",
        "signaturecounter",
        "authenticator.signcount",
        "authenticatorsigncount",
    ],
    cloned: &[
        "clonewarning",
        "authenticator.clonewarning",
        "authenticatorclonewarning",
    ],
    transports: &[
        "transports",
        "transport",
        "descriptor.transports",
        "descriptortransports",
    ],
    eligible: &[
        "backupeligible",
        "isbackupeligible",
        "flags.backupeligible",
        "flagsbackupeligible",
    ],
    state: &[
        "backedup",
        "backupstate",
        "backupstatus",
        "isbackedup",
        "flags.backupstate",
        "flagsbackupstate",
        "credentialbackedup",
    ],
    verified: &[
        "userverified",
        "isuserverified",
        "uvinitialized",
        "verified",
        "flags.userverified",
        "flagsuserverified",
        "authenticatorsupportsuserverification",
    ],
    aaguid: &["aaguid", "authenticator.aaguid", "authenticatoraaguid"],
    discoverable: &["isdiscoverable", "discoverable"],
    name: &[
        "name",
        "nickname",
        "displayname",
        "label",
        "userlabel",
        "friendlyname",
        "credentialname",
    ],
    created: &["createdat", "created", "createddate", "insertinstant"],
    used: &["lastusedat", "lastused", "lastuseinstant", "lastauthat"],
    rp_id: &["rpid", "relyingpartyid", "rp.id"],
};

/// The first of these members that the record of a passkey has.
pub(super) fn find<'a>(row: &'a Row, names: &[&str]) -> Option<&'a Value> {
    let mut paths = names.iter().flat_map(|name| {
        NAMES
            .below
            .iter()
            .map(move |below| format!("{below}{name}"))
    });
    paths.find_map(|path| row.get(&path))
}

/// Members that libraries and products write into records, and that decide nothing here.
const SIDE_MEMBERS: &[&str] = &[
    "_id",
    "addedat",
    "algorithm",
    "attachment",
    "attestation.authenticatordata",
    "attestation.clientdatahash",
    "attestation.clientdatajson",
    "attestation.object",
    "attestation.publickeyalgorithm",
    "attestationfmt",
    "attestationformat",
    "attestationobject",
    "attestationstatement",
    "attestationstatementformat",
    "attestationtype",
    "authenticator.attachment",
    "authenticatordisplayname",
    "clientdatahash",
    "clientdatajson",
    "country",
    "device",
    "flags.userpresent",
    "flagsuserpresent",
    "identityuserid",
    "ispasswordless",
    "origin",
    "registrationpolicy",
    "schemaid",
    "schemaurl",
    "tenantid",
    "traits.email",
    "traits.username",
    "updatedat",
    "useragent",
    "validatedbconstraints",
];
/// Objects of libraries that decide nothing here, whatever is in them.
const SIDE_OBJECTS: &[&str] = &[
    "attestation.data",
    "attestation.metadata",
    "extensions.appid",
    "extensions.credprops",
    "extensions.credprotect",
    "extensions.hmaccreatesecret",
    "trustpath",
];
/// Values of `type` that say what a passkey is.
const TYPES: &[&str] = &["publickey", "webauthn", "webauthnpasswordless", "passkey"];
/// Members that say how a passkey signs in.
const KIND_MEMBERS: &[&str] = &[
    "devicetype",
    "credentialdevicetype",
    "secondfactor",
    "ismfa",
    "mfaonly",
];

/// Whether a member is one that the import reads, or one that decides nothing.
pub(super) fn is_known(path: &str, value: &Value) -> bool {
    let of_user = [NAMES.user, NAMES.user_id, NAMES.id_of_owner];
    let own = [
        NAMES.id,
        NAMES.key,
        NAMES.handle,
        NAMES.counter,
        NAMES.cloned,
        NAMES.transports,
        NAMES.eligible,
        NAMES.state,
        NAMES.verified,
        NAMES.aaguid,
        NAMES.discoverable,
        NAMES.name,
        NAMES.created,
        NAMES.used,
        NAMES.rp_id,
        KIND_MEMBERS,
    ];
    // What is in an object that is not looked into may say anything.
    let is_simple = match value {
        Value::Null | Value::Number(_) => true,
        Value::String(text) => !text.trim_start().starts_with(['{', '[']),
        _ => false,
    };
    let is_name = |value: &Value| match value {
        Value::Object(one) => one.keys().all(|name| plain(name) == "name"),
        other => !other.is_array(),
    };
    let holds = value.as_array();
    if holds.is_some_and(|list| !list.iter().all(is_name)) {
        return false;
    }
    let mut rests = NAMES
        .below
        .iter()
        .filter_map(|below| path.strip_prefix(below));
    let is_type = value
        .as_str()
        .is_some_and(|text| TYPES.contains(&&*plain(text)));
    is_simple && of_user.iter().any(|names| names.contains(&path))
        || rests.any(|rest| {
            own.iter().any(|names| names.contains(&rest))
                || (is_simple || value.is_boolean()) && SIDE_MEMBERS.contains(&rest)
                || is_type && (rest == "type" || rest == "descriptor.type")
                || SIDE_OBJECTS.iter().any(|object| is_at(rest, object))
        })
}

/// The user handle, which may be in the passkey or in the user in whose list it is.
pub(super) fn handle_of(row: &Row) -> Option<&Value> {
    let of_owner = || NAMES.handle.iter().find_map(|path| row.of_owner(path));
    find(row, NAMES.handle).or_else(of_owner)
}

/// What the name of a member says about the credential id in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IdName {
    /// It is one.
    Sure,
    /// `id`: the credential id, or the key of a row.
    Short,
    /// The credential id, or the key of a row.
    Key,
    /// The credential id, where another member has the key of a row.
    Outer,
}

impl IdName {
    fn of(path: &str) -> Self {
        let last = path.rsplit('.').next().unwrap_or_default();
        if path.ends_with("descriptor.id") {
            Self::Sure
        } else if last == "id" {
            Self::Short
        } else if last.ends_with("externalid") || last.ends_with("rawid") {
            Self::Outer
        } else if last.ends_with("passkeyid") || last.ends_with("keyid") {
            Self::Key
        } else {
            Self::Sure
        }
    }
}

/// Whether a value may be bytes: the number of a row is none, nor is `passkey|dev_1` of Auth0.
fn may_be_bytes(value: &Value) -> bool {
    let is_of_text =
        |c: char| c.is_ascii_alphanumeric() || "+/=_-\\".contains(c) || c.is_ascii_whitespace();
    match value {
        Value::String(text) => text.chars().all(is_of_text),
        other => other.is_array() || other.is_object(),
    }
}

/// The credential id of a record.
///
/// # Errors
/// Two members with different values may be the one, in words.
pub(super) fn credential_id(row: &Row) -> Result<Option<&Value>, String> {
    let of = |name: &'static str| {
        let paths = NAMES
            .below
            .iter()
            .map(move |below| format!("{below}{name}"));
        paths.filter_map(|path| Some((row.get(&path)?, IdName::of(&path), path)))
    };
    let found: Vec<_> = NAMES.id.iter().flat_map(|name| of(name)).collect();
    let within = |path: &str| path.rsplit_once('.').map(|(object, _)| object.to_owned());
    let is_sure = |(_, name, _): &&(&Value, IdName, String)| *name == IdName::Sure;
    let sure: Vec<_> = found.iter().filter(is_sure).collect();
    // The passkey is within the row, or its credential id is beside the key of the row.
    let is_outer = sure.is_empty()
        && found
            .iter()
            .any(|(_, name, path)| *name == IdName::Short && path.contains('.'));
    let is_key_of_row = |(_, name, path): &(&Value, IdName, String)| match name {
        IdName::Sure | IdName::Outer => false,
        IdName::Key => !sure.is_empty(),
        IdName::Short => match within(path) {
            None => is_outer || !sure.is_empty(),
            object => sure.iter().any(|(_, _, other)| within(other) == object),
        },
    };
    let may_be = found
        .iter()
        .filter(|one| !is_key_of_row(one) && may_be_bytes(one.0));
    let may_be: Vec<_> = may_be.collect();
    let Some((chosen, _, own)) = may_be.first() else {
        return Ok(found.first().map(|(value, _, _)| *value));
    };
    match may_be.iter().find(|(value, _, _)| value != chosen) {
        Some((_, _, other)) => Err(format!(
            "its members {own} and {other} have different values, and either may be the credential id: write that one as credential_id, and leave the other one out"
        )),
        None => Ok(Some(chosen)),
    }
}
