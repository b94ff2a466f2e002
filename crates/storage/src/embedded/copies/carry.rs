//! What stays revoked when a backup takes the place of a store: the newer store says it, and the copy of the backup follows.

use domain::model::clock::Timestamp;
use rusqlite::{Connection, params};

use super::report::{SAME_KEY, TOKEN_KEYS, TOKENS, console, lower_role, webhook_is_off};
use crate::embedded::sql::Outcome;

/// Removes what the attached store `present` has revoked, and notes it, so that the next restore knows it too.
pub(super) fn revoked(connection: &Connection, now: Timestamp) -> Outcome<()> {
    let console = console();
    let of = |kind: &str| format!("(SELECT id FROM main.revoked WHERE kind = '{kind}')");
    let (access, api) = (of("access_key"), of("api_key"));
    let (webhook, administrator) = (of("webhook"), of("administrator"));
    connection.execute_batch(&format!(
        "INSERT OR IGNORE INTO main.revoked (kind, id, digest) SELECT kind, id, seal('revoked', kind, id) FROM present.revoked;
         DELETE FROM main.access_keys WHERE id IN {access};
         DELETE FROM main.api_keys WHERE id IN {api};
         DELETE FROM main.webhooks WHERE id IN {webhook};
         DELETE FROM main.console_records WHERE kind = 0 AND id IN {administrator};"
    ))?;
    // As the deletion of a user: the sweep removes their passkeys.
    connection.execute(
        &format!(
            "INSERT OR IGNORE INTO main.deletions (at, relying_party_id, user_id, digest) \
             SELECT ?1, relying_party_id, id, seal('deletions', ?1, relying_party_id, id) FROM main.users \
             WHERE relying_party_id = {console} AND id IN {administrator}"
        ),
        params![now.0],
    )?;
    let gone = format!(
        "DELETE FROM main.users WHERE relying_party_id = {console} AND id IN {administrator}"
    );
    connection.execute(&gone, [])?;
    Ok(())
}

/// Notes which Auth Tokens of the copy, and which keys that check access keys, were replaced after it as the audit trail of the attached store
/// says: stores had no notes of it before format 22. What has a note in either store needs none.
pub(super) fn known_by_trail(connection: &Connection) -> Outcome<()> {
    // Events after all that the copy has: one that is older may have been swept there.
    let since = |kind: &str| {
        format!(
            "FROM present.events e WHERE e.kind = '{kind}' AND e.at > (SELECT ifnull(max(at), 0) FROM main.events)"
        )
    };
    for (values, rows, owners) in [
        (
            TOKENS,
            "main.accounts c JOIN present.accounts p ON p.id = c.id WHERE c.id",
            format!(
                "SELECT unhex(e.more ->> '$.target.id') {} AND json_valid(e.more)",
                since("account_token_reset")
            ),
        ),
        (
            TOKEN_KEYS,
            // The present store has none where an earlier restore removed them.
            "main.token_keys c LEFT JOIN present.token_keys p ON p.relying_party_id = c.relying_party_id AND p.kind = c.kind \
             WHERE c.kind = 'access' AND c.relying_party_id",
            // Older events do not say which keys were rotated.
            format!(
                "SELECT e.relying_party_id {} AND CASE WHEN json_valid(e.more) THEN coalesce(e.more ->> '$.target.id', 'access') ELSE 'access' END = 'access'",
                since("token_key_rotated")
            ),
        ),
    ] {
        let (kind, image, unknown) = (values.kind(), values.image_of("c"), values.unknown());
        connection.execute_batch(&format!(
            "INSERT OR IGNORE INTO main.revoked (kind, id, digest) SELECT '{kind}', image, seal('revoked', '{kind}', image) \
             FROM (SELECT {image} AS image FROM {rows} IN ({owners}) AND {unknown})"
        ))?;
    }
    Ok(())
}

/// Takes over from the attached store `present` when values took effect.
pub(super) fn times(connection: &Connection) -> Outcome<()> {
    connection.execute_batch(
        "INSERT OR IGNORE INTO main.took_effect (kind, image, at, digest) \
         SELECT kind, image, at, seal('took_effect', kind, image, at) FROM present.took_effect",
    )?;
    Ok(())
}

