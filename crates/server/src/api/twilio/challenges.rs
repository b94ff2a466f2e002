//! `Entities/{identity}/Challenges` (docs/wires/twilio.md, section 6.4): authentications in the words of this wire.

use axum::response::Response;
use domain::model::ceremony::{Authentication, Standing};
use domain::model::clock::Timestamp;
use domain::model::ids::{CeremonyId, CredentialKey};
use domain::model::page::Order;
use domain::model::relying_party::RelyingParty;
use domain::webauthn::options::RequestOptions;
use domain::webauthn::options::is_word;
use serde::Serialize;

use super::codes::Code;
use super::entities;
use super::error::{ApiError, refused};
use super::paging::{List, Row};
use super::reasons::Call;
use super::request::{Request, ok};
use super::services;
use super::sid::{self, Sid};
use crate::api::dates::Date;

/// A challenge as it is shown.
#[derive(Debug, Serialize)]
pub struct Challenge<'a> {
    sid: Sid,
    account_sid: Sid,
    service_sid: Sid,
    entity_sid: Option<Sid>,
    identity: Option<&'a str>,
    factor_sid: Option<Sid>,
    date_created: Date,
    date_updated: Date,
    date_responded: Option<Date>,
    expiration_date: Date,
    status: &'static str,
    responded_reason: &'static str,
    details: Option<()>,
    hidden_details: Option<()>,
    metadata: Option<()>,
    factor_type: &'static str,
    url: String,
    links: Option<()>,
    /// Only in the answers to creation and approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Options>,
}

#[derive(Debug, Serialize)]
struct Options {
    #[serde(rename = "publicKey")]
    public_key: RequestOptions,
}

impl<'a> Challenge<'a> {
    /// A challenge as it stands at `now`. `identity` is the name of its user; null, like the SIDs, while nobody is named.
    pub fn new(
        rp: &RelyingParty,
        ceremony: &Authentication,
        identity: Option<&'a str>,
        url: String,
        now: Timestamp,
    ) -> Self {
        let standing = ceremony.standing(now);
        let responded = matches!(standing, Standing::Succeeded | Standing::Failed);
        Self {
            sid: Sid::of(&ceremony.id),
            account_sid: Sid::of(&rp.account),
            service_sid: Sid::of(&rp.id),
            entity_sid: ceremony.user.as_ref().map(Sid::of),
            identity,
            factor_sid: ceremony.credential.as_ref().map(Sid::of),
            date_created: Date(ceremony.created),
            date_updated: Date(ceremony.updated),
            date_responded: responded.then_some(Date(ceremony.updated)),
            expiration_date: Date(ceremony.expires),
            status: status_name(standing),
            responded_reason: "none",
            details: None,
            hidden_details: None,
            metadata: None,
            factor_type: "passkeys",
            url,
            links: None,
            options: None,
        }
    }

    /// The same challenge with the options that were made for it.
    pub fn with_options(self, ceremony: &Authentication) -> Self {
        let options = Options {
            public_key: ceremony.options(),
        };
        Self {
            options: Some(options),
            ..self
        }
    }
}

fn status_name(standing: Standing) -> &'static str {
    match standing {
        Standing::Pending => "pending",
        Standing::Expired => "expired",
        Standing::Succeeded => "approved",
        Standing::Failed => "denied",
    }
}

fn standing(name: &str) -> Option<Standing> {
    [
        Standing::Pending,
        Standing::Expired,
        Standing::Succeeded,
        Standing::Failed,
    ]
    .into_iter()
    .find(|standing| is_word(name, status_name(*standing)))
}

/// `GET Challenges`.
pub async fn list(request: Request) -> Result<Response, ApiError> {
    let (rp, user) = request.entity().await?;
    let path = format!("{}/Challenges", entities::path(&rp, &user.name));
    let list =
        List::of(&request, "challenges", path)?.filtered_by(&["FactorSid", "Status", "Order"]);
    let factor = match list.parameter("FactorSid") {
        None => None,
        Some(text) => Some(
            sid::parse::<CredentialKey>(text)
                .ok_or_else(|| ApiError::new(Code::FactorSidInvalid).member("FactorSid"))?,
        ),
    };
    let wanted = match list.parameter("Status") {
        None => None,
        Some(text) => Some(standing(text).ok_or_else(|| {
            ApiError::invalid_request("Status must be pending, expired, approved or denied")
                .member("Status")
        })?),
    };
    let order = match list.parameter("Order") {
        None => Order::Ascending,
        Some(order) if is_word(order, "asc") => Order::Ascending,
        Some(order) if is_word(order, "desc") => Order::Descending,
        Some(_) => {
            return Err(ApiError::invalid_request("Order must be asc or desc").member("Order"));
        }
    };
    let state = &request.state;
    list.ordered(order)
        .answer(
            |page| {
                state
                    .passkeys
                    .list_authentications(&user, wanted, factor, page)
            },
            |ceremony| {
                let url = state
                    .public_url
                    .join(&path_of(&rp, &user.name, ceremony.id));
                let identity = Some(user.name.as_ref());
                let now = state.passkeys.now();
                let shown = Challenge::new(&rp, ceremony, identity, url, now);
                Row::new(ceremony.created, ceremony.id.0, &shown)
            },
        )
        .await
}

/// `GET Challenges/{YC}`.
pub async fn fetch(request: Request) -> Result<Response, ApiError> {
    let (rp, user) = request.entity().await?;
    let id: CeremonyId = request.sid("challenge", Code::ChallengeSidInvalid)?;
    let ceremony = request
        .state
        .passkeys
        .authentication(&user, id)
        .await
        .map_err(refused(Call::Resource))?;
    let url = request.state.public_url.join(&path_of(&rp, &user.name, id));
    let now = request.state.passkeys.now();
    let identity = Some(user.name.as_ref());
    ok(&Challenge::new(&rp, &ceremony, identity, url, now))
}

/// `POST Challenges`: creates push and TOTP challenges elsewhere.
pub async fn create(request: Request) -> Result<Response, ApiError> {
    services::ensure(&request, Code::FactorTypeInvalid).await
}

/// `POST Challenges/{YC}`: approves push and TOTP challenges elsewhere.
pub async fn update(request: Request) -> Result<Response, ApiError> {
    request.service().await?;
    Err(ApiError::invalid_request(
        "A passkeys challenge is approved with Passkeys/ApproveChallenge and cannot be changed here",
    )
    .help("Send the answer of the browser to Passkeys/ApproveChallenge."))
}

fn path_of(rp: &RelyingParty, identity: &str, id: CeremonyId) -> String {
    format!(
        "{}/Challenges/{}",
        entities::path(rp, identity),
        Sid::of(&id)
    )
}
