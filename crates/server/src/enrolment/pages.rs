//! The page behind a link.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{REFERRER_POLICY, USER_AGENT};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{any, get, post};
use domain::model::audit::{Actor, ActorKind};
use domain::model::console::Token;
use domain::service::enrolment::EnrolmentRefusal;
use domain::webauthn::json::{Limits, parse};
use domain::webauthn::reason::Class;
use domain::webauthn::response::{RegistrationResponse, ResponseForm};
use domain::{Passkeys, Reason};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::api::enrolment_link::origin;
use crate::assets;
use crate::console::page::{self, Unrendered};
use crate::http::inbound::Inbound;
use crate::http::{BodyLimit, PublicUrl, RefusalInfo, current};

/// What events name as the wire.
const WIRE: &str = "enrolment";

/// What the pages need; cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    /// The domain.
    pub passkeys: Arc<Passkeys>,
    /// Base of the address of a link.
    pub public_url: Arc<PublicUrl>,
    /// How long a body may be.
    pub bodies: BodyLimit,
}

/// The page and its files.
pub fn router(state: State) -> Router {
    Router::new()
        .route("/enroll/style.css", get(page::style))
        .route("/enroll/script.js", get(page::script))
        .route("/enroll/icon.svg", get(page::icon))
        .route("/enroll/done", get(done))
        .route("/enroll/{token}", get(show).post(finish))
        .route("/enroll/{token}/options", post(options))
        // A log names the route of a request, and of one without a route the path, which may have a token.
        .route("/enroll/{token}/", any(absent))
        .route("/enroll/{token}/{*path}", any(absent))
        .with_state(state)
}

#[derive(Template)]
#[template(path = "enrolment/link.html")]
struct LinkPage<'a> {
    at: String,
    token: &'a str,
    user: &'a str,
    service: &'a str,
    expires: String,
}

#[derive(Template)]
#[template(path = "enrolment/said.html")]
struct SaidPage {
    at: String,
    title: &'static str,
    text: String,
}

/// What is not done.
enum Failure {
    /// The link does nothing, or the domain refuses.
    Refused(EnrolmentRefusal),
    /// The request is not one that the page sends.
    Malformed,
    /// The page could not be rendered.
    Unrendered,
}

impl From<EnrolmentRefusal> for Failure {
    fn from(refusal: EnrolmentRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unrendered> for Failure {
    fn from(_: Unrendered) -> Self {
        Self::Unrendered
    }
}

/// What to do about it.
const ASK: &str = "Ask the person who sent it to you for a new one.";

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(EnrolmentRefusal::Unknown) => StatusCode::NOT_FOUND,
            Self::Refused(EnrolmentRefusal::Expired | EnrolmentRefusal::Used) => StatusCode::GONE,
            Self::Refused(EnrolmentRefusal::Domain(refusal)) => match refusal.reason.class() {
                Class::Limited => StatusCode::TOO_MANY_REQUESTS,
                Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            },
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unrendered => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A heading and a sentence.
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::Refused(EnrolmentRefusal::Unknown) => (
                "This link is not valid",
                format!("It is incomplete, it was revoked, or a newer one was made for you. {ASK}"),
            ),
            Self::Refused(EnrolmentRefusal::Expired) => ("This link has expired", ASK.to_owned()),
            Self::Refused(EnrolmentRefusal::Used) => (
                "This link was used",
                format!("It works once. If you did not use it, tell the person who sent it. {ASK}"),
            ),
            Self::Refused(EnrolmentRefusal::Domain(refusal)) => (
                "The passkey was not registered",
                format!("{} ({}). {ASK}", refusal.message, refusal.reason.name()),
            ),
            Self::Malformed => (
                "This request cannot be read",
                "Load the page again.".to_owned(),
            ),
            Self::Unrendered => ("This page failed", "The log says more.".to_owned()),
        }
    }

    fn reason(&self) -> Option<Reason> {
        match self {
            Self::Refused(EnrolmentRefusal::Domain(refusal)) => Some(refusal.reason),
            Self::Refused(_) => Some(Reason::AccessDenied),
            _ => None,
        }
    }

    fn noted(&self, mut response: Response) -> Response {
        response.extensions_mut().insert(RefusalInfo {
            code: u32::from(self.status().as_u16()),
            reason: self.reason(),
        });
        response
    }

    fn as_page(&self, state: &State) -> Response {
        let (title, text) = self.words();
        let said = said(state, self.status(), title, text);
        self.noted(said)
    }

    fn as_json(&self) -> Response {
        let (title, text) = self.words();
        let body = json!({"error": format!("{title}. {text}")});
        self.noted(page::json(self.status(), &body))
    }
}

