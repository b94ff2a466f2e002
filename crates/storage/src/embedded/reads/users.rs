//! Users with their credentials.

use std::collections::BTreeMap;

use domain::model::credential::{CredentialRecord, Evidence};
use domain::model::ids::{CredentialKey, RelyingPartyId, UserId};
use domain::model::page::{Page, PageRequest};
use domain::model::user::{User, UserRef};
use domain::store::CountedModels;
use rusqlite::{Connection, Row, params};
use webauthn::credential::{Aaguid, CredentialId};

use super::page::page;
use crate::beginning::behind;
use crate::embedded::rows::{self, USER_WIDTH, alive, columns, row_hash};
use crate::embedded::seals::{is_sound, sound_attestation};
use crate::embedded::sql::{Outcome, all, exists, first, snapshot};
use crate::images::id_hash;

pub(in crate::embedded) fn user(
    connection: &Connection,
    rp: RelyingPartyId,
    user: UserRef<'_>,
) -> Outcome<Option<User>> {
    match user {
        UserRef::Name(name) => first(
            connection,
            concat!(
                "SELECT ",
                columns!(user),
                " FROM users u WHERE u.relying_party_id = ?1 AND u.name = ?2",
                alive!(party)
            ),
            params![rp.0, name],
            |row| rows::user(row, 0),
        ),
        UserRef::Id(id) => first(
            connection,
            concat!(
                "SELECT ",
                columns!(user),
                " FROM users u WHERE u.relying_party_id = ?1 AND u.id = ?2",
                alive!(party)
            ),
            [rp.0, id.0],
            |row| rows::user(row, 0),
        ),
    }
}

pub(in crate::embedded) fn user_with_credentials(
    connection: &Connection,
    rp: RelyingPartyId,
    who: UserRef<'_>,
) -> Outcome<Option<(User, Vec<CredentialRecord>)>> {
    snapshot(connection, |connection| {
        let Some(user) = user(connection, rp, who)? else {
            return Ok(None);
        };
        let sql = concat!(
            "SELECT ",
            columns!(credential),
            " FROM credentials c WHERE c.relying_party_id = ?1 AND c.user_id = ?2 \
             ORDER BY c.created, c.key"
        );
        let credentials = all(connection, sql, [rp.0, user.id.0], |row| {
            rows::credential(row, 0)
        })?;
        Ok(Some((user, credentials)))
    })
}

fn user_and_credential(row: &Row<'_>) -> Outcome<(CredentialRecord, User)> {
    Ok((rows::credential(row, USER_WIDTH)?, rows::user(row, 0)?))
}

/// Whether a Relying Party is there, and a user of it if one is named.
pub(in crate::embedded) fn owners_are_there(
    connection: &Connection,
    rp: RelyingPartyId,
    user: Option<UserId>,
) -> Outcome<bool> {
    match user {
        None => exists(
            connection,
            "SELECT 1 FROM relying_parties WHERE id = ?1",
            [rp.0],
        ),
        Some(user) => exists(
            connection,
            concat!("SELECT 1 WHERE TRUE", alive!("?2")),
            [rp.0, user.0],
        ),
    }
}

/// The credential with this id, and its owner.
pub(in crate::embedded) fn credential_by_id(
    connection: &Connection,
    rp: RelyingPartyId,
    id: &CredentialId,
) -> Outcome<Option<(CredentialRecord, User)>> {
    let sql = concat!(
        "SELECT ",
        columns!(user),
        ", ",
        columns!(credential),
        " FROM credentials c JOIN users u \
         ON u.relying_party_id = c.relying_party_id AND u.id = c.user_id \
         WHERE c.relying_party_id = ?1 AND c.id_hash = ?2",
        alive!(party)
    );
    let found = first(
        connection,
        sql,
        params![rp.0, row_hash(&id_hash(id))],
        user_and_credential,
    )?;
    // Two ids with one hash do not happen; a damaged row does.
    Ok(found.filter(|(record, _)| record.id == *id))
}

