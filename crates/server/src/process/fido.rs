//! The FIDO binding of the settings: which Relying Party is served, and how.

use std::time::Duration;

use domain::Passkeys;
use domain::model::audit::{Actor, ActorKind};
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::page::{PageRequest, Position};
use domain::model::policy::PartialSelection;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::model::settings::WireSettings;
use domain::webauthn::origin::Origin;
use domain::webauthn::relying_party::RpId;

use crate::api::fido::Served;
use crate::config::{ConfigError, Fido as Settings};
use crate::error::ProcessError;
use crate::http::PublicUrl;

/// Name of the Relying Party that is created if the settings name none.
const TESTS: &str = "FIDO tests";
/// The same, for real users.
const BINDING: &str = "FIDO binding";
/// The lease of the node that creates one, and how long the node may take. Afterwards others find it by its name.
const CREATION: &str = "fido_relying_party";
const CREATION_MS: i64 = 10_000;
/// Time between two looks at what another node creates.
const LOOK: Duration = Duration::from_millis(100);
/// Relying Parties in one read.
const PAGE: u32 = 100;

/// The Relying Party that the settings name, or one that is found or created in `account`; `None` if the settings turn nothing
/// on.
///
/// # Errors
/// The Relying Party does not exist, or cannot be created.
pub async fn relying_party(
    settings: &Settings,
    passkeys: &Passkeys,
    account: AccountId,
    public_url: &PublicUrl,
) -> Result<Option<RelyingPartyId>, ProcessError> {
    let for_tests = settings.conformance || settings.test_page;
    Ok(match &settings.relying_party {
        Some(sid) => Some(named(passkeys, sid).await?),
        None if for_tests => Some(for_tests_only(passkeys, account, public_url).await?),
        None if settings.binding => {
            // Users see this name. They know the host.
            let selection = selection(public_url, public_url.host())?;
            Some(own(passkeys, account, BINDING, selection).await?.id)
        }
        None if settings.nevisfido => {
            return Err(invalid("name the Service (VA...) that the binding serves").into());
        }
        None => None,
    })
}

/// Who creates and changes these Relying Parties: the settings.
const BY: Actor = Actor::new(ActorKind::Admin, "");

/// The FIDO binding of the settings for this Relying Party; `None` if they turn nothing on.
pub fn served(settings: &Settings, relying_party: RelyingPartyId) -> Option<Served> {
    let root = settings.conformance || settings.binding;
    let dialect = settings.conformance || settings.nevisfido;
    (root || dialect).then_some(Served {
        relying_party,
        conformance: settings.conformance,
        root,
        dialect,
    })
}

fn invalid(why: impl Into<String>) -> ConfigError {
    ConfigError::Invalid {
        key: "fido.relying_party",
        why: why.into(),
    }
}

async fn named(passkeys: &Passkeys, sid: &str) -> Result<RelyingPartyId, ProcessError> {
    let id = sid.strip_prefix("VA").and_then(RelyingPartyId::from_hex);
    let id = id.ok_or_else(|| invalid(format!("{sid:?} is not VA and 32 hex digits")))?;
    passkeys
        .relying_party_itself(id)
        .await
        .map_err(|refusal| match refusal.reason {
            domain::Reason::RelyingPartyUnknown => {
                ProcessError::from(invalid(format!("there is no Service {sid}")))
            }
            _ => refusal.into(),
        })?;
    Ok(id)
}

/// The Relying Party for tests, from an earlier start or new, with the current address of passkeyd.
async fn for_tests_only(
    passkeys: &Passkeys,
    account: AccountId,
    public_url: &PublicUrl,
) -> Result<RelyingPartyId, ProcessError> {
    let selection = selection(public_url, TESTS)?;
    let found = own(passkeys, account, TESTS, selection.clone()).await?;
    if found.selection != selection {
        passkeys
            .update_relying_party::<Refusal>(
                account,
                found.id,
                |rp| {
                    rp.selection = selection.clone();
                    Ok(())
                },
                &BY,
            )
            .await?;
    }
    Ok(found.id)
}

/// The Relying Party with this name from an earlier start, unchanged, or a new one with this selection. Of nodes that start at once,
/// one creates it.
async fn own(
    passkeys: &Passkeys,
    account: AccountId,
    name: &str,
    selection: PartialSelection,
) -> Result<RelyingParty, ProcessError> {
    let mut alone = false;
    loop {
        if let Some(found) = earlier(passkeys, account, name).await? {
            return Ok(found);
        }
        // One more look with the lease: the node that had it before may have created one.
        if alone {
            break;
        }
        alone = passkeys.lease(CREATION, CREATION_MS).await?;
        if !alone {
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(passkeys
        .create_relying_party(account, name, selection, WireSettings::default(), &BY)
        .await?)
}

async fn earlier(
    passkeys: &Passkeys,
    account: AccountId,
    name: &str,
) -> Result<Option<RelyingParty>, Refusal> {
    let mut request = PageRequest::first(PAGE);
    loop {
        let page = passkeys.list_relying_parties(account, request).await?;
        request.after = page.items.last().map(|last| Position {
            created: last.created,
            key: *last.id.as_bytes(),
        });
        let more = page.more;
        let found = page.items.into_iter().find(|rp| rp.name == name);
        if found.is_some() || !more {
            return Ok(found);
        }
    }
}

/// The host and the origin of the public URL.
fn selection(public_url: &PublicUrl, rp_name: &str) -> Result<PartialSelection, ConfigError> {
    let wrong = || {
        invalid(format!(
            "passkeys are not possible at {}: set a `public_url` with a host name, or name a Service",
            public_url.as_str()
        ))
    };
    let (scheme, rest) = public_url.as_str().split_once("://").ok_or_else(wrong)?;
    let authority = rest.split('/').next().unwrap_or_default();
    // As browsers write it: in lower case and without the default port.
    let authority = authority.to_ascii_lowercase();
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
    let host = authority.split(':').next().unwrap_or_default();
    let origin = format!("{scheme}://{authority}");
    Ok(PartialSelection {
        rp_id: Some(RpId::parse(host).map_err(|_| wrong())?),
        rp_name: Some(rp_name.to_owned()),
        origins: Some(vec![
            Origin::parse_configured(&origin).map_err(|_| wrong())?,
        ]),
        ..PartialSelection::default()
    })
}
