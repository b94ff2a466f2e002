//! `/v2/Services/{VA}/Entities` (docs/wires/twilio.md, section 6.2): users in the words of this wire.

use axum::response::Response;
use domain::model::relying_party::RelyingParty;
use domain::model::user::User;
use serde::Serialize;

use super::codes::Code;
use super::error::{ApiError, refused};
use super::form::encode;
use super::identity;
use super::paging::{List, Row};
use super::reasons::Call;
use super::request::{Request, created, ok};
use super::services;
use super::sid::Sid;
use super::state::{State, back_end};
use crate::api::dates::Date;
use crate::http::reply::no_content;

#[derive(Debug, Serialize)]
struct Entity<'a> {
    sid: Sid,
    identity: &'a str,
    account_sid: Sid,
    service_sid: Sid,
    date_created: Date,
    date_updated: Date,
    url: String,
    links: Links,
}

#[derive(Debug, Serialize)]
struct Links {
    factors: String,
    new_factors: String,
    challenges: String,
}

/// Path of an entity.
pub fn path(rp: &RelyingParty, identity: &str) -> String {
    format!("{}/Entities/{}", services::path(rp.id), encode(identity))
}

fn shown<'a>(state: &State, rp: &RelyingParty, user: &'a User) -> Entity<'a> {
    let url = state.public_url.join(&path(rp, &user.name));
    let factors = format!("{url}/Factors");
    Entity {
        sid: Sid::of(&user.id),
        identity: &user.name,
        account_sid: Sid::of(&rp.account),
        service_sid: Sid::of(&rp.id),
        date_created: Date(user.created),
        date_updated: Date(user.updated),
        links: Links {
            new_factors: factors.clone(),
            factors,
            challenges: format!("{url}/Challenges"),
        },
        url,
    }
}

/// `POST Entities`.
pub async fn create(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    let form = request.form()?;
    let identity = form.required("Identity")?;
    if let Some(fault) = identity::fault(identity) {
        return Err(
            ApiError::invalid_request(fault.replacen("`identity`", "`Identity`", 1))
                .member("Identity")
                .help(Code::IdentityInvalid.fix()),
        );
    }
    let user = request
        .state
        .passkeys
        .create_user(&rp, identity, &back_end())
        .await
        .map_err(refused(Call::Resource))?;
    created(&shown(&request.state, &rp, &user))
}

/// `GET Entities`.
pub async fn list(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    List::of(
        &request,
        "entities",
        format!("{}/Entities", services::path(rp.id)),
    )?
    .answer(
        |page| request.state.passkeys.list_users(rp.id, page),
        |user| Row::new(user.created, user.id.0, &shown(&request.state, &rp, user)),
    )
    .await
}

/// `GET Entities/{identity}`.
pub async fn fetch(request: Request) -> Result<Response, ApiError> {
    let (rp, user) = request.entity().await?;
    ok(&shown(&request.state, &rp, &user))
}

/// `DELETE Entities/{identity}`.
pub async fn delete(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    request
        .state
        .passkeys
        .delete_user(rp.id, request.segment("identity"), &back_end())
        .await
        .map_err(refused(Call::Resource))?;
    Ok(no_content())
}
