//! Seals: digests of the columns by which a row decides who somebody is and what they may do.
//!
//! `SQLite` has no checksums in its database file. A flipped bit in a name or in a public key would let somebody else in. So each
//! such row carries a digest of its columns. A statement that writes a row seals it, and one that reads a row compares. What does
//! not match is an error, and never a value. A seal shows damage; it is no protection from a person who can write to the file.

use aws_lc_rs::digest::{Context, SHA256};
use rusqlite::Connection;
use rusqlite::Row;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

use super::sql::{Failure, Outcome};

/// Bytes of a seal: enough to notice damage.
const LENGTH: usize = 8;

/// The seal of the columns of a row, as an SQL expression over the columns themselves. The first column of the function is the kind
/// of the row, so that no row passes for one of another table.
macro_rules! seal {
    (accounts, $of:literal) => {
        $crate::embedded::seals::seal!("accounts", $of, "id", "token", "created")
    };
    // What was granted is in the seal where it is less than everything: keys that were sealed before there were scopes stay sound.
    (api_keys, $of:literal) => {
        $crate::embedded::seals::seal!(
            "api_keys", $of, "id", "account_id", "name", "secret", "created", maybe "granted"
        )
    };
    (relying_parties, $of:literal) => {
        $crate::embedded::seals::seal!(
            "relying_parties",
            $of,
            "id",
            "account_id",
            "version",
            "created",
            "body",
            "rp_id"
        )
    };
    (origins, $of:literal) => {
        $crate::embedded::seals::seal!("origins", $of, "origin", "relying_party_id")
    };
    (users, $of:literal) => {
        $crate::embedded::seals::seal!("users", $of, "relying_party_id", "id", "name", "created")
    };
    // A user handle is in the seal where there is one: rows that were sealed before there were handles stay sound.
    (credentials, $of:literal) => {
        $crate::embedded::seals::seal!(
            "credentials",
            $of,
            "relying_party_id",
            "key",
            "user_id",
            "id",
            "public_key",
            "algorithm",
            "transports",
            "aaguid",
            "kind",
            "discoverable",
            "name",
            "created",
            "user_agent",
            maybe "user_handle"
        )
    };
    (credential_kinds, $of:literal) => {
        $crate::embedded::seals::seal!(
            "credential_kinds",
            $of,
            "id",
            "relying_party_id",
            "image",
            "body"
        )
    };
    // What a sign-in changes: it is written without the rest.
    (uses, $of:literal) => {
        $crate::embedded::seals::seal!(
            "uses",
            $of,
            "relying_party_id",
            "id_hash",
            "sign_count",
            "sign_count_since_fall",
            "uv_initialized",
            "backup_eligible",
            "backup_state"
        )
    };
    (ceremonies, $of:literal) => {
        $crate::embedded::seals::seal!(
            "ceremonies",
            $of,
            "relying_party_id",
            "id",
            "kind",
            "user_id",
            "credential_key",
            "created",
            "expires",
            "updated",
            "asked",
            "policy_id",
            "state",
            "reason",
            "claimed_by",
            "stored_count"
        )
    };
    (webhooks, $of:literal) => {
        $crate::embedded::seals::seal!(
            "webhooks", $of, "relying_party_id", "id", "revision", "body"
        )
    };
    (access_keys, $of:literal) => {
        $crate::embedded::seals::seal!(
            "access_keys", $of, "relying_party_id", "id", "created", "body"
        )
    };
    (token_keys, $of:literal) => {
        $crate::embedded::seals::seal!("token_keys", $of, "relying_party_id", "kind", "value")
    };
    (used_tokens, $of:literal) => {
        $crate::embedded::seals::seal!(
            "used_tokens", $of, "relying_party_id", "id", "expires", "attempt"
        )
    };
    (answers, $of:literal) => {
        $crate::embedded::seals::seal!(
            "answers", $of, "account_id", "key", "content", "attempt", "started", "expires", "answer"
        )
    };
    (deletions, $of:literal) => {
        $crate::embedded::seals::seal!("deletions", $of, "at", "relying_party_id", "user_id")
    };
    (console_records, $of:literal) => {
        $crate::embedded::seals::seal!(
            "console_records", $of, "kind", "id", "owner", "created", "expires", "body"
        )
    };
    (revoked, $of:literal) => {
        $crate::embedded::seals::seal!("revoked", $of, "kind", "id")
    };
    (took_effect, $of:literal) => {
        $crate::embedded::seals::seal!("took_effect", $of, "kind", "image", "at")
    };
    (metadata, $of:literal) => {
        $crate::embedded::seals::seal!("metadata", $of, "no", "imported", "source", "blob")
    };
    (meta, $of:literal) => {
        $crate::embedded::seals::seal!("meta", $of, "name", "value")
    };
    ($kind:literal, $of:literal, $($column:literal),+, maybe $last:literal) => {
        concat!(
            "CASE WHEN ", $of, $last, " IS NULL THEN ",
            $crate::embedded::seals::seal!($kind, $of, $($column),+),
            " ELSE ",
            $crate::embedded::seals::seal!($kind, $of, $($column),+, $last),
            " END"
        )
    };
    ($kind:literal, $of:literal, $($column:literal),+) => {
        concat!("seal('", $kind, "'", $(", ", $of, $column),+, ")")
    };
}
pub(super) use seal;

