//! Keys: access keys of a Service, and API keys of an account. A secret is shown once, in the response to its creation.

use askama::Template;
use axum::response::Response;
use domain::model::access_key::AccessKey;
use domain::model::account::ApiKey;
use domain::model::grant::{Grant, Scope, Scopes};
use domain::model::ids::{AccessKeyId, AccountId, ApiKeyId};
use domain::model::page::PageRequest;
use domain::model::relying_party::RelyingParty;

use super::failure::Failure;
use super::page::{self, Frame};
use super::services::{self, NAME, NAME_WRONG};
use super::token_keys::{self, TokenKeyRow};
use super::visit::Visit;
use super::words;
use super::wrong::Wrong;
use crate::api::grants::{self, GrantError};
use crate::api::nevis::access_keys;

/// Most keys that are shown.
const MOST: u32 = 200;

#[derive(Template)]
#[template(path = "console/keys.html")]
struct KeysPage {
    frame: Frame,
    /// The Service whose keys these are; `None` for those of an account.
    rp: Option<RelyingParty>,
    /// The account.
    account: AccountId,
    /// Where the forms go.
    here: String,
    /// What is shown of each key.
    keys: Vec<Row>,
    /// The keys of tokens of the Service.
    token_keys: Vec<TokenKeyRow>,
    form: NewKey,
    /// The identifier and the secret of a key that was just made.
    made: Option<(String, String)>,
}

/// The form of a new key, as it was filled in.
struct NewKey {
    name: String,
    /// Each scope, what it is for, and whether its box is ticked.
    scopes: Vec<(&'static str, &'static str, bool)>,
    /// The last day of the key, or nothing.
    until: String,
    wrong: Wrong,
}

/// What a scope is for.
const fn purpose(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "read records",
        Scope::Enrol => "create users, and register and name passkeys",
        Scope::Approve => "sign users in",
        Scope::Manage => "change settings, webhooks and keys, and delete records",
    }
}

impl NewKey {
    /// An empty form: every box is ticked.
    fn empty() -> Self {
        Self::filled(|_| true)
    }

    fn filled(ticked: impl Fn(Scope) -> bool) -> Self {
        let scopes = Scope::ALL.map(|scope| (scope.name(), purpose(scope), ticked(scope)));
        Self {
            name: String::new(),
            scopes: scopes.into(),
            until: String::new(),
            wrong: Wrong::default(),
        }
    }

    /// The name and the grant of the key, or the form with what is wrong with it.
    fn of(visit: &Visit) -> Result<(String, Grant), Self> {
        let ticked = |scope: Scope| visit.has(scope.name());
        let (name, until) = (visit.field("name"), visit.field("until"));
        let scopes: Vec<String> = Scope::ALL
            .into_iter()
            .filter(|scope| ticked(*scope))
            .map(|scope| scope.name().to_owned())
            .collect();
        // A form gives a day. The key works until it is over.
        let last_second = format!("{until}T23:59:59Z");
        let until_then = (!until.is_empty()).then_some(last_second.as_str());
        let now = visit.passkeys().now();
        let asked = grants::asked_for(Some(&scopes), until_then, &Grant::EVERYTHING, now);
        let mut wrong = Wrong::default();
        if !NAME.allows(name) {
            wrong.mark("name", NAME_WRONG);
        }
        match asked {
            Ok(grant) if wrong.is_empty() => return Ok((name.to_owned(), grant)),
            Ok(_) => {}
            Err(GrantError::Scopes | GrantError::Beyond) => {
                wrong.mark("scopes", "Tick one box at least.");
            }
            Err(GrantError::Expires) => wrong.mark(
                "until",
                "Enter the last day as year-month-day, for example 2027-01-31.",
            ),
            Err(GrantError::Past) => {
                wrong.mark("until", "The last day is over. Enter a later one, or none.");
            }
        }
        Err(Self {
            name: name.to_owned(),
            until: until.to_owned(),
            wrong,
            ..Self::filled(ticked)
        })
    }
}

struct Row {
    id: String,
    name: String,
    created: String,
    scopes: String,
    expires: Option<String>,
    used: Option<String>,
}

fn scopes(grant: Grant) -> String {
    if grant.scopes == Scopes::ALL {
        return "everything".to_owned();
    }
    grant.scopes.names().collect::<Vec<_>>().join(", ")
}

impl From<AccessKey> for Row {
    fn from(key: AccessKey) -> Self {
        Self {
            id: key.id.to_hex(),
            scopes: scopes(key.grant()),
            name: key.name,
            created: words::moment(key.created),
            expires: key.expires.map(words::moment),
            used: key.used.map(words::moment),
        }
    }
}

impl From<ApiKey> for Row {
    fn from(key: ApiKey) -> Self {
        Self {
            id: words::api_key(key.id),
            name: key.name,
            created: words::moment(key.created),
            scopes: scopes(key.grant),
            expires: key.grant.expires.map(words::moment),
            used: key.used.map(words::moment),
        }
    }
}

