//! What each reading operation reads.

mod accounts;
mod ceremonies;
mod events;
mod imports;
mod keys;
mod metadata;
mod page;
mod parties;
mod users;
mod webhooks;

use rusqlite::Connection;

use crate::embedded::sql::{Outcome, exists};

pub(super) use accounts::{list_accounts, list_api_keys, list_console_records, secret};
pub(super) use ceremonies::{
    ceremony, is_in_table, list_authentications, list_unfinished_registrations,
};
pub(super) use events::{find_events, with_old_events};
pub(super) use imports::{import, list_imported, list_imports};
pub(super) use keys::{access_key, list_access_keys, list_token_keys, store_key, token_key};
pub(super) use metadata::{REMOVED, metadata};
pub(super) use page::LAST_KEY;
pub(super) use parties::{
    has_origin, is_claimed, list_relying_parties, relying_parties_with_rp_id, relying_party,
};
pub(super) use users::{
    count_models, credential, credential_by_id, evidence, list_credentials, list_users,
    owners_are_there, user, user_with_credentials, users_named,
};
pub(super) use webhooks::{list_deliveries, list_webhooks, webhook};

pub(super) fn ping(connection: &Connection) -> Outcome<()> {
    // A statement that has to look into the file.
    exists(connection, "SELECT 1 FROM meta", []).map(drop)
}
