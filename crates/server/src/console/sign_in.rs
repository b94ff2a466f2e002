//! Signing in and out, and coming in by an invite. The only pages that need the script.

use askama::Template;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::console::{Invite, Token};
use domain::service::console::ConsoleRefusal;
use domain::webauthn::json::{Limits, parse};
use domain::webauthn::reason::Class;
use domain::webauthn::response::{AuthenticationResponse, RegistrationResponse, ResponseForm};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::failure::Failure;
use super::page;
use super::place::Place;
use super::visit::{self, Visit};
use super::words;

/// How many bytes a path to come back to may have.
const MAX_BACK: usize = 512;

#[derive(Template)]
#[template(path = "console/sign-in.html")]
struct SignInPage<'a> {
    at: String,
    next: &'a str,
    /// Why no passkey can be used at this address.
    problem: Option<&'a str>,
    /// What was done that ended the session.
    done: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "console/invite.html")]
struct InvitePage<'a> {
    at: String,
    token: &'a str,
    invite: &'a Invite,
    problem: Option<&'a str>,
}

/// `GET /console/sign-in`.
pub(super) async fn page(visit: Visit) -> Result<Response, Failure> {
    let place = &visit.state.place;
    if visit.visitor().is_ok() {
        return Ok(page::see_other(&place.path("/")));
    }
    page::page(&SignInPage {
        at: place.base(),
        next: back(visit.query("next").unwrap_or_default()),
        problem: place.ceremonies().err(),
        done: visit.query("done").and_then(words::done),
    })
}

/// A path of the console to come back to; empty if it is none. Nothing leads elsewhere.
fn back(wanted: &str) -> &str {
    let inside = wanted
        .strip_prefix("/console/")
        .is_some_and(|rest| !rest.starts_with("sign-in") && !rest.contains(['\\', '#']));
    let plain = wanted.len() <= MAX_BACK && wanted.bytes().all(|b| b.is_ascii_graphic());
    if inside && plain { wanted } else { "" }
}

/// `POST /console/sign-in/options`: what the browser asks the authenticator.
pub(super) async fn options(visit: Visit) -> Result<Response, Failure> {
    let place = visit.state.place.ceremonies();
    let place = place.map_err(no_ceremonies)?;
    let started = visit
        .passkeys()
        .start_console_sign_in(place, &visit.stranger())
        .await?;
    Ok(page::json(
        StatusCode::OK,
        &json!({"publicKey": started.options()}),
    ))
}

fn no_ceremonies(why: &str) -> Failure {
    Failure::Said(StatusCode::CONFLICT, why.to_owned())
}

#[derive(Deserialize)]
struct SignIn<'a> {
    #[serde(borrow)]
    credential: &'a RawValue,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Accept<'a> {
    #[serde(borrow)]
    credential: &'a RawValue,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Begin {
    #[serde(default)]
    name: String,
}

fn read<'a, T: Deserialize<'a>>(visit: &'a Visit) -> Result<T, Failure> {
    serde_json::from_slice(visit.body())
        .map_err(|_| Failure::Malformed("The body is not the JSON that the page sends."))
}

/// The message for a person whose passkey was refused.
fn explained(refusal: ConsoleRefusal) -> Failure {
    match refusal {
        ConsoleRefusal::Domain(refusal) => {
            let text = match refusal.reason {
                Reason::CredentialUnknown => {
                    "This passkey does not belong to an administrator. It may have been removed."
                        .to_owned()
                }
                Reason::AccessDenied => {
                    "This passkey no longer belongs to an administrator.".to_owned()
                }
                reason if matches!(reason.class(), Class::Unavailable | Class::Internal) => {
                    return refusal.into();
                }
                reason => format!("{} ({}). Try again.", refusal.message, reason.name()),
            };
            Failure::Said(StatusCode::FORBIDDEN, text)
        }
        other => other.into(),
    }
}

