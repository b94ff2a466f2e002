//! What each reading operation reads.

use std::ops::ControlFlow;

use domain::model::access_key::AccessKey;
use domain::model::account::{Account, ApiKey, Principal};
use domain::model::audit::AuditEvent;
use domain::model::ceremony::{Authentication, Ceremony, Registration, Standing};
use domain::model::clock::Timestamp;
use domain::model::console::{ConsoleKind, ConsoleRecord};
use domain::model::credential::{CredentialRecord, Evidence};
use domain::model::ids::{
    AccessKeyId, AccountId, CeremonyId, CredentialKey, ImportId, RelyingPartyId, TokenId, UserId,
    WebhookId,
};
use domain::model::import::{Import, Imported, ImportedPlace};
use domain::model::metadata::{MetadataRecord, MetadataSource, MetadataVersion, StoredMetadata};
use domain::model::notice::Delivery;
use domain::model::page::{Order, Page, PageRequest, Position};
use domain::model::relying_party::RelyingParty;
use domain::model::token::{TokenKey, TokenKind};
use domain::model::user::{User, UserRef};
use domain::model::webhook::Webhook;
use domain::store::{AuthenticationFilter, EventFilter, FoundEvents, StoredSecret, place_of};
use rusqlite::{Connection, Row, ToSql, params};
use webauthn::credential::CredentialId;

use super::rows::{self, USER_WIDTH, alive, columns, row_hash};
use super::seals::{self, is_sound, sound_attestation};
use super::sql::{Failure, Outcome, all, each, exists, first, snapshot};
use crate::images::id_hash;

// ---- metadata ---------------------------------------------------------------------------------

/// In the column of the number: the BLOB was removed. Every number is greater.
pub(super) const REMOVED: i64 = -1;

pub(super) fn metadata(
    connection: &Connection,
    known: Option<MetadataVersion>,
) -> Outcome<Option<MetadataRecord>> {
    let known = known.unwrap_or_default();
    // No state is later than one that the columns cannot hold.
    let column = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let (removals, no) = (column(known.removals), known.no.map_or(REMOVED, column));
    let sql = concat!(
        "SELECT COALESCE(removals, 0), no, imported, source, blob, ",
        is_sound!(metadata),
        " FROM metadata WHERE id = 1 \
         AND (COALESCE(removals, 0) > ?1 OR COALESCE(removals, 0) = ?1 AND no > ?2)"
    );
    first(connection, sql, [removals, no], |row| {
        seals::check(row, 5, "metadata")?;
        let number = |at| row.get::<_, i64>(at);
        let unreadable = |_| Failure::unreadable("the number of the metadata");
        let removals = u64::try_from(number(0)?).map_err(unreadable)?;
        let no = number(1)?;
        if no == REMOVED {
            return Ok(MetadataRecord {
                removals,
                stored: None,
            });
        }
        let source: String = row.get(3)?;
        let blob: Vec<u8> = row.get(4)?;
        let stored = StoredMetadata {
            no: u64::try_from(no).map_err(unreadable)?,
            imported: Timestamp(row.get(2)?),
            source: MetadataSource::from_name(&source)
                .ok_or_else(|| Failure::unreadable("the source of the metadata"))?,
            blob: blob.into(),
        };
        Ok(MetadataRecord {
            removals,
            stored: Some(stored),
        })
    })
}

// ---- single records ---------------------------------------------------------------------------

pub(super) fn secret(
    connection: &Connection,
    principal: Principal,
) -> Outcome<Option<StoredSecret>> {
    let (sql, key) = match principal {
        Principal::Account(id) => (
            concat!(
                "SELECT id, token, ",
                is_sound!(accounts),
                ", 'accounts' FROM accounts WHERE id = ?1"
            ),
            id.0,
        ),
        Principal::ApiKey(id) => (
            concat!(
                "SELECT account_id, secret, ",
                is_sound!(api_keys),
                ", 'api_keys' FROM api_keys WHERE id = ?1"
            ),
            id.0,
        ),
    };
    first(connection, sql, [key], |row| {
        seals::check(row, 2, &row.get::<_, String>(3)?)?;
        Ok(StoredSecret {
            account: AccountId(row.get(0)?),
            hash: rows::secret_hash(row, 1)?,
        })
    })
}

pub(super) fn relying_party(
    connection: &Connection,
    id: RelyingPartyId,
) -> Outcome<Option<RelyingParty>> {
    let sql = concat!(
        "SELECT body, ",
        is_sound!(relying_parties),
        " FROM relying_parties WHERE id = ?1"
    );
    first(connection, sql, [id.0], relying_party_of)
}

