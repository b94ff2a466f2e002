//! `/v2/Services/{VA}/Webhooks` (docs/wires/twilio.md, section 6.5), as resources.

use axum::response::Response;
use domain::model::ids::WebhookId;
use domain::model::notice::NoticeType;
use domain::model::relying_party::RelyingParty;
use domain::model::webhook::{MAX_URL, Webhook, is_url};
use domain::webauthn::options::is_word;
use ipnet::IpNet;
use serde::Serialize;

use super::codes::Code;
use super::error::{ApiError, refused};
use super::form::Form;
use super::name::FRIENDLY_NAME;
use super::paging::{List, Row};
use super::reasons::Call;
use super::request::{Request, created, ok};
use super::services;
use super::sid::Sid;
use super::state::{State, administrator};
use crate::api::dates::Date;
use crate::http::addresses;
use crate::http::reply::no_content;

#[derive(Debug, Serialize)]
struct Shown<'a> {
    sid: Sid,
    service_sid: Sid,
    account_sid: Sid,
    friendly_name: &'a str,
    event_types: &'a [String],
    status: &'static str,
    version: &'a str,
    webhook_url: &'a str,
    webhook_method: &'static str,
    date_created: Date,
    date_updated: Date,
    url: String,
}

fn shown<'a>(state: &State, rp: &RelyingParty, webhook: &'a Webhook) -> Shown<'a> {
    let sid = Sid::of(&webhook.id);
    Shown {
        sid,
        service_sid: Sid::of(&rp.id),
        account_sid: Sid::of(&rp.account),
        friendly_name: &webhook.name,
        event_types: &webhook.event_types,
        status: if webhook.enabled {
            "enabled"
        } else {
            "disabled"
        },
        version: &webhook.version,
        webhook_url: &webhook.url,
        webhook_method: "POST",
        date_created: Date(webhook.created),
        date_updated: Date(webhook.updated),
        url: state
            .public_url
            .join(&format!("{}/Webhooks/{sid}", services::path(rp.id))),
    }
}

/// The parameters that are there.
#[derive(Debug, Default)]
struct Parameters {
    name: Option<String>,
    event_types: Option<Vec<String>>,
    url: Option<String>,
    enabled: Option<bool>,
    version: Option<String>,
}

impl Parameters {
    fn read(form: &Form<'_>, networks: &[IpNet]) -> Result<Self, ApiError> {
        Ok(Self {
            name: form.get("FriendlyName").map(friendly_name).transpose()?,
            // Ruby sends an empty list as a parameter without a value.
            event_types: form
                .all("EventTypes")
                .any(|text| !text.is_empty())
                .then(|| event_types(form))
                .transpose()?,
            url: form
                .get("WebhookUrl")
                .map(|url| webhook_url(url, networks))
                .transpose()?,
            enabled: match word(form, "Status") {
                None => None,
                Some(status) if is_word(status, "enabled") => Some(true),
                Some(status) if is_word(status, "disabled") => Some(false),
                Some(_) => return Err(bad("Status", "Status must be enabled or disabled")),
            },
            version: match word(form, "Version") {
                None => None,
                Some(version) => match ["v1", "v2"].iter().find(|v| is_word(version, v)) {
                    Some(version) => Some((*version).to_owned()),
                    None => return Err(bad("Version", "Version must be v1 or v2")),
                },
            },
        })
    }

    fn apply(&self, webhook: &mut Webhook) {
        if let Some(name) = &self.name {
            webhook.name.clone_from(name);
        }
        if let Some(event_types) = &self.event_types {
            webhook.event_types.clone_from(event_types);
        }
        if let Some(url) = &self.url {
            webhook.url.clone_from(url);
        }
        if let Some(enabled) = self.enabled {
            webhook.enabled = enabled;
            webhook.failing = None;
        }
        if let Some(version) = &self.version {
            webhook.version.clone_from(version);
        }
    }
}

/// An enumeration; empty counts as absent.
fn word<'f>(form: &'f Form<'_>, name: &str) -> Option<&'f str> {
    form.get(name).filter(|text| !text.is_empty())
}

fn bad(parameter: &'static str, problem: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::invalid_request(problem).member(parameter)
}

fn friendly_name(text: &str) -> Result<String, ApiError> {
    if FRIENDLY_NAME.allows(text) {
        return Ok(text.to_owned());
    }
    let most = FRIENDLY_NAME.most();
    let problem =
        format!("FriendlyName must have 1 to {most} characters and no control characters");
    Err(bad("FriendlyName", problem))
}

