//! What commands name.

use domain::Passkeys;
use domain::Reason;
use domain::model::account::Account;
use domain::model::ids::RelyingPartyId;
use domain::model::page::{Page, PageRequest};
use domain::model::refusal::Refusal;

use super::model::NotDone;
use crate::api::manage::service_id;

/// Most records of a list that are shown.
pub(super) const MOST: u32 = 1000;

/// The accounts of the store.
pub(super) async fn accounts(passkeys: &Passkeys) -> Result<Page<Account>, Refusal> {
    passkeys.list_accounts(PageRequest::first(MOST)).await
}

/// The Service with this SID.
pub(super) fn service_of(sid: &str) -> Result<RelyingPartyId, NotDone> {
    service_id(sid).ok_or_else(|| {
        NotDone::because(format!(
            "{sid:?} is no Service: expected VA and 32 hex digits"
        ))
    })
}

/// Says that a Service is not there.
pub(super) fn no_service(refusal: Refusal) -> NotDone {
    match refusal.reason {
        Reason::RelyingPartyUnknown => NotDone::because("there is no such Service in this store"),
        _ => refusal.into(),
    }
}
