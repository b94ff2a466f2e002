//! The commands about the keys of tokens.

use domain::Passkeys;
use domain::model::audit::{Actor, ActorKind};
use domain::model::ids::RelyingPartyId;
use domain::model::page::{PageRequest, Position};
use domain::model::token::TokenKind;
use domain::service::rotation::{ListedTokenKey, TokenKeyChange};
use serde_json::{Value, json};

use super::model::NotDone;
use super::named::{accounts, no_service, service_of};
use crate::api::dates::Date;

/// Records in one read.
const PAGE: u32 = 100;

/// The Service with this SID, or all of them.
async fn of(passkeys: &Passkeys, service: Option<&str>) -> Result<Vec<RelyingPartyId>, NotDone> {
    if let Some(sid) = service {
        let rp = service_of(sid)?;
        passkeys
            .relying_party_itself(rp)
            .await
            .map_err(no_service)?;
        return Ok(vec![rp]);
    }
    let mut services = Vec::new();
    for account in accounts(passkeys).await?.items {
        let mut request = PageRequest::first(PAGE);
        loop {
            let page = passkeys.list_relying_parties(account.id, request).await?;
            request.after = page.items.last().map(|last| Position {
                created: last.created,
                key: *last.id.as_bytes(),
            });
            services.extend(page.items.iter().map(|rp| rp.id));
            if !page.more {
                break;
            }
        }
    }
    Ok(services)
}

/// Lists the keys.
pub(super) async fn listed(passkeys: &Passkeys, service: Option<&str>) -> Result<Value, NotDone> {
    let mut keys = Vec::new();
    for rp in of(passkeys, service).await? {
        let of_service = passkeys.list_token_keys(rp).await?;
        keys.extend(of_service.iter().map(|key| shown(rp, key)));
    }
    Ok(json!({ "token_keys": keys }))
}

/// Changes the keys of these kinds, and lists them.
pub(super) async fn change(
    passkeys: &Passkeys,
    service: Option<&str>,
    kinds: &[String],
    change: TokenKeyChange,
) -> Result<Value, NotDone> {
    let mut named = Vec::with_capacity(kinds.len());
    for name in kinds {
        named.push(TokenKind::from_name(name).ok_or_else(|| {
            let all: Vec<_> = TokenKind::ALL.iter().map(|kind| kind.name()).collect();
            NotDone::because(format!(
                "{name:?} is no kind of token: expected {}",
                all.join(", ")
            ))
        })?);
    }
    let by = Actor::new(ActorKind::Admin, "");
    let mut keys = Vec::new();
    for rp in of(passkeys, service).await? {
        for kind in &named {
            let changed = passkeys.change_token_keys(rp, *kind, change, &by).await?;
            keys.extend(changed.iter().map(|key| shown(rp, key)));
        }
    }
    Ok(json!({ "token_keys": keys }))
}

fn shown(rp: RelyingPartyId, key: &ListedTokenKey) -> Value {
    json!({
        "service_sid": format!("VA{rp}"),
        "kind": key.kind.name(),
        "number": key.number,
        "created_at": key.created.map(Date),
        "makes_tokens": key.signs,
        "makes_tokens_from": Date(key.signs_from),
        "accepted_until": key.ends.map(Date),
        "sealed": key.sealed,
    })
}