async fn service_page(visit: &Visit) -> Result<KeysPage, Failure> {
    let rp = services::of_path(visit).await?;
    let page = PageRequest::first(MOST);
    let keys = visit.passkeys().list_access_keys(rp.id, page).await?;
    let token_keys = visit.passkeys().list_token_keys(rp.id).await?;
    Ok(KeysPage {
        frame: visit.frame()?,
        token_keys: token_keys::rows(&token_keys),
        account: rp.account,
        here: format!("/services/{}/keys", words::service(rp.id)),
        rp: Some(rp),
        keys: keys.items.into_iter().map(Row::from).collect(),
        form: NewKey::empty(),
        made: None,
    })
}

/// `GET /console/services/{service}/keys`.
pub(super) async fn of_service(visit: Visit) -> Result<Response, Failure> {
    page::page(&service_page(&visit).await?)
}

/// `POST /console/services/{service}/keys`.
pub(super) async fn create_access_key(visit: Visit) -> Result<Response, Failure> {
    let rp = services::of_path(&visit).await?;
    let (name, grant) = match NewKey::of(&visit) {
        Ok(asked) => asked,
        Err(form) => {
            let page = service_page(&visit).await?;
            return page::not_accepted(&KeysPage { form, ..page });
        }
    };
    let passkeys = visit.passkeys();
    let by = visit.actor();
    let key = passkeys.create_access_key(rp.id, &name, grant, &by);
    let key = key.await?;
    let text = access_keys::text(passkeys, visit.state.public_url.as_str(), &key).await?;
    let mut page = service_page(&visit).await?;
    page.made = Some((key.name, text));
    page::page(&page)
}

/// `POST /console/services/{service}/keys/{key}/revoke`.
pub(super) async fn revoke_access_key(visit: Visit) -> Result<Response, Failure> {
    let rp = services::of_path(&visit).await?;
    let absent = || Failure::Absent("There is no such key any more.");
    let id = AccessKeyId::from_hex(&words::digits(visit.segment("key"))).ok_or_else(absent)?;
    let passkeys = visit.passkeys();
    let by = visit.actor();
    let revoked = passkeys.delete_access_key(rp.id, id, &by);
    if !revoked.await? {
        return Err(absent());
    }
    let to = format!("/services/{}/keys", words::service(rp.id));
    Ok(visit.back(&to, "revoked"))
}

pub(super) async fn account(visit: &Visit) -> Result<AccountId, Failure> {
    let id = AccountId::from_hex(&words::digits(visit.segment("account")));
    let accounts = services::accounts(visit).await?;
    let found = accounts.iter().find(|account| Some(account.id) == id);
    let found = found.ok_or(Failure::Absent("There is no such account."))?;
    Ok(found.id)
}

async fn account_page(visit: &Visit) -> Result<KeysPage, Failure> {
    let account = account(visit).await?;
    let page = PageRequest::first(MOST);
    let keys = visit.passkeys().list_api_keys(account, page).await?;
    Ok(KeysPage {
        frame: visit.frame()?,
        token_keys: Vec::new(),
        rp: None,
        account,
        here: format!("/accounts/{}/keys", words::account(account)),
        keys: keys.items.into_iter().map(Row::from).collect(),
        form: NewKey::empty(),
        made: None,
    })
}

/// `GET /console/accounts/{account}/keys`.
pub(super) async fn of_account(visit: Visit) -> Result<Response, Failure> {
    page::page(&account_page(&visit).await?)
}

/// `POST /console/accounts/{account}/keys`.
pub(super) async fn create_api_key(visit: Visit) -> Result<Response, Failure> {
    let account = account(&visit).await?;
    let (name, grant) = match NewKey::of(&visit) {
        Ok(asked) => asked,
        Err(form) => {
            let page = account_page(&visit).await?;
            return page::not_accepted(&KeysPage { form, ..page });
        }
    };
    let by = visit.actor();
    let made = visit.passkeys().create_api_key(account, &name, grant, &by);
    let (key, secret) = made.await?;
    let mut page = account_page(&visit).await?;
    page.made = Some((words::api_key(key.id), secret.reveal().to_owned()));
    page::page(&page)
}

/// `POST /console/accounts/{account}/keys/{key}/revoke`.
pub(super) async fn revoke_api_key(visit: Visit) -> Result<Response, Failure> {
    let account = account(&visit).await?;
    let absent = || Failure::Absent("There is no such key any more.");
    let id = ApiKeyId::from_hex(&words::digits(visit.segment("key"))).ok_or_else(absent)?;
    let by = visit.actor();
    let removed = visit.passkeys().delete_api_key(account, id, &by);
    if !removed.await? {
        return Err(absent());
    }
    let to = format!("/accounts/{}/keys", words::account(account));
    Ok(visit.back(&to, "revoked"))
}
