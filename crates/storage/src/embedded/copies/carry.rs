//! What stays revoked when a backup takes the place of a store: the newer store says it, and the copy of the backup follows.

use domain::model::clock::Timestamp;
use rusqlite::{Connection, params};

use super::report::{TOKEN_KEYS, TOKENS, console, lower_role};
use crate::embedded::sql::Outcome;

/// Removes what the attached store `present` has revoked, and notes it, so that the next restore knows it too.
pub(super) fn revoked(connection: &Connection, now: Timestamp) -> Outcome<()> {
    let console = console();
    let of = |kind: &str| format!("(SELECT id FROM main.revoked WHERE kind = '{kind}')");
    let (access, api) = (of("access_key"), of("api_key"));
    let (webhook, administrator) = (of("webhook"), of("administrator"));
    connection.execute_batch(&format!(
        "INSERT OR IGNORE INTO main.revoked (kind, id, digest) SELECT kind, id, digest FROM present.revoked;
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

/// Gives the copy what the attached store `present` has replaced since, as far as that is known: the lower of two roles of an administrator, and
/// where both stores seal with the same key, Auth Tokens and the keys that check access keys. [`revoked`] comes first.
pub(super) fn replaced(connection: &Connection) -> Outcome<()> {
    let role = lower_role();
    let (token, token_keys) = (TOKENS.present_is_newer(), TOKEN_KEYS.present_is_newer());
    connection.execute_batch(&format!(
        "UPDATE main.console_records AS c SET owner = p.owner, created = p.created, expires = p.expires, body = p.body, \
         digest = p.digest FROM present.console_records p WHERE c.kind = 0 AND p.kind = 0 AND p.id = c.id AND {role};
         UPDATE main.accounts AS c SET token = p.token, digest = seal('accounts', c.id, p.token, c.created) \
         FROM present.accounts p WHERE p.id = c.id AND {token};
         UPDATE main.token_keys AS c SET value = p.value, digest = p.digest FROM present.token_keys p \
         WHERE c.kind = 'access' AND p.kind = 'access' AND p.relying_party_id = c.relying_party_id AND {token_keys};"
    ))?;
    Ok(())
}
