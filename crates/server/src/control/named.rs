//! What commands name.

use domain::Passkeys;
use domain::Reason;
use domain::model::account::Account;
use domain::model::audit::{Actor, ActorKind};
use domain::model::grant::Grant;
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::page::{Page, PageRequest};
use domain::model::refusal::Refusal;

use super::model::NotDone;
use crate::api::grants;
use crate::api::manage::service_id;
use crate::http::name::NameRule;

/// Most records of a list that are shown.
pub(super) const MOST: u32 = 1000;

/// Names for people.
const NAME: NameRule = NameRule::characters(1, 128);

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

/// Who gives the commands: who holds the machine.
pub(super) fn operator() -> Actor {
    Actor::new(ActorKind::Admin, "command-line")
}

/// The account with this SID, or the only one of the store.
pub(super) async fn named(passkeys: &Passkeys, sid: Option<&str>) -> Result<AccountId, NotDone> {
    let Some(sid) = sid else {
        let page = accounts(passkeys).await?;
        return match page.items.as_slice() {
            [only] => Ok(only.id),
            [] => Err(NotDone::because(
                "this store has no account yet: the first `passkeyd serve` or `passkeyd account create` makes one",
            )),
            several => Err(NotDone::because(format!(
                "this store has several accounts; name one of them: {}",
                names(several)
            ))),
        };
    };
    let account = sid.strip_prefix("AC").and_then(AccountId::from_hex);
    account.ok_or_else(|| {
        NotDone::because(format!(
            "{sid:?} is not an Account SID: expected AC and 32 hex digits"
        ))
    })
}

/// As [`named`], for commands that do not notice themselves that there is no such account.
pub(super) async fn existing(passkeys: &Passkeys, sid: Option<&str>) -> Result<AccountId, NotDone> {
    let account = named(passkeys, sid).await?;
    let page = accounts(passkeys).await?;
    // In a store with very many accounts, one that is not among the first is taken as given.
    if page.more || page.items.iter().any(|one| one.id == account) {
        return Ok(account);
    }
    Err(unknown(account, &page.items))
}

/// Says that an account is not there.
pub(super) fn unknown(account: AccountId, others: &[Account]) -> NotDone {
    NotDone::because(format!(
        "this store has no account {}; it has {}",
        sid_of(account),
        names(others)
    ))
}

fn names(accounts: &[Account]) -> String {
    if accounts.is_empty() {
        return "none".to_owned();
    }
    let sids: Vec<String> = accounts.iter().map(|a| sid_of(a.id)).collect();
    sids.join(", ")
}

/// The SID of an account.
pub(super) fn sid_of(account: AccountId) -> String {
    format!("AC{account}")
}

/// A name for people.
pub(super) fn checked(name: &str) -> Result<&str, NotDone> {
    if NAME.allows(name) {
        return Ok(name);
    }
    Err(NotDone::because(format!(
        "a name has 1 to {} characters and no control characters",
        NAME.most()
    )))
}

/// What a key may do. Who has the machine may make any.
pub(super) fn granted(
    passkeys: &Passkeys,
    scopes: Option<&[String]>,
    expires_at: Option<&str>,
) -> Result<Grant, NotDone> {
    grants::asked_for(scopes, expires_at, &Grant::EVERYTHING, passkeys.now())
        .map_err(|why| NotDone::because(why.to_string()))
}
