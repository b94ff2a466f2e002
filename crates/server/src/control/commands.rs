//! The commands, and the one function that executes them.

use domain::Passkeys;
use domain::Reason;
use domain::model::account::Secret;
use domain::model::console::Role;
use domain::model::grant::Grant;
use domain::model::ids::{AccountId, ApiKeyId};
use domain::model::page::PageRequest;
use domain::model::refusal::Refusal;
use domain::service::console::ConsoleRefusal;
use domain::service::rotation::TokenKeyChange;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::apply::apply;
use super::model::{Administered, NotDone};
use super::named::{
    MOST, accounts, checked, existing, granted, named, no_service, operator, service_of, sid_of,
    unknown,
};
use super::token_keys;
use crate::api::dates::Date;
use crate::api::manage::access_keys;

/// A command, as JSON for the socket: `{"command": "account-list"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AdminCommand {
    /// Examine what needs the store.
    Doctor {},
    /// Create an account.
    AccountCreate {},
    /// List the accounts.
    AccountList {},
    /// Give an account a new Auth Token.
    AccountResetToken {
        /// `AC...`; optional if there is one account.
        account: Option<String>,
    },
    /// Create an API key.
    ApiKeyCreate {
        /// `AC...`; optional if there is one account.
        account: Option<String>,
        /// A name for people.
        name: String,
        /// `read`, `enrol`, `approve`, `manage`; all of them without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scopes: Option<Vec<String>>,
        /// Until when, as in RFC 3339; for ever without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<String>,
    },
    /// List the API keys of an account.
    ApiKeyList {
        /// `AC...`; optional if there is one account.
        account: Option<String>,
    },
    /// Revoke an API key.
    ApiKeyRevoke {
        /// `AC...`; optional if there is one account.
        account: Option<String>,
        /// `SK...`
        id: String,
    },
    /// Create an access key.
    AccessKeyCreate {
        /// `VA...`
        service: String,
        /// A name for people.
        name: String,
        /// `read`, `enrol`, `approve`, `manage`; all of them without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scopes: Option<Vec<String>>,
        /// Until when, as in RFC 3339; for ever without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<String>,
    },
    /// List the access keys of a Service.
    AccessKeyList {
        /// `VA...`
        service: String,
    },
    /// Invite somebody to the console.
    ConsoleInvite {
        /// `owner`, `operator` or `support`.
        role: String,
        /// The suggested name.
        name: String,
    },
    /// List the keys of tokens.
    TokenKeyList {
        /// `VA...`; all Services without it.
        service: Option<String>,
    },
    /// Draw new keys of tokens.
    TokenKeyRotate {
        /// `VA...`; all Services without it.
        service: Option<String>,
        /// Names of kinds.
        kinds: Vec<String>,
    },
    /// Refuse the tokens of replaced keys.
    TokenKeyRetire {
        /// `VA...`; all Services without it.
        service: Option<String>,
        /// Names of kinds.
        kinds: Vec<String>,
    },
    /// Say under which master key the store is sealed.
    MasterKeyShow {},
    /// Wrap the store key under the present master key.
    MasterKeyReseal {},
    /// Compare a document with the store, and apply it.
    Apply {
        /// What is declared.
        document: Value,
        /// The differences that were shown; without it nothing is applied.
        expected: Option<Value>,
    },
    /// Revoke an access key.
    AccessKeyRevoke {
        /// `VA...`
        service: String,
        /// The id of the key, a UUID.
        id: String,
    },
}