/// Whether a row matches its seal, as an SQL expression. `$of` stands before each column, such as `u.`.
macro_rules! is_sound {
    ($table:ident) => {
        $crate::embedded::seals::is_sound!($table, "")
    };
    (uses, $of:literal) => {
        concat!(
            $of,
            "use_digest IS ",
            $crate::embedded::seals::seal!(uses, $of)
        )
    };
    ($table:ident, $of:literal) => {
        concat!(
            $of,
            "digest IS ",
            $crate::embedded::seals::seal!($table, $of)
        )
    };
}
pub(super) use is_sound;

/// The same of evidence `a` that belongs to the credential `c`, whose number alone is in its row.
macro_rules! sound_attestation {
    () => {
        "a.digest IS seal('attestations', c.relying_party_id, c.key, a.evidence)"
    };
}
pub(super) use sound_attestation;

/// Makes `seal()` known to a connection. Triggers may use it, too: it depends on its arguments alone and changes nothing.
pub(super) fn register(connection: &Connection) -> Outcome<()> {
    connection.create_scalar_function(
        "seal",
        -1,
        FunctionFlags::SQLITE_UTF8
            | FunctionFlags::SQLITE_DETERMINISTIC
            | FunctionFlags::SQLITE_INNOCUOUS,
        |context| {
            let values = (0..context.len()).map(|at| context.get_raw(at));
            Ok(digest(values))
        },
    )?;
    Ok(())
}

/// The seal of a text that is in no table.
pub(super) fn of_text(text: &str) -> [u8; LENGTH] {
    digest(std::iter::once(ValueRef::Text(text.as_bytes())))
}

/// The seal of a file of this length that begins so.
pub(super) fn of_file(length: u64, begin: &[u8]) -> [u8; LENGTH] {
    let length = length.to_be_bytes();
    digest([ValueRef::Blob(&length), ValueRef::Blob(begin)].into_iter())
}

fn digest<'a>(values: impl Iterator<Item = ValueRef<'a>>) -> [u8; LENGTH] {
    let mut context = Context::new(&SHA256);
    let mut long = |kind: u8, bytes: &[u8]| {
        let mut head = [kind; 9];
        head[1..].copy_from_slice(&bytes.len().to_be_bytes());
        context.update(&head);
        context.update(bytes);
    };
    // Each value follows its type and its length, so that no two rows have the same bytes.
    for value in values {
        match value {
            ValueRef::Null => long(0, &[]),
            ValueRef::Integer(number) => long(1, &number.to_be_bytes()),
            ValueRef::Real(number) => long(2, &number.to_be_bytes()),
            ValueRef::Text(text) => long(3, text),
            ValueRef::Blob(bytes) => long(4, bytes),
        }
    }
    let mut kept = [0; LENGTH];
    kept.copy_from_slice(&context.finish().as_ref()[..LENGTH]);
    kept
}

/// Refuses a row of which the column `at`, an expression of [`is_sound`], says that it does not match its seal.
pub(super) fn check(row: &Row<'_>, at: usize, table: &str) -> Outcome<()> {
    if row.get::<_, Option<bool>>(at)? == Some(true) {
        Ok(())
    } else {
        Err(damaged(table))
    }
}

/// A row of this table is damaged.
pub(super) fn damaged(table: &str) -> Failure {
    Failure::unreadable(&format!(
        "a row of the table {table} is damaged; restore a backup of the store"
    ))
}
