//! Records as rows: which columns, in which order, in which form.

mod accounts;
mod asked;
mod bytes;
mod ceremonies;
mod columns;
mod credentials;
mod deliveries;
mod events;
mod fresh;

pub(super) use self::accounts::{
    USER_WIDTH, account, api_key, grant, insert_account, insert_api_key, insert_new_user,
    secret_hash, user,
};
pub(super) use self::ceremonies::{CeremonyRow, Ended, KeptPolicy, ceremony, takeable};
pub(super) use self::columns::{
    AUTHENTICATION, FAILED, PENDING, REGISTRATION, SUCCEEDED, alive, columns, counter, from_json,
    json,
};
pub(super) use self::credentials::{
    CredentialRow, credential, credential_digest_13, evidence, row_hash,
};
pub(super) use self::deliveries::{delivery, insert_delivery};
pub(super) use self::events::{
    event, event_is_about, event_is_there, event_kind, event_place, insert_event,
};
pub(super) use self::fresh::{enqueue, fresh_delivery, fresh_from, fresh_key, fresh_moment};