/// Executes a command and returns its result.
///
/// # Errors
/// [`NotDone`]: something that the command names does not exist, or the store failed.
pub async fn execute(on: &Administered, command: AdminCommand) -> Result<Value, NotDone> {
    let passkeys = &*on.passkeys;
    match command {
        AdminCommand::Doctor {} => {
            as_value(&crate::doctor::store::examine(passkeys, &on.public_url).await?)
        }
        AdminCommand::AccountCreate {} => {
            let (account, token) = passkeys.create_account(&operator()).await?;
            Ok(with_token(account.id, &token))
        }
        AdminCommand::AccountList {} => {
            let page = accounts(passkeys).await?;
            let shown = page.items.iter().map(|account| {
                json!({"account_sid": sid_of(account.id), "created_at": Date(account.created)})
            });
            Ok(listed("accounts", shown, page.more))
        }
        AdminCommand::AccountResetToken { account } => {
            let account = named(passkeys, account.as_deref()).await?;
            match passkeys.reset_account_token(account, &operator()).await {
                Ok(token) => Ok(with_token(account, &token)),
                Err(refusal) => Err(no_account(passkeys, account, refusal).await),
            }
        }
        AdminCommand::ApiKeyCreate {
            account,
            name,
            scopes,
            expires_at,
        } => {
            let grant = granted(passkeys, scopes.as_deref(), expires_at.as_deref())?;
            create_api_key(passkeys, account.as_deref(), &name, grant).await
        }
        AdminCommand::ApiKeyList { account } => list_api_keys(passkeys, account.as_deref()).await,
        AdminCommand::ApiKeyRevoke { account, id } => {
            let account = existing(passkeys, account.as_deref()).await?;
            let key = id.strip_prefix("SK").and_then(ApiKeyId::from_hex);
            let key = key.ok_or_else(|| {
                NotDone::because(format!(
                    "{id:?} is not the SID of an API key: expected SK and 32 hex digits"
                ))
            })?;
            if passkeys.delete_api_key(account, key, &operator()).await? {
                return Ok(json!({"id": id}));
            }
            Err(NotDone::because(format!(
                "{} has no API key {id}",
                sid_of(account)
            )))
        }
        AdminCommand::AccessKeyCreate {
            service,
            name,
            scopes,
            expires_at,
        } => {
            let (rp, name, by) = (service_of(&service)?, checked(&name)?, operator());
            let grant = granted(passkeys, scopes.as_deref(), expires_at.as_deref())?;
            let made = access_keys::make(passkeys, &on.public_url, rp, name, grant, &by);
            as_value(&made.await.map_err(no_service)?)
        }
        AdminCommand::AccessKeyList { service } => {
            let rp = service_of(&service)?;
            passkeys
                .relying_party_itself(rp)
                .await
                .map_err(no_service)?;
            as_value(&access_keys::all(passkeys, rp).await?)
        }
        AdminCommand::ConsoleInvite { role, name } => invite(on, &role, &name).await,
        AdminCommand::TokenKeyList { service } => {
            token_keys::listed(passkeys, service.as_deref()).await
        }
        AdminCommand::TokenKeyRotate { service, kinds } => {
            let change = TokenKeyChange::Rotate;
            token_keys::change(passkeys, service.as_deref(), &kinds, change).await
        }
        AdminCommand::TokenKeyRetire { service, kinds } => {
            let change = TokenKeyChange::Retire;
            token_keys::change(passkeys, service.as_deref(), &kinds, change).await
        }
        AdminCommand::MasterKeyShow {} => show_master_key(on).await,
        AdminCommand::MasterKeyReseal {} => reseal(on).await,
        AdminCommand::Apply { document, expected } => apply(on, document, expected.as_ref()).await,
        AdminCommand::AccessKeyRevoke { service, id } => {
            if access_keys::revoke(passkeys, service_of(&service)?, &id, &operator()).await? {
                return Ok(json!({"id": id}));
            }
            Err(NotDone::because(
                "the Service has no access key with this id",
            ))
        }
    }
}

async fn create_api_key(
    passkeys: &Passkeys,
    account: Option<&str>,
    name: &str,
    grant: Grant,
) -> Result<Value, NotDone> {
    let account = named(passkeys, account).await?;
    let by = operator();
    let made = passkeys.create_api_key(account, checked(name)?, grant, &by);
    match made.await {
        Ok((key, secret)) => Ok(json!({
            "account_sid": sid_of(account),
            "id": format!("SK{}", key.id),
            "name": key.name,
            "secret": secret.reveal(),
            "created_at": Date(key.created),
            "scopes": names(key.grant),
            "expires_at": key.grant.expires.map(Date),
        })),
        Err(refusal) => Err(no_account(passkeys, account, refusal).await),
    }
}

async fn list_api_keys(passkeys: &Passkeys, account: Option<&str>) -> Result<Value, NotDone> {
    let account = existing(passkeys, account).await?;
    let first = PageRequest::first(MOST);
    let page = passkeys.list_api_keys(account, first).await?;
    let shown = page.items.into_iter().map(|key| {
        json!({
            "id": format!("SK{}", key.id),
            "name": key.name,
            "created_at": Date(key.created),
            "scopes": names(key.grant),
            "expires_at": key.grant.expires.map(Date),
            "last_used_at": key.used.map(Date),
        })
    });
    Ok(listed("api_keys", shown, page.more))
}