/// Removes the Auth Tokens of the copy that are known as replaced, and the keys that check access keys, where no newer ones can be taken over, and
/// notes them, so that the next restore knows it too. The account gets a token that nobody knows. It is noted as none, and as old as the newer of both, so
/// that this one can come back and an older one cannot. The Relying Party gets keys when it needs them.
pub(super) fn removed(connection: &Connection) -> Outcome<()> {
    let (token, token_keys) = (TOKENS.is_old("c"), TOKEN_KEYS.is_old("c"));
    let (kind, none, image) = (TOKENS.kind(), TOKENS.none(), TOKENS.image_of("c"));
    let (kind_of_keys, image_of_keys) = (TOKEN_KEYS.kind(), TOKEN_KEYS.image_of("c"));
    let [since, p_since] = ["c", "p"].map(|row| TOKENS.since(row));
    let since = format!("ifnull(max({since}, {p_since}), ifnull({since}, {p_since}))");
    // Drawn once for each row, before its digest.
    connection.execute_batch(&format!(
        "CREATE TEMP TABLE removed AS SELECT c.id AS id, {since} AS since \
         FROM main.accounts c LEFT JOIN present.accounts p ON p.id = c.id WHERE {token};
         UPDATE main.accounts SET token = CAST(substr(token, 1, length(token) - 32) || randomblob(32) AS BLOB) \
         WHERE id IN (SELECT id FROM removed);
         UPDATE main.accounts SET digest = seal('accounts', id, token, created) WHERE id IN (SELECT id FROM removed);
         INSERT OR IGNORE INTO main.revoked (kind, id, digest) SELECT '{none}', image, seal('revoked', '{none}', image) \
         FROM (SELECT {image} AS image FROM main.accounts c WHERE c.id IN (SELECT id FROM removed));
         DELETE FROM main.took_effect WHERE kind = '{kind}' AND image IN (SELECT {image} FROM main.accounts c JOIN removed r ON r.id = c.id);
         INSERT INTO main.took_effect (kind, image, at, digest) SELECT '{kind}', image, since, seal('took_effect', '{kind}', image, since) \
         FROM (SELECT {image} AS image, r.since AS since FROM main.accounts c JOIN removed r ON r.id = c.id WHERE r.since IS NOT NULL);
         DROP TABLE removed;
         CREATE TEMP TABLE removed AS SELECT c.relying_party_id AS id, {image_of_keys} AS image FROM main.token_keys c \
         LEFT JOIN present.token_keys p ON p.relying_party_id = c.relying_party_id AND p.kind = c.kind WHERE c.kind = 'access' AND {token_keys};
         INSERT OR IGNORE INTO main.revoked (kind, id, digest) SELECT '{kind_of_keys}', image, seal('revoked', '{kind_of_keys}', image) FROM removed;
         DELETE FROM main.token_keys WHERE kind = 'access' AND relying_party_id IN (SELECT id FROM removed);
         DROP TABLE removed;"
    ))?;
    Ok(())
}

/// Gives the copy what the attached store `present` has replaced since, as far as that is known: the lower of two roles of an administrator, that a
/// webhook is switched off, and where both stores seal with the same key, Auth Tokens and the keys that check access keys. [`revoked`] comes first.
pub(super) fn replaced(connection: &Connection) -> Outcome<()> {
    let (role, off) = (lower_role(), webhook_is_off());
    let (token, token_keys) = (
        TOKENS.present_is_newer("c"),
        TOKEN_KEYS.present_is_newer("c"),
    );
    // A backup from before the first access key has no keys that check one. Those of the store are no others because of it.
    connection.execute_batch(&format!(
        "INSERT INTO main.token_keys (relying_party_id, kind, value, digest) SELECT p.relying_party_id, p.kind, p.value, p.digest \
         FROM present.token_keys p JOIN main.relying_parties r ON r.id = p.relying_party_id \
         WHERE p.kind = 'access' AND {SAME_KEY} AND NOT {} AND NOT EXISTS (SELECT 1 FROM main.token_keys c \
         WHERE c.relying_party_id = p.relying_party_id AND c.kind = p.kind)",
        TOKEN_KEYS.is_replaced("p")
    ))?;
    // An update notes that its value takes effect now. What has no time here keeps none: nobody knows when it took effect.
    connection
        .execute_batch("CREATE TEMP TABLE known AS SELECT kind, image FROM main.took_effect;")?;
    connection.execute_batch(&format!(
        "UPDATE main.console_records AS c SET owner = p.owner, created = p.created, expires = p.expires, body = p.body, \
         digest = p.digest FROM present.console_records p WHERE c.kind = 0 AND p.kind = 0 AND p.id = c.id AND {role};
         UPDATE main.webhooks AS c SET body = json_set(c.body, '$.enabled', json('false')), digest = seal('webhooks', c.relying_party_id, c.id, \
         c.revision, json_set(c.body, '$.enabled', json('false'))) \
         FROM present.webhooks p WHERE p.relying_party_id = c.relying_party_id AND p.id = c.id AND {off};
         UPDATE main.accounts AS c SET token = p.token, digest = seal('accounts', c.id, p.token, c.created) \
         FROM present.accounts p WHERE p.id = c.id AND {token};
         UPDATE main.token_keys AS c SET value = p.value, digest = p.digest FROM present.token_keys p \
         WHERE c.kind = 'access' AND p.kind = 'access' AND p.relying_party_id = c.relying_party_id AND {token_keys};
         DELETE FROM main.took_effect WHERE NOT EXISTS (SELECT 1 FROM known k WHERE k.kind = took_effect.kind AND k.image = took_effect.image);
         DROP TABLE known;"
    ))?;
    Ok(())
}