fn base(state: &State) -> String {
    let url = &state.public_url;
    format!("{}/enroll", &url.as_str()[url.origin().len()..])
}

/// A page. Its address is a secret, so it is sent to no other page.
fn rendered(status: StatusCode, html: String) -> Response {
    let mut response = page::respond(status, assets::PAGE, html);
    let none = HeaderValue::from_static("no-referrer");
    response.headers_mut().insert(REFERRER_POLICY, none);
    response
}

fn said(state: &State, status: StatusCode, title: &'static str, text: String) -> Response {
    let at = base(state);
    let html = SaidPage { at, title, text }.render();
    rendered(status, html.unwrap_or_default())
}

/// `GET /enroll/done`.
async fn done(axum::extract::State(state): axum::extract::State<State>) -> Response {
    let text = "You can sign in with it now, and close this page.".to_owned();
    said(&state, StatusCode::OK, "The passkey is registered", text)
}

async fn absent(axum::extract::State(state): axum::extract::State<State>) -> Response {
    Failure::Refused(EnrolmentRefusal::Unknown).as_page(&state)
}

/// A request of the page.
struct Visit {
    inbound: Inbound,
    token: Token,
    by: Actor,
}

async fn visit(state: &State, request: Request) -> Result<Visit, Failure> {
    let inbound = Inbound::of(request, state.bodies)
        .await
        .map_err(|_| Failure::Malformed)?;
    let token = Token::parse(inbound.segment("token")).ok_or(EnrolmentRefusal::Unknown)?;
    let agent = inbound.headers.get(USER_AGENT);
    let agent = agent.map(HeaderValue::as_bytes).unwrap_or_default();
    let agent = String::from_utf8_lossy(agent).into_owned();
    let by = current::calling(Actor::new(ActorKind::User, WIRE)).agent(&agent);
    Ok(Visit { inbound, token, by })
}

/// `GET /enroll/{token}`.
async fn show(
    axum::extract::State(state): axum::extract::State<State>,
    request: Request,
) -> Response {
    let shown = async {
        let visit = visit(&state, request).await?;
        let open = state.passkeys.open_enrolment(&visit.token).await?;
        let service = open.relying_party.selection.rp_name.as_deref();
        let html = LinkPage {
            at: base(&state),
            token: visit.token.reveal(),
            user: &open.user.name,
            service: service.unwrap_or(&open.relying_party.name),
            expires: crate::console::moment(open.link.expires),
        }
        .render()
        .map_err(|_| Failure::Unrendered)?;
        Ok::<_, Failure>(rendered(StatusCode::OK, html))
    };
    match shown.await {
        Ok(response) => response,
        Err(failure) => failure.as_page(&state),
    }
}

/// `POST /enroll/{token}/options`: what the browser asks the authenticator.
async fn options(
    axum::extract::State(state): axum::extract::State<State>,
    request: Request,
) -> Response {
    let started = async {
        let visit = visit(&state, request).await?;
        let origin = origin(&state.public_url);
        let started = state
            .passkeys
            .start_enrolment(&visit.token, &origin, &visit.by)
            .await?;
        let body = json!({"publicKey": started.options});
        Ok::<_, Failure>(page::json(StatusCode::OK, &body))
    };
    match started.await {
        Ok(response) => response,
        Err(failure) => failure.as_json(),
    }
}

#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow)]
    credential: &'a RawValue,
}

/// `POST /enroll/{token}`: the browser's response.
async fn finish(
    axum::extract::State(state): axum::extract::State<State>,
    request: Request,
) -> Response {
    let finished = async {
        let visit = visit(&state, request).await?;
        let body = visit.inbound.read_body().await;
        let body = body.map_err(|_| Failure::Malformed)?;
        let sent: Sent<'_> = serde_json::from_slice(&body).map_err(|_| Failure::Malformed)?;
        let response = parse(sent.credential.get().as_bytes(), &Limits::default())
            .ok()
            .and_then(|json| RegistrationResponse::from_json(&json, &ResponseForm::STRICT).ok())
            .ok_or(Failure::Malformed)?;
        state
            .passkeys
            .finish_enrolment(&visit.token, &response, &visit.by)
            .await?;
        let to = format!("{}/done", base(&state));
        Ok::<_, Failure>(page::json(StatusCode::OK, &json!({"to": to})))
    };
    match finished.await {
        Ok(response) => response,
        Err(failure) => failure.as_json(),
    }
}