fn event_types(form: &Form<'_>) -> Result<Vec<String>, ApiError> {
    let mut types: Vec<String> = Vec::new();
    for text in form
        .all("EventTypes")
        .filter(|text| !text.is_empty())
        .flat_map(|text| text.split(','))
        .map(str::trim)
    {
        if !NoticeType::may_be_asked_for(text) {
            let problem = format!("EventTypes must be some of: {}", NoticeType::names());
            return Err(bad("EventTypes", problem));
        }
        if !types.iter().any(|known| known == text) {
            types.push(text.to_owned());
        }
    }
    Ok(types)
}

/// An absolute http(s) URL with a host that may be called. Where a name leads is judged when something is sent.
fn webhook_url(text: &str, networks: &[IpNet]) -> Result<String, ApiError> {
    if !is_url(text) {
        return Err(bad(
            "WebhookUrl",
            format!(
                "WebhookUrl must be an absolute http or https URL without a user name, of at most {MAX_URL} characters"
            ),
        ));
    }
    addresses::judge(text, networks)
        .map_err(|why| bad("WebhookUrl", format!("WebhookUrl cannot be called: {why}")))?;
    Ok(text.to_owned())
}

/// The webhook in the path; what is no SID of one names nothing.
fn id(request: &Request) -> Result<WebhookId, ApiError> {
    request.sid("webhook", Code::NotFound)
}

fn found(webhook: Option<Webhook>) -> Result<Webhook, ApiError> {
    webhook.ok_or_else(|| ApiError::new(Code::NotFound))
}

/// `POST Webhooks`.
pub async fn create(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    let form = request.form()?;
    for name in ["FriendlyName", "EventTypes", "WebhookUrl"] {
        form.required(name)?;
    }
    let parameters = Parameters::read(&form, &request.state.webhook_networks)?;
    let make = |id, now| {
        let mut webhook = Webhook::new(id, rp.id, now);
        parameters.apply(&mut webhook);
        webhook
    };
    let webhook = request
        .state
        .passkeys
        .create_webhook(make, &administrator())
        .await
        .map_err(refused(Call::Resource))?;
    created(&shown(&request.state, &rp, &webhook))
}

/// `GET Webhooks`.
pub async fn list(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    List::of(
        &request,
        "webhooks",
        format!("{}/Webhooks", services::path(rp.id)),
    )?
    .answer(
        |page| request.state.passkeys.list_webhooks(rp.id, page),
        |webhook| {
            let shown = shown(&request.state, &rp, webhook);
            Row::new(webhook.created, webhook.id.0, &shown)
        },
    )
    .await
}

/// `GET Webhooks/{YW}`.
pub async fn fetch(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    let webhook = request.state.passkeys.webhook(rp.id, id(&request)?).await;
    let webhook = found(webhook.map_err(refused(Call::Resource))?)?;
    ok(&shown(&request.state, &rp, &webhook))
}

/// `POST Webhooks/{YW}`.
pub async fn update(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    let id = id(&request)?;
    let parameters = Parameters::read(&request.form()?, &request.state.webhook_networks)?;
    let webhook = request
        .state
        .passkeys
        .update_webhook(
            rp.id,
            id,
            |webhook| parameters.apply(webhook),
            &administrator(),
        )
        .await;
    let webhook = found(webhook.map_err(refused(Call::Resource))?)?;
    ok(&shown(&request.state, &rp, &webhook))
}

/// `DELETE Webhooks/{YW}`.
pub async fn delete(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    let deleted = request
        .state
        .passkeys
        .delete_webhook(rp.id, id(&request)?, &administrator())
        .await;
    if deleted.map_err(refused(Call::Resource))? {
        Ok(no_content())
    } else {
        Err(ApiError::new(Code::NotFound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_url_is_absolute_http_without_a_user_name() {
        let networks = ["127.0.0.0/8", "::1/128"].map(|net| net.parse().unwrap());
        for good in [
            "https://acme.test/hooks?x=1",
            "http://localhost:9000",
            "https://[::1]:1/",
        ] {
            assert!(webhook_url(good, &networks).is_ok(), "{good}");
        }
        for bad in [
            "",
            "acme.test/hooks",
            "ftp://acme.test",
            "https://",
            "https:///x",
            "https://u:p@acme.test",
            "https://acme.test/a b",
            "https://acme.test/\n",
        ] {
            assert!(webhook_url(bad, &[]).is_err(), "{bad}");
        }
    }
}
