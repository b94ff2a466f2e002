//! Which columns a statement reads, which owners it asks for, and the forms of values in columns.

use std::str::FromStr;

use domain::store::Fault;
use rusqlite::Row;
use serde::de::DeserializeOwned;
use serde_json::{from_str, to_string};
use webauthn::error::Reason;

use crate::embedded::sql::{Failure, Outcome};

/// The columns that the function of the same name reads, in its order. A macro, so that statements are
/// constants.
///
/// The row of a credential may be a minute behind its last use. The sign-ins of that minute, none of which began more than an
/// hour before, know it.
macro_rules! columns {
    (account) => {
        concat!("id, token, created, ", is_sound!(accounts))
    };
    (api_key) => {
        concat!(
            "id, account_id, name, secret, created, ",
            is_sound!(api_keys),
            ", granted, used"
        )
    };
    (user) => {
        concat!(
            "u.relying_party_id, u.id, u.name, u.created, u.updated, u.last_success, u.last_failure, ",
            is_sound!(users, "u.")
        )
    };
    (credential_kind) => {
        concat!(
            "(SELECT CASE WHEN ",
            is_sound!(credential_kinds, "k."),
            " THEN k.body END FROM credential_kinds k WHERE k.id = c.kind)"
        )
    };
    (last_used) => {
        "max(c.last_used, coalesce((SELECT max(h.updated) FROM ceremonies h \
     WHERE h.relying_party_id = c.relying_party_id AND h.user_id = c.user_id AND h.kind = 1 \
     AND h.created BETWEEN c.last_used - 3600000 AND c.last_used + 60000 \
     AND h.state = 1 AND h.credential_key = c.key), c.last_used))"
    };
    (credential) => {
        concat!(
            "c.relying_party_id, c.key, c.user_id, c.id, c.public_key, c.algorithm, \
     c.sign_count, c.uv_initialized, c.backup_eligible, c.backup_state, c.transports, c.aaguid, ",
            $crate::embedded::rows::columns!(credential_kind),
            ", c.discoverable, c.name, c.created, c.updated, ",
            $crate::embedded::rows::columns!(last_used),
            ", ",
            is_sound!(credentials, "c."),
            " AND ",
            is_sound!(uses, "c."),
            ", c.user_agent, c.sign_count_since_fall, c.user_handle"
        )
    };
    (ceremony) => {
        concat!(
            "relying_party_id, id, kind, state, reason, user_id, credential_key, \
     created, expires, updated, asked, policy_id, (SELECT p.body FROM policies p \
     WHERE p.relying_party_id = ceremonies.relying_party_id AND p.id = ceremonies.policy_id), ",
            is_sound!(ceremonies)
        )
    };
    (takeable) => {
        concat!(
            "kind, state, reason, user_id, expires, claimed_by, stored_count, ",
            is_sound!(ceremonies)
        )
    };
    (event) => {
        "relying_party_id, at, id, kind, user_id, credential_key, ceremony_id, reason, signals, \
     user_name, actor, access_key_id, wire, user_agent, address, more"
    };
}
pub(in crate::embedded) use columns;

/// Conditions on rows of the Relying Party `?1`: their owners are there. What belongs to a Relying Party or to a user that was
/// deleted may still lie in its table until the sweep has removed it, and must not be seen.
macro_rules! alive {
    // The Relying Party is there.
    (party) => {
        " AND EXISTS (SELECT 1 FROM relying_parties p WHERE p.id = ?1)"
    };
    // The Relying Party is there, and the user whose key the expression gives.
    ($user:literal) => {
        concat!(
            " AND EXISTS (SELECT 1 FROM users o JOIN relying_parties p ON p.id = o.relying_party_id \
             WHERE o.relying_party_id = ?1 AND o.id = ",
            $user,
            ")"
        )
    };
    // The Relying Party is there, and the user whom a ceremony names, if it names one.
    (ceremony) => {
        concat!(
            $crate::embedded::rows::alive!(party),
            " AND (user_id IS NULL OR EXISTS (SELECT 1 FROM users o \
             WHERE o.relying_party_id = ?1 AND o.id = user_id))"
        )
    };
}
pub(in crate::embedded) use alive;

/// `ceremonies.kind` of a registration.
pub(in crate::embedded) const REGISTRATION: i64 = 0;
/// `ceremonies.kind` of an authentication.
pub(in crate::embedded) const AUTHENTICATION: i64 = 1;
/// `ceremonies.state` while no answer was taken.
pub(in crate::embedded) const PENDING: i64 = 0;
/// `ceremonies.state` after an answer was verified.
pub(in crate::embedded) const SUCCEEDED: i64 = 1;
/// `ceremonies.state` after an answer was refused.
pub(in crate::embedded) const FAILED: i64 = 2;

/// A number that counts changes, for its column.
pub(in crate::embedded) fn counter(changes: u64) -> Result<i64, Fault> {
    i64::try_from(changes).map_err(|_| Fault::Fatal("a version is out of range".to_owned()))
}

/// JSON text of something of ours.
pub(in crate::embedded) fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    to_string(value).map_err(|_| Fault::Fatal("a record has no JSON form".to_owned()))
}

/// Something of ours from JSON text.
pub(in crate::embedded) fn from_json<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
    what: &str,
) -> Outcome<T> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(|_| Failure::unreadable(what))?;
    from_str(text).map_err(|_| Failure::unreadable(what))
}

pub(super) fn reason(row: &Row<'_>, column: usize) -> Outcome<Option<Reason>> {
    let text = row
        .get_ref(column)?
        .as_str_or_null()
        .map_err(|_| Failure::unreadable("reason"))?;
    text.map(|name| Reason::from_str(name).map_err(|_| Failure::unreadable("reason")))
        .transpose()
}