pub(in crate::embedded) fn credential(
    connection: &Connection,
    rp: RelyingPartyId,
    key: CredentialKey,
) -> Outcome<Option<(CredentialRecord, User)>> {
    let sql = concat!(
        "SELECT ",
        columns!(user),
        ", ",
        columns!(credential),
        " FROM credentials c JOIN users u \
         ON u.relying_party_id = c.relying_party_id AND u.id = c.user_id \
         WHERE c.relying_party_id = ?1 AND c.key = ?2",
        alive!(party)
    );
    first(connection, sql, [rp.0, key.0], user_and_credential)
}

pub(in crate::embedded) fn evidence(
    connection: &Connection,
    rp: RelyingPartyId,
    key: CredentialKey,
) -> Outcome<Option<Evidence>> {
    let sql = concat!(
        "SELECT a.evidence, c.id, c.public_key, ",
        columns!(credential_kind),
        ", ",
        is_sound!(credentials, "c."),
        " AND ",
        sound_attestation!(),
        " FROM credentials c JOIN attestations a ON a.number = c.number \
         WHERE c.relying_party_id = ?1 AND c.key = ?2",
        alive!("c.user_id")
    );
    first(connection, sql, [rp.0, key.0], rows::evidence)
}

pub(in crate::embedded) fn list_users(
    connection: &Connection,
    rp: RelyingPartyId,
    request: PageRequest,
) -> Outcome<Page<User>> {
    let select = concat!(
        "SELECT ",
        columns!(user),
        " FROM users u WHERE u.relying_party_id = ?1",
        alive!(party)
    );
    page(
        connection,
        select,
        ("created", "id"),
        &[&rp.0],
        request,
        |row| rows::user(row, 0),
    )
}

pub(in crate::embedded) fn users_named(
    connection: &Connection,
    rp: RelyingPartyId,
    beginning: &str,
    limit: u32,
) -> Outcome<Page<User>> {
    let sql = concat!(
        "SELECT ",
        columns!(user),
        " FROM users u WHERE u.relying_party_id = ?1 AND u.name >= ?2 AND u.name < ?3",
        alive!(party),
        " ORDER BY u.name LIMIT ?4"
    );
    // One more than asked for tells whether there are more.
    let most = i64::from(limit) + 1;
    let mut items = all(
        connection,
        sql,
        params![rp.0, beginning, behind(beginning), most],
        |row| rows::user(row, 0),
    )?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    Ok(Page { items, more })
}

pub(in crate::embedded) fn count_models(
    connection: &Connection,
    rp: RelyingPartyId,
    users: u32,
) -> Outcome<CountedModels> {
    snapshot(connection, |connection| {
        let newest = concat!(
            "SELECT u.id FROM users u WHERE u.relying_party_id = ?1",
            alive!(party),
            " ORDER BY u.created DESC, u.id DESC LIMIT ?2"
        );
        let owners = all(connection, newest, params![rp.0, users], |row| {
            Ok(row.get::<_, [u8; 16]>(0)?)
        })?;
        let mut counts = BTreeMap::new();
        for owner in &owners {
            let sql = "SELECT c.aaguid FROM credentials c WHERE c.relying_party_id = ?1 AND c.user_id = ?2";
            let models = all(connection, sql, [&rp.0, owner], |row| {
                Ok(Aaguid::new(row.get(0)?))
            })?;
            for aaguid in models {
                *counts.entry(aaguid).or_default() += 1;
            }
        }
        Ok(CountedModels {
            users: u32::try_from(owners.len()).unwrap_or(u32::MAX),
            models: counts.into_iter().collect(),
        })
    })
}

pub(in crate::embedded) fn list_credentials(
    connection: &Connection,
    rp: RelyingPartyId,
    user: UserId,
    request: PageRequest,
) -> Outcome<Page<CredentialRecord>> {
    let select = concat!(
        "SELECT ",
        columns!(credential),
        " FROM credentials c WHERE c.relying_party_id = ?1 AND c.user_id = ?2",
        alive!("?2")
    );
    page(
        connection,
        select,
        ("created", "key"),
        &[&rp.0, &user.0],
        request,
        |row| rows::credential(row, 0),
    )
}
