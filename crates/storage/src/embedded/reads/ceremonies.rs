//! Ceremonies.

use domain::model::ceremony::{Authentication, Ceremony, Registration, Standing};
use domain::model::ids::{CeremonyId, RelyingPartyId, UserId};
use domain::model::page::{Page, PageRequest};
use domain::store::AuthenticationFilter;
use rusqlite::{Connection, ToSql};

use super::page::page;
use crate::embedded::rows::{self, alive, columns};
use crate::embedded::seals::is_sound;
use crate::embedded::sql::{Failure, Outcome, exists, first};

pub(in crate::embedded) fn ceremony(
    connection: &Connection,
    rp: RelyingPartyId,
    id: CeremonyId,
) -> Outcome<Option<Ceremony>> {
    let sql = concat!(
        "SELECT ",
        columns!(ceremony),
        " FROM ceremonies WHERE relying_party_id = ?1 AND id = ?2",
        alive!(ceremony)
    );
    first(connection, sql, [rp.0, id.0], rows::ceremony)
}

/// Whether a ceremony with this key is in the table.
pub(in crate::embedded) fn is_in_table(
    connection: &Connection,
    rp: RelyingPartyId,
    id: CeremonyId,
) -> Outcome<bool> {
    let sql = "SELECT 1 FROM ceremonies WHERE relying_party_id = ?1 AND id = ?2";
    exists(connection, sql, [rp.0, id.0])
}

pub(in crate::embedded) fn list_authentications(
    connection: &Connection,
    rp: RelyingPartyId,
    user: UserId,
    filter: &AuthenticationFilter,
    request: PageRequest,
) -> Outcome<Page<Authentication>> {
    let mut select = concat!(
        "SELECT ",
        columns!(ceremony),
        " FROM ceremonies WHERE relying_party_id = ?1 AND user_id = ?2 AND kind = ?3 \
         AND (?4 IS NULL OR credential_key = ?4) AND ?5 = ?5",
        alive!("?2")
    )
    .to_owned();
    select.push_str(match filter.standing {
        None => "",
        Some(Standing::Pending) => " AND state = 0 AND expires > ?5",
        Some(Standing::Expired) => " AND state = 0 AND expires <= ?5",
        Some(Standing::Succeeded) => " AND state = 1",
        Some(Standing::Failed) => " AND state = 2",
    });
    let credential = filter.credential.map(|key| key.0);
    let bound: [&dyn ToSql; 5] = [
        &rp.0,
        &user.0,
        &rows::AUTHENTICATION,
        &credential,
        &filter.now.0,
    ];
    page(
        connection,
        &select,
        ("created", "id"),
        &bound,
        request,
        |row| {
            let found = rows::ceremony(row)?.authentication();
            found.ok_or_else(|| Failure::unreadable("kind of a ceremony"))
        },
    )
}

pub(in crate::embedded) fn list_unfinished_registrations(
    connection: &Connection,
    rp: RelyingPartyId,
    user: UserId,
    request: PageRequest,
) -> Outcome<Page<Registration>> {
    let select = concat!(
        "SELECT ",
        columns!(ceremony),
        " FROM ceremonies WHERE relying_party_id = ?1 AND user_id = ?2 AND kind = ?3 AND state <> 1",
        alive!("?2")
    );
    page(
        connection,
        select,
        ("created", "id"),
        &[&rp.0, &user.0, &rows::REGISTRATION],
        request,
        |row| {
            let found = rows::ceremony(row)?.registration();
            found.ok_or_else(|| Failure::unreadable("kind of a ceremony"))
        },
    )
}
