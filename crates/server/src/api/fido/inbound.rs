//! One request on its way in, the same for every call of this wire.

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::webauthn::json::{self, Limits, Object, Value};

use super::reply::Failure;
use super::{Dialect, Wire, cors};
use crate::api::auth;

/// A request whose body is complete.
pub struct Inbound {
    /// Its headers.
    pub headers: HeaderMap,
    body: Bytes,
}

/// Turns a call into a handler: reads the request, calls, renders what is refused.
pub async fn serve<F, Fut>(wire: Wire, request: Request, call: F) -> Response
where
    F: FnOnce(Wire, Inbound) -> Fut,
    Fut: Future<Output = Result<Response, Failure>>,
{
    let answered = match Inbound::read(&wire, request).await {
        Ok(inbound) => call(wire.clone(), inbound).await,
        Err(failure) => Err(failure),
    };
    answered.unwrap_or_else(|failure| wire.failed(failure))
}

/// The same for a call that a page makes, which may be one of another origin.
pub async fn serve_page<F, Fut>(wire: Wire, request: Request, call: F) -> Response
where
    F: FnOnce(Wire, Inbound) -> Fut,
    Fut: Future<Output = Result<Response, Failure>>,
{
    if wire.fido.conformance || wire.dialect == Dialect::Nevis {
        return serve(wire, request, call).await;
    }
    let mut page = HeaderMap::new();
    for origin in request.headers().get_all(ORIGIN) {
        page.append(ORIGIN, origin.clone());
    }
    let mut response = serve(wire.clone(), request, call).await;
    cors::show(&wire, &page, &mut response).await;
    response
}

/// A method that the path does not have. The router adds `Allow`.
pub async fn wrong_method(State(wire): State<Wire>) -> Response {
    wire.failed(Failure::http(
        StatusCode::METHOD_NOT_ALLOWED,
        "This path takes POST only.",
    ))
}

/// A path that nobody serves.
pub async fn unknown_path(State(wire): State<Wire>) -> Response {
    wire.failed(Failure::http(
        StatusCode::NOT_FOUND,
        "There is nothing at this path.",
    ))
}

impl Inbound {
    async fn read(wire: &Wire, request: Request) -> Result<Self, Failure> {
        // The dialect makes both headers mandatory.
        if wire.dialect == Dialect::Nevis && !accepts_json(request.headers()) {
            return Err(Failure::http(
                StatusCode::NOT_ACCEPTABLE,
                "Send Accept: application/json.",
            ));
        }
        if !is_json(request.headers()) {
            return Err(Failure::http(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send Content-Type: application/json.",
            ));
        }
        let (mut parts, body) = request.into_parts();
        let headers = std::mem::take(&mut parts.headers);
        let body = Bytes::from_request(Request::from_parts(parts, body), &()).await;
        let body = body.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Failure::http(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.")
            }
            _ => Failure::http(
                StatusCode::BAD_REQUEST,
                "The body did not arrive completely.",
            ),
        })?;
        Ok(Self { headers, body })
    }

    /// The body as a JSON value that is an object.
    pub fn json(&self) -> Result<Value<'_>, Failure> {
        let value = json::parse(&self.body, &Limits::default())
            .map_err(|error| Refusal::new(error.reason(), error.to_string()))?;
        if value.as_object().is_none() {
            return Err(Failure::form(format!(
                "The body is {}, not a JSON object.",
                value.found_instead_of_object()
            )));
        }
        Ok(value)
    }

    /// The Relying Party, for a call that starts a ceremony or asks how one stands. Outside conformance mode the caller must
    /// show the account's secret or an access key of the Relying Party: a caller that may start a registration for a name can
    /// sign in under it.
    pub async fn relying_party(&self, wire: &Wire) -> Result<RelyingParty, Failure> {
        let fido = &wire.fido;
        let rp = if fido.conformance {
            fido.passkeys
                .relying_party_itself(fido.relying_party)
                .await?
        } else if let Some(token) = auth::bearer(&self.headers) {
            let of = match &fido.access_keys {
                Some(keys) => keys.relying_party(token).await?,
                None => None,
            };
            if of != Some(fido.relying_party) {
                return Err(Refusal::from(Reason::AccessDenied).into());
            }
            fido.passkeys
                .relying_party_itself(fido.relying_party)
                .await?
        } else {
            let account = auth::authenticate(&fido.passkeys, &self.headers)
                .await
                .map_err(|error| Refusal::from(error.reason()))?;
            fido.passkeys
                .relying_party(account, fido.relying_party)
                .await
                .map_err(|refusal| match refusal.reason {
                    Reason::RelyingPartyUnknown => Refusal::from(Reason::AccessDenied),
                    _ => refusal,
                })?
        };
        Ok(RelyingParty::clone(&rp))
    }
}

/// A member that is there and not null.
pub fn member<'v, 'a>(object: &'v Object<'a>, name: &str) -> Option<&'v Value<'a>> {
    object.get(name).filter(|value| !value.is_null())
}

/// A member that must be a string where it is there.
pub fn text<'v>(object: &'v Object<'_>, name: &'static str) -> Result<Option<&'v str>, Failure> {
    match member(object, name) {
        None => Ok(None),
        Some(value) => value
            .as_str()
            .map(Some)
            .ok_or_else(|| wrong_type(name, value, "a string")),
    }
}

/// A member has another type than it must have.
pub fn wrong_type(name: &'static str, found: &Value<'_>, expected: &'static str) -> Failure {
    Failure::form(format!("{name} is {}, not {expected}.", found.type_name()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let essence = values
        .next()
        .filter(|_| values.next().is_none())
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(ACCEPT).iter();
    ranges
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let essence = parts.next().unwrap_or_default();
            let holds = ["application/json", "application/*", "*/*"]
                .iter()
                .any(|json| essence.eq_ignore_ascii_case(json));
            let refused = parts.any(|parameter| {
                parameter.split_once('=').is_some_and(|(name, value)| {
                    name.trim().eq_ignore_ascii_case("q")
                        && value.trim().bytes().all(|byte| matches!(byte, b'0' | b'.'))
                })
            });
            holds && !refused
        })
}
