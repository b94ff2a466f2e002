//! `Entities/{identity}/Challenges` (contract section 8.2): authentications in the words of this wire.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::model::ceremony::{Asked, Ceremony, Standing};
use domain::model::clock::Timestamp;
use domain::model::ids::{CeremonyId, CredentialKey};
use domain::model::page::{Order, Position};
use domain::model::relying_party::RelyingParty;
use domain::webauthn::options::{RequestOptions, is_word};
use serde::Serialize;

use super::codes::Code;
use super::dates::Date;
use super::entities;
use super::error::{ApiError, refused};
use super::inbound::{Answer, serve};
use super::paging::Listing;
use super::reasons::Call;
use super::services;
use super::sid::{self, Sid};
use crate::app::App;

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
        ceremony: &Ceremony,
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
    pub fn with_options(self, ceremony: &Ceremony) -> Self {
        let options = match &ceremony.asked {
            Asked::Authentication(asked) => Some(Options {
                public_key: asked.options(),
            }),
            Asked::Registration(_) => None,
        };
        Self { options, ..self }
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
pub async fn list(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        let (rp, user) = inbound.entity(&app).await?;
        let query = inbound.query()?;
        let filter = |name: &str| query.get(name).filter(|value| !value.is_empty());
        let factor = filter("FactorSid")
            .map(|text| {
                sid::parse::<CredentialKey>(text)
                    .ok_or_else(|| ApiError::new(Code::FactorSidInvalid).member("FactorSid"))
            })
            .transpose()?;
        let wanted = filter("Status")
            .map(|text| {
                standing(text).ok_or_else(|| {
                    ApiError::invalid_request("Status must be pending, expired, approved or denied")
                        .member("Status")
                })
            })
            .transpose()?;
        let order = match filter("Order") {
            None => Order::Ascending,
            Some(order) if is_word(order, "asc") => Order::Ascending,
            Some(order) if is_word(order, "desc") => Order::Descending,
            Some(_) => {
                return Err(ApiError::invalid_request("Order must be asc or desc").member("Order"));
            }
        };
        let path = format!("{}/Challenges", entities::path(&rp, &user.name));
        let filters = [
            ("FactorSid", filter("FactorSid")),
            ("Status", filter("Status")),
            ("Order", filter("Order")),
        ];
        let listing = Listing::read(
            &app,
            inbound.account,
            "challenges",
            path,
            &query,
            &filters,
            order,
        )?;
        let rows = app
            .passkeys
            .list_authentications(&user, wanted, factor, listing.request())
            .await
            .map_err(refused(Call::Resource))?;
        let now = app.passkeys.now();
        let position = |c: &Ceremony| Position {
            created: c.created,
            key: c.id.0,
        };
        let rows = listing.answer(&app, rows, position, |ceremony| {
            let url = app.public_url.join(&path_of(&rp, &user.name, ceremony.id));
            let identity = Some(user.name.as_ref());
            serde_json::json!(Challenge::new(&rp, &ceremony, identity, url, now))
        });
        Answer::ok(&rows)
    })
    .await
}

/// `GET Challenges/{YC}`.
pub async fn fetch(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        let (rp, user) = inbound.entity(&app).await?;
        let id: CeremonyId = inbound.sid("challenge", Code::ChallengeSidInvalid)?;
        let ceremony = app
            .passkeys
            .authentication(&user, id)
            .await
            .map_err(refused(Call::Resource))?;
        let url = app.public_url.join(&path_of(&rp, &user.name, id));
        let now = app.passkeys.now();
        let identity = Some(user.name.as_ref());
        Answer::ok(&Challenge::new(&rp, &ceremony, identity, url, now))
    })
    .await
}

/// `POST Challenges`: creates push and TOTP challenges elsewhere.
pub async fn create(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        services::ensure(&app, &inbound, Code::FactorTypeInvalid).await
    })
    .await
}

/// `POST Challenges/{YC}`: approves push and TOTP challenges elsewhere.
pub async fn update(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        inbound.service(&app).await?;
        Err(ApiError::invalid_request(
            "A passkeys challenge is approved with Passkeys/ApproveChallenge and cannot be changed here",
        )
        .help("Send the answer of the browser to Passkeys/ApproveChallenge."))
    })
    .await
}

fn path_of(rp: &RelyingParty, identity: &str, id: CeremonyId) -> String {
    format!(
        "{}/Challenges/{}",
        entities::path(rp, identity),
        Sid::of(&id)
    )
}