pub(super) fn has_origin(connection: &Connection, origin: &str) -> Outcome<bool> {
    let sql = concat!(
        "SELECT ",
        is_sound!(origins),
        " FROM origins WHERE origin = ?1"
    );
    let found = first(connection, sql, [origin], |row| {
        seals::check(row, 0, "origins")
    })?;
    Ok(found.is_some())
}

pub(super) fn relying_parties_with_rp_id(
    connection: &Connection,
    rp_id: &str,
    limit: u32,
) -> Outcome<Vec<RelyingPartyId>> {
    let sql = concat!(
        "SELECT id, ",
        is_sound!(relying_parties),
        " FROM relying_parties WHERE rp_id = ?1 ORDER BY id LIMIT ?2"
    );
    all(connection, sql, params![rp_id, limit], |row| {
        seals::check(row, 1, "relying_parties")?;
        Ok(RelyingPartyId(row.get(0)?))
    })
}

pub(super) fn is_claimed(
    connection: &Connection,
    rp: RelyingPartyId,
    token: TokenId,
) -> Outcome<bool> {
    let sql = concat!(
        "SELECT ",
        is_sound!(used_tokens),
        " FROM used_tokens WHERE relying_party_id = ?1 AND id = ?2",
        alive!(party)
    );
    let found = first(connection, sql, params![rp.0, token.0], |row| {
        seals::check(row, 0, "used_tokens")
    })?;
    Ok(found.is_some())
}

