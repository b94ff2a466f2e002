//! `/v2/Services/{VA}/Entities` (contract section 4): users in the words of this wire.

use axum::extract::{Request, State};
use axum::response::Response;
use domain::model::page::{Order, Position};
use domain::model::relying_party::RelyingParty;
use domain::model::user::User;
use serde::Serialize;

use super::BACK_END;
use super::codes::Code;
use super::dates::Date;
use super::error::{ApiError, refused};
use super::form::encode;
use super::identity;
use super::inbound::{Answer, serve};
use super::paging::Listing;
use super::reasons::Call;
use super::services;
use super::sid::Sid;
use crate::app::App;

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

fn shown<'a>(app: &App, rp: &RelyingParty, user: &'a User) -> Entity<'a> {
    let url = app.public_url.join(&path(rp, &user.name));
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
pub async fn create(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        let rp = inbound.service(&app).await?;
        let form = inbound.form()?;
        let identity = form.required("Identity")?;
        if let Some(fault) = identity::fault(identity) {
            return Err(
                ApiError::invalid_request(fault.replacen("`identity`", "`Identity`", 1))
                    .member("Identity")
                    .help(Code::IdentityInvalid.mend()),
            );
        }
        let user = app
            .passkeys
            .create_user(&rp, identity, &BACK_END)
            .await
            .map_err(refused(Call::Resource))?;
        Answer::created(&shown(&app, &rp, &user))
    })
    .await
}

/// `GET Entities`.
pub async fn list(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        let rp = inbound.service(&app).await?;
        let path = format!("{}/Entities", services::path(rp.id));
        let query = inbound.query()?;
        let listing = Listing::read(
            &app,
            inbound.account,
            "entities",
            path,
            &query,
            &[],
            Order::Ascending,
        )?;
        let rows = app
            .passkeys
            .list_users(rp.id, listing.request())
            .await
            .map_err(refused(Call::Resource))?;
        let position = |user: &User| Position {
            created: user.created,
            key: user.id.0,
        };
        let rows = listing.answer(&app, rows, position, |user| {
            serde_json::json!(shown(&app, &rp, &user))
        });
        Answer::ok(&rows)
    })
    .await
}

/// `GET Entities/{identity}`.
pub async fn fetch(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        let (rp, user) = inbound.entity(&app).await?;
        Answer::ok(&shown(&app, &rp, &user))
    })
    .await
}

/// `DELETE Entities/{identity}`.
pub async fn delete(State(app): State<App>, request: Request) -> Response {
    serve(app, request, async |app, inbound| {
        let rp = inbound.service(&app).await?;
        app.passkeys
            .delete_user(rp.id, inbound.segment("identity"), &BACK_END)
            .await
            .map_err(refused(Call::Resource))?;
        Ok(Answer::NoContent)
    })
    .await
}
