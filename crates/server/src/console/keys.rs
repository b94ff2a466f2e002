//! Keys: access keys of a Service, and API keys of an account. A secret is shown once, in the response to its creation.

use askama::Template;
use axum::response::Response;
use domain::model::access_key::AccessKey;
use domain::model::account::ApiKey;
use domain::model::ids::{AccessKeyId, AccountId, ApiKeyId};
use domain::model::page::PageRequest;
use domain::model::relying_party::RelyingParty;

use super::failure::Failure;
use super::page::{self, Frame};
use super::services::{self, NAME};
use super::token_keys::{self, TokenKeyRow};
use super::visit::Visit;
use super::words;
use crate::api::nevis::access_keys;

/// Most keys that are shown.
const MOST: u32 = 200;
const NAME_WRONG: &str = "Enter a name of 1 to 128 characters without control characters.";

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
    /// Identifier, name, creation and expiry of each key, and its part of the path.
    keys: Vec<Row>,
    /// The keys of tokens of the Service.
    token_keys: Vec<TokenKeyRow>,
    name: String,
    wrong: Option<&'static str>,
    /// The identifier and the secret of a key that was just made.
    made: Option<(String, String)>,
}

struct Row {
    id: String,
    name: String,
    created: String,
    expires: Option<String>,
}

impl From<AccessKey> for Row {
    fn from(key: AccessKey) -> Self {
        Self {
            id: key.id.to_hex(),
            name: key.name,
            created: words::moment(key.created),
            expires: key.expires.map(words::moment),
        }
    }
}

impl From<ApiKey> for Row {
    fn from(key: ApiKey) -> Self {
        Self {
            id: words::api_key(key.id),
            name: key.name,
            created: words::moment(key.created),
            expires: None,
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
        name: String::new(),
        wrong: None,
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
    let name = visit.field("name");
    if !NAME.allows(name) {
        let mut page = service_page(&visit).await?;
        name.clone_into(&mut page.name);
        page.wrong = Some(NAME_WRONG);
        return page::not_accepted(&page);
    }
    let passkeys = visit.passkeys();
    let by = visit.actor();
    let key = passkeys.create_access_key(rp.id, name, None, &by);
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

async fn account(visit: &Visit) -> Result<AccountId, Failure> {
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
        name: String::new(),
        wrong: None,
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
    let name = visit.field("name");
    if !NAME.allows(name) {
        let mut page = account_page(&visit).await?;
        name.clone_into(&mut page.name);
        page.wrong = Some(NAME_WRONG);
        return page::not_accepted(&page);
    }
    let by = visit.actor();
    let made = visit.passkeys().create_api_key(account, name, &by);
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