pub(super) fn user(
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

pub(super) fn user_with_credentials(
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

pub(super) fn ceremony(
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

fn user_and_credential(row: &Row<'_>) -> Outcome<(CredentialRecord, User)> {
    Ok((rows::credential(row, USER_WIDTH)?, rows::user(row, 0)?))
}

/// Whether a Relying Party is there, and a user of it if one is named.
pub(super) fn owners_are_there(
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

/// Whether a ceremony with this key is in the table.
pub(super) fn is_in_table(
    connection: &Connection,
    rp: RelyingPartyId,
    id: CeremonyId,
) -> Outcome<bool> {
    let sql = "SELECT 1 FROM ceremonies WHERE relying_party_id = ?1 AND id = ?2";
    exists(connection, sql, [rp.0, id.0])
}

/// The credential with this id, and its owner.
pub(super) fn credential_by_id(
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

pub(super) fn credential(
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

pub(super) fn evidence(
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

pub(super) fn webhook(
    connection: &Connection,
    rp: RelyingPartyId,
    id: [u8; 16],
) -> Outcome<Option<Webhook>> {
    let sql = concat!(
        "SELECT body, ",
        is_sound!(webhooks),
        " FROM webhooks WHERE relying_party_id = ?1 AND id = ?2",
        alive!(party)
    );
    first(connection, sql, [rp.0, id], webhook_of)
}

pub(super) fn access_key(
    connection: &Connection,
    rp: RelyingPartyId,
    id: AccessKeyId,
) -> Outcome<Option<AccessKey>> {
    let sql = concat!(
        "SELECT body, ",
        is_sound!(access_keys),
        " FROM access_keys WHERE relying_party_id = ?1 AND id = ?2",
        alive!(party)
    );
    first(connection, sql, [rp.0, id.0], access_key_of)
}

pub(super) fn token_key(
    connection: &Connection,
    rp: RelyingPartyId,
    kind: TokenKind,
) -> Outcome<Option<TokenKey>> {
    let sql = concat!(
        "SELECT value, ",
        is_sound!(token_keys),
        " FROM token_keys WHERE relying_party_id = ?1 AND kind = ?2",
        alive!(party)
    );
    first(connection, sql, params![rp.0, kind.name()], |row| {
        seals::check(row, 1, "token_keys")?;
        Ok(TokenKey::new(row.get(0)?))
    })
}

pub(super) fn store_key(connection: &Connection) -> Outcome<Option<Vec<u8>>> {
    let sql = concat!(
        "SELECT value, ",
        is_sound!(meta),
        " FROM meta WHERE name = 'store_key'"
    );
    first(connection, sql, [], |row| {
        seals::check(row, 1, "meta")?;
        Ok(row.get(0)?)
    })
}

pub(super) fn list_token_keys(
    connection: &Connection,
    after: Option<(RelyingPartyId, TokenKind)>,
    limit: u32,
) -> Outcome<Vec<(RelyingPartyId, TokenKind, TokenKey)>> {
    let sql = concat!(
        "SELECT relying_party_id, kind, value, ",
        is_sound!(token_keys),
        " FROM token_keys WHERE (relying_party_id, kind) > (?1, ?2) ORDER BY relying_party_id, kind LIMIT ?3"
    );
    // The empty key is before every other one.
    let (rp, kind) = after.map_or((Vec::new(), ""), |(rp, kind)| (rp.0.to_vec(), kind.name()));
    all(connection, sql, params![rp, kind, limit], |row| {
        seals::check(row, 3, "token_keys")?;
        let kind: String = row.get(1)?;
        let kind = TokenKind::from_name(&kind)
            .ok_or_else(|| Failure::unreadable("a token key is of a kind that is not known"))?;
        Ok((
            RelyingPartyId(row.get(0)?),
            kind,
            TokenKey::new(row.get(2)?),
        ))
    })
}

/// The Relying Party in a row of its text and whether the row is sound.
fn relying_party_of(row: &Row<'_>) -> Outcome<RelyingParty> {
    seals::check(row, 1, "relying_parties")?;
    rows::from_json(row, 0, "a Relying Party")
}

fn webhook_of(row: &Row<'_>) -> Outcome<Webhook> {
    seals::check(row, 1, "webhooks")?;
    rows::from_json(row, 0, "a webhook")
}

fn access_key_of(row: &Row<'_>) -> Outcome<AccessKey> {
    seals::check(row, 1, "access_keys")?;
    rows::from_json(row, 0, "an access key")
}

pub(super) fn ping(connection: &Connection) -> Outcome<()> {
    // A statement that has to look into the file.
    exists(connection, "SELECT 1 FROM meta", []).map(drop)
}

// ---- lists ------------------------------------------------------------------------------------

/// A key after every 16-byte key.
pub(super) const LAST_KEY: &[u8] = &[0xff; 17];

/// A page of a list. `select` ends in a condition, `order` are its two sort columns, `bound` the values of
/// `?1` and so on in `select`.
fn page<T>(
    connection: &Connection,
    select: &str,
    order: (&str, &str),
    bound: &[&dyn ToSql],
    request: PageRequest,
    read: impl FnMut(&Row<'_>) -> Outcome<T>,
) -> Outcome<Page<T>> {
    let (compare, direction) = match request.order {
        Order::Ascending => (">", "ASC"),
        Order::Descending => ("<", "DESC"),
    };
    let (created, key): (i64, &[u8]) = match (&request.after, request.order) {
        (Some(position), _) => (position.created.0, &position.key),
        (None, Order::Ascending) => (i64::MIN, &[]),
        (None, Order::Descending) => (i64::MAX, LAST_KEY),
    };
    let (a, b, n) = (order.0, order.1, bound.len());
    let sql = format!(
        "{select} AND ({a}, {b}) {compare} (?{}, ?{}) ORDER BY {a} {direction}, {b} {direction} LIMIT ?{}",
        n + 1,
        n + 2,
        n + 3
    );
    // One more than asked for tells whether there are more.
    let limit = i64::from(request.limit) + 1;
    let mut values = bound.to_vec();
    values.extend([&created as &dyn ToSql, &key, &limit]);
    let mut items = all(connection, &sql, values.as_slice(), read)?;
    let more = items.len() > request.limit as usize;
    items.truncate(request.limit as usize);
    Ok(Page { items, more })
}

// ---- imports ----------------------------------------------------------------------------------

fn import_of(row: &Row<'_>) -> Outcome<Import> {
    Ok(Import {
        id: ImportId(row.get(0)?),
        source: row.get(1)?,
        created: Timestamp(row.get(2)?),
    })
}

pub(super) fn import(connection: &Connection, id: ImportId) -> Outcome<Option<Import>> {
    let sql = "SELECT id, source, created FROM imports WHERE id = ?1";
    first(connection, sql, [id.0], import_of)
}

pub(super) fn list_imports(connection: &Connection, request: PageRequest) -> Outcome<Page<Import>> {
    let select = "SELECT id, source, created FROM imports WHERE TRUE";
    page(
        connection,
        select,
        ("created", "id"),
        &[],
        request,
        import_of,
    )
}

pub(super) fn list_imported(
    connection: &Connection,
    id: ImportId,
    after: Option<ImportedPlace>,
    limit: u32,
) -> Outcome<Vec<Imported>> {
    let (kind, rp, key) = after.map_or((-1, [0; 16], [0; 16]), |(kind, rp, key)| {
        (i64::from(kind), rp.0, key)
    });
    let sql = "SELECT kind, relying_party_id, key, user_id FROM imported WHERE import_id = ?1 \
               AND (kind, relying_party_id, key) > (?2, ?3, ?4) ORDER BY kind, relying_party_id, key LIMIT ?5";
    all(
        connection,
        sql,
        params![id.0, kind, rp, key, limit],
        |row| {
            let (rp, user) = (RelyingPartyId(row.get(1)?), UserId(row.get(3)?));
            match row.get::<_, i64>(0)? {
                0 => Ok(Imported::Credential(rp, CredentialKey(row.get(2)?), user)),
                1 => Ok(Imported::User(rp, user)),
                _ => Err(Failure::unreadable("the kind of an imported record")),
            }
        },
    )
}

pub(super) fn list_accounts(
    connection: &Connection,
    request: PageRequest,
) -> Outcome<Page<Account>> {
    let select = concat!("SELECT ", columns!(account), " FROM accounts WHERE TRUE");
    page(
        connection,
        select,
        ("created", "id"),
        &[],
        request,
        rows::account,
    )
}

pub(super) fn list_api_keys(
    connection: &Connection,
    account: AccountId,
    request: PageRequest,
) -> Outcome<Page<ApiKey>> {
    let select = concat!(
        "SELECT ",
        columns!(api_key),
        " FROM api_keys WHERE account_id = ?1"
    );
    page(
        connection,
        select,
        ("created", "id"),
        &[&account.0],
        request,
        rows::api_key,
    )
}

pub(super) fn list_relying_parties(
    connection: &Connection,
    account: AccountId,
    request: PageRequest,
) -> Outcome<Page<RelyingParty>> {
    let select = concat!(
        "SELECT body, ",
        is_sound!(relying_parties),
        " FROM relying_parties WHERE account_id = ?1"
    );
    page(
        connection,
        select,
        ("created", "id"),
        &[&account.0],
        request,
        relying_party_of,
    )
}

pub(super) fn list_users(
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

pub(super) fn list_authentications(
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

pub(super) fn list_unfinished_registrations(
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

pub(super) fn list_credentials(
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

pub(super) fn list_webhooks(
    connection: &Connection,
    rp: RelyingPartyId,
    request: PageRequest,
) -> Outcome<Page<Webhook>> {
    let select = concat!(
        "SELECT body, ",
        is_sound!(webhooks),
        " FROM webhooks WHERE relying_party_id = ?1",
        alive!(party)
    );
    page(
        connection,
        select,
        ("created", "id"),
        &[&rp.0],
        request,
        webhook_of,
    )
}

pub(super) fn list_deliveries(
    connection: &Connection,
    rp: RelyingPartyId,
    webhook: WebhookId,
    request: PageRequest,
) -> Outcome<Page<Delivery>> {
    let select = concat!(
        "SELECT body, due FROM deliveries WHERE relying_party_id = ?1 AND webhook_id = ?2",
        alive!(party)
    );
    page(
        connection,
        select,
        ("created", "id"),
        &[&rp.0, &webhook.0],
        request,
        rows::delivery,
    )
}

pub(super) fn list_console_records(
    connection: &Connection,
    kind: ConsoleKind,
    owner: Option<UserId>,
    request: PageRequest,
) -> Outcome<Page<ConsoleRecord>> {
    let select = concat!(
        "SELECT body, ",
        is_sound!(console_records),
        " FROM console_records WHERE kind = ?1"
    );
    let read = |row: &Row<'_>| {
        seals::check(row, 1, "console_records")?;
        Ok(crate::console::record(kind, &row.get::<_, String>(0)?)?)
    };
    let (number, order) = (crate::console::number(kind), ("created", "id"));
    match owner {
        None => page(connection, select, order, &[&number], request, read),
        Some(owner) => {
            let select = format!("{select} AND owner = ?2");
            let bound: [&dyn ToSql; 2] = [&number, &owner.0];
            page(connection, &select, order, &bound, request, read)
        }
    }
}

pub(super) fn list_access_keys(
    connection: &Connection,
    rp: RelyingPartyId,
    request: PageRequest,
) -> Outcome<Page<AccessKey>> {
    let select = concat!(
        "SELECT body, ",
        is_sound!(access_keys),
        " FROM access_keys WHERE relying_party_id = ?1",
        alive!(party)
    );
    page(
        connection,
        select,
        ("created", "id"),
        &[&rp.0],
        request,
        access_key_of,
    )
}

/// `recent` are events that may not be in the table yet, newest first; some of them may be.
pub(super) fn find_events(
    connection: &Connection,
    rp: RelyingPartyId,
    filter: &EventFilter,
    limit: u32,
    recent: Vec<AuditEvent>,
) -> Outcome<FoundEvents> {
    let from = filter.from.map_or(i64::MIN, |from| from.0);
    let until = filter.end().0;
    let (at, key) = match &filter.after {
        Some(after) => (after.created.0, &after.key[..]),
        None => (i64::MAX, LAST_KEY),
    };
    let sql = concat!(
        "SELECT ",
        columns!(event),
        " FROM events WHERE relying_party_id = ?1 AND at >= ?2 AND at < ?3 AND (at, id) < (?4, ?5) \
         ORDER BY at DESC, id DESC"
    );
    let mut search = Search {
        filter,
        limit: limit as usize,
        searched: 0,
        last: filter.after,
        found: FoundEvents {
            events: Vec::new(),
            complete: true,
            stopped: None,
        },
    };
    let mut recent = recent.into_iter().peekable();
    each(
        connection,
        sql,
        params![rp.0, from, until, at, key],
        |row| {
            let place = rows::event_place(row)?;
            while let Some(event) = recent.next_if(|event| (event.at, event.id) >= place) {
                if (event.at, event.id) > place && search.offer(event).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if search.step().is_break() {
                return Ok(ControlFlow::Break(()));
            }
            // Most rows of a long search are not wanted: what one column decides is looked at first.
            let kind = rows::event_kind(row)?;
            let other = filter
                .kinds
                .as_ref()
                .is_some_and(|kinds| !kinds.contains(&kind));
            if other {
                search.last = Some(Position {
                    created: place.0,
                    key: place.1.0,
                });
                return Ok(ControlFlow::Continue(()));
            }
            Ok(search.take(rows::event(row)?))
        },
    )?;
    if search.found.complete {
        // Those that are older than any in the table.
        let _ = recent.try_for_each(|event| search.offer(event));
    }
    Ok(search.found)
}

/// A search for events, newest first.
struct Search<'a> {
    filter: &'a EventFilter,
    limit: usize,
    searched: u32,
    /// The last event that was looked at.
    last: Option<Position>,
    found: FoundEvents,
}

impl Search<'_> {
    /// Goes on to another event, unless there were too many.
    fn step(&mut self) -> ControlFlow<()> {
        self.searched += 1;
        if self.searched > self.filter.most() {
            return self.stop();
        }
        ControlFlow::Continue(())
    }

    /// Takes in an event that is accepted, unless there are enough.
    fn take(&mut self, event: AuditEvent) -> ControlFlow<()> {
        let accepted = self.filter.accepts(&event);
        if accepted && self.found.events.len() == self.limit {
            return self.stop();
        }
        self.last = Some(place_of(&event));
        if accepted {
            self.found.events.push(event);
        }
        ControlFlow::Continue(())
    }

    fn offer(&mut self, event: AuditEvent) -> ControlFlow<()> {
        self.step()?;
        self.take(event)
    }

    fn stop(&mut self) -> ControlFlow<()> {
        self.found.complete = false;
        self.found.stopped = self.last;
        ControlFlow::Break(())
    }
}

/// The Relying Party that the last sweep of events looked at last; `None` when the next sweep begins with the first one.
pub(super) fn events_swept_to(connection: &Connection) -> Outcome<Option<[u8; 16]>> {
    let sql = "SELECT value FROM meta WHERE name = 'events_swept_to'";
    first(connection, sql, [], |row| Ok(row.get(0)?))
}

/// Relying Parties that have events from before a moment.
#[derive(Debug)]
pub(super) struct OldEvents {
    /// Where the search began: behind this one.
    pub(super) begun: Option<[u8; 16]>,
    /// The Relying Parties, deleted ones too.
    pub(super) found: Vec<RelyingPartyId>,
    /// The last one that was looked at, when further ones may follow.
    pub(super) stopped: Option<[u8; 16]>,
}

/// Looks for old events in so many Relying Parties, from where the last sweep stopped.
///
/// Jumps from one to the next in the primary key instead of reading every event.
pub(super) fn with_old_events(
    connection: &Connection,
    before: Timestamp,
    most: usize,
) -> Outcome<OldEvents> {
    let begun = events_swept_to(connection)?;
    let mut found = Vec::new();
    let mut last = begun.map_or_else(Vec::new, |key| key.to_vec());
    let mut stopped = None;
    for _ in 0..most {
        let next = first(
            connection,
            "SELECT relying_party_id, at FROM events WHERE relying_party_id > ?1 \
             ORDER BY relying_party_id, at, id LIMIT 1",
            [&last],
            |row| Ok((row.get::<_, [u8; 16]>(0)?, Timestamp(row.get(1)?))),
        )?;
        stopped = next.map(|(rp, _)| rp);
        let Some((rp, oldest)) = next else { break };
        if oldest < before {
            found.push(RelyingPartyId(rp));
        }
        last = rp.to_vec();
    }
    Ok(OldEvents {
        begun,
        found,
        stopped,
    })
}