/// `POST /console/sign-in`: the browser's response.
pub(super) async fn finish(visit: Visit) -> Result<Response, Failure> {
    let sent: SignIn<'_> = read(&visit)?;
    let response = parse(sent.credential.get().as_bytes(), &Limits::default())
        .ok()
        .and_then(|json| AuthenticationResponse::from_json(&json, &ResponseForm::STRICT).ok())
        .ok_or(Failure::Malformed(
            "The credential is not one of a browser.",
        ))?;
    let (_, token) = visit
        .passkeys()
        .finish_console_sign_in(&response, &visit.stranger())
        .await
        .map_err(explained)?;
    let next = back(&sent.next);
    let rest = next.strip_prefix("/console").unwrap_or("/");
    signed_in(&visit, &token, rest)
}

/// Gives the browser the session. One that it had before is of no use to anybody: its cookie is replaced.
fn signed_in(visit: &Visit, token: &Token, to: &str) -> Result<Response, Failure> {
    let place = &visit.state.place;
    let mut response = page::json(StatusCode::OK, &json!({"to": place.path(to)}));
    let cookie = visit::cookie(place, token).ok_or(Failure::Unrendered)?;
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

/// `POST /console/sign-out`.
pub(super) async fn sign_out(visit: Visit) -> Result<Response, Failure> {
    let session = visit.visitor()?.session.id;
    match visit.passkeys().end_session(session, &visit.actor()).await {
        Ok(()) | Err(ConsoleRefusal::Unknown) => {}
        Err(refusal) => return Err(refusal.into()),
    }
    let place = &visit.state.place;
    let mut response = page::see_other(&place.path("/sign-in"));
    if let Some(cookie) = visit::no_cookie(place) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
        .headers_mut()
        .insert(CLEAR_SITE_DATA, HeaderValue::from_static(cleared(place)));
    Ok(response)
}

/// `Clear-Site-Data` (W3C), which `http` has no name for.
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// What a browser removes at the end of a session. Below a path prefix another application may have the same origin: its storage stays, and so do
/// the cookies of all of its host.
fn cleared(place: &Place) -> &'static str {
    if place.base() == "/console" {
        "\"cache\", \"storage\""
    } else {
        "\"cache\""
    }
}

fn token(visit: &Visit) -> Result<Token, Failure> {
    Token::parse(visit.segment("token")).ok_or_else(|| ConsoleRefusal::InviteUnknown.into())
}

/// `GET /console/invite/{token}`.
pub(super) async fn invite(visit: Visit) -> Result<Response, Failure> {
    let token = token(&visit)?;
    let invite = visit.passkeys().open_invite(&token).await?;
    page::page(&InvitePage {
        at: visit.state.place.base(),
        token: token.reveal(),
        invite: &invite,
        problem: visit.state.place.ceremonies().err(),
    })
}

/// `POST /console/invite/{token}/options`.
pub(super) async fn invite_options(visit: Visit) -> Result<Response, Failure> {
    let (token, sent) = (token(&visit)?, read::<Begin>(&visit)?);
    let place = visit.state.place.ceremonies();
    let place = place.map_err(no_ceremonies)?;
    let started = visit
        .passkeys()
        .start_invited_registration(&token, &sent.name, place, &visit.stranger())
        .await?;
    Ok(page::json(
        StatusCode::OK,
        &json!({"publicKey": started.options}),
    ))
}

/// `POST /console/invite/{token}`: creates the passkey and signs in.
pub(super) async fn accept(visit: Visit) -> Result<Response, Failure> {
    let (token, sent) = (token(&visit)?, read::<Accept<'_>>(&visit)?);
    let response = parse(sent.credential.get().as_bytes(), &Limits::default())
        .ok()
        .and_then(|json| RegistrationResponse::from_json(&json, &ResponseForm::STRICT).ok())
        .ok_or(Failure::Malformed(
            "The credential is not one of a browser.",
        ))?;
    let by = visit.stranger();
    let passkeys = visit.passkeys();
    let (_, session) = passkeys
        .finish_invited_registration(&token, &sent.name, &response, &by)
        .await
        .map_err(explained)?;
    signed_in(&visit, &session, "/")
}
