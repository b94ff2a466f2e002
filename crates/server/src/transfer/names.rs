//! The names that the members of records have with other products.

use serde_json::Value;

use super::rows::Row;

/// The names of the members of a row, plain (see [`Row`]).
pub(super) struct Names {
    /// Paths below which the members may be, but for those that say whose passkey it is (`user`, `user_id`): these are exact paths.
    pub(super) below: &'static [&'static str],
    pub(super) id: &'static [&'static str],
    /// Names of credential ids with some products, and of other things with others.
    pub(super) id_or_not: &'static [&'static str],
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
        "keyid",
        "id",
        "externalid",
        "passkeyid",
        "rawid",
    ],
    id_or_not: &["externalid", "passkeyid", "rawid"],
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

/// The user handle, which may be in the passkey or in the user in whose list it is.
pub(super) fn handle_of(row: &Row) -> Option<&Value> {
    let of_owner = || NAMES.handle.iter().find_map(|path| row.of_owner(path));
    find(row, NAMES.handle).or_else(of_owner)
}