fn names(grant: Grant) -> Vec<&'static str> {
    grant.scopes.names().collect()
}

/// The names of the master keys.
async fn show_master_key(on: &Administered) -> Result<Value, NotDone> {
    let keys = on.master_keys.as_ref();
    let previous = keys.and_then(|keys| keys.previous.as_ref());
    Ok(json!({
        "sealed_under": on.passkeys.sealed_under().await?.map(|id| id.to_string()),
        "current": keys.map(|keys| keys.current.id().to_string()),
        "previous": previous.map(|key| key.id().to_string()),
    }))
}

/// Wraps the store key under the present master key.
async fn reseal(on: &Administered) -> Result<Value, NotDone> {
    let Some(keys) = &on.master_keys else {
        return Err(NotDone::because(
            "no master key is set: set `master_key_file`, and restart passkeyd",
        ));
    };
    let done = on.passkeys.rewrap_store_key(keys).await;
    let done = done.map_err(|why| NotDone::because(why.to_string()))?;
    Ok(json!({"sealed_under": keys.current.id().to_string(), "changed": done}))
}

/// Makes a link to the console. Who has the machine may make an owner.
async fn invite(on: &Administered, role: &str, name: &str) -> Result<Value, NotDone> {
    let Some(place) = &on.console else {
        return Err(NotDone::because(
            "the console is off: set `console.enabled`",
        ));
    };
    let role = Role::from_name(role).ok_or_else(|| {
        let roles: Vec<_> = Role::ALL.iter().map(|role| role.name()).collect();
        NotDone::because(format!(
            "{role:?} is no role: expected {}",
            roles.join(", ")
        ))
    })?;
    let by = operator();
    match on.passkeys.invite_administrator(name, role, &by).await {
        Ok((invite, token)) => Ok(json!({
            "link": place.link(&format!("/invite/{}", token.reveal())),
            "role": invite.role.name(),
            "name": invite.name,
            "expires_at": Date(invite.expires),
        })),
        Err(ConsoleRefusal::Domain(refusal)) => Err(refusal.into()),
        Err(_) => Err(NotDone::because(
            "a name has 1 to 64 bytes and no control characters",
        )),
    }
}

async fn no_account(passkeys: &Passkeys, account: AccountId, refusal: Refusal) -> NotDone {
    if refusal.reason != Reason::AccountUnknown {
        return refusal.into();
    }
    match accounts(passkeys).await {
        Ok(page) => unknown(account, &page.items),
        Err(refusal) => refusal.into(),
    }
}

fn with_token(account: AccountId, token: &Secret) -> Value {
    json!({"account_sid": sid_of(account), "auth_token": token.reveal()})
}

/// A list; `more` says that it has further records, and is left out if it has not.
fn listed(name: &str, records: impl Iterator<Item = Value>, more: bool) -> Value {
    let mut list = json!({name: records.collect::<Vec<_>>()});
    if more {
        list["more"] = Value::Bool(true);
    }
    list
}

fn as_value(result: &impl Serialize) -> Result<Value, NotDone> {
    serde_json::to_value(result).map_err(|error| NotDone::because(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_object_whose_member_command_names_it() {
        for (text, command) in [
            (
                r#"{"command":"account-list"}"#,
                AdminCommand::AccountList {},
            ),
            (
                r#"{"command":"access-key-create","service":"VA","name":"x","scopes":["read"],"expires_at":"2030-01-01T00:00:00Z"}"#,
                AdminCommand::AccessKeyCreate {
                    service: "VA".to_owned(),
                    name: "x".to_owned(),
                    scopes: Some(vec!["read".to_owned()]),
                    expires_at: Some("2030-01-01T00:00:00Z".to_owned()),
                },
            ),
            (
                r#"{"command":"api-key-create","account":null,"name":"x"}"#,
                AdminCommand::ApiKeyCreate {
                    account: None,
                    name: "x".to_owned(),
                    scopes: None,
                    expires_at: None,
                },
            ),
        ] {
            assert_eq!(serde_json::to_string(&command).unwrap(), text);
            assert_eq!(serde_json::from_str::<AdminCommand>(text).unwrap(), command);
        }
        for wrong in [
            r#"{"command":"no-such"}"#,
            r#"{"command":"account-create","name":"x"}"#,
            "{}",
            "[]",
        ] {
            assert!(serde_json::from_str::<AdminCommand>(wrong).is_err());
        }
    }
}
