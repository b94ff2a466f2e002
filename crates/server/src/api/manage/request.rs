//! A request of this API: who calls, and what was sent.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::Reason;
use domain::model::grant::Grant;
use domain::model::ids::{AccountId, RelyingPartyId};
use domain::model::refusal::Refusal;
use domain::service::prepared::Prepared;
use domain::webauthn::json;
use domain::webauthn::json::Limits;
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::state::State;
use crate::api::grants;
use crate::http::auth::authenticate;
use crate::http::form::{Form, FormError};
use crate::http::name::NameRule;
use crate::http::{Inbound, Needs, Wire, media, reply};

/// Names for people.
const NAME: NameRule = NameRule::characters(1, 128);

/// Most parameters of a query.
const MAX_PARAMETERS: usize = 16;

/// The parameters of a query.
#[derive(Debug)]
pub struct Parameters<'a>(Form<'a>);

impl Parameters<'_> {
    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| value)
    }
}

/// The 32 hex digits of an identifier: with its two letters, without them, or as a UUID.
pub fn digits(text: &str) -> String {
    let bare = text.replace('-', "");
    match bare.get(..2) {
        Some(letters) if bare.len() == 34 && letters.bytes().all(|b| b.is_ascii_uppercase()) => {
            bare[2..].to_owned()
        }
        _ => bare,
    }
}

/// A request whose caller is known. Its body is read when a handler asks for it.
#[derive(Debug)]
pub struct Request {
    /// What the handlers share.
    pub state: State,
    /// Who calls.
    pub account: AccountId,
    /// What the caller may do.
    pub grant: Grant,
    inbound: Inbound,
}

impl Wire for State {
    type Request = Request;
    type Error = Problem;

    async fn admit(&self, request: HttpRequest, needs: Needs) -> Result<Request, Problem> {
        self.bodies.admit(request.body())?;
        let caller = authenticate(&self.passkeys, request.headers(), needs).await?;
        let inbound = Inbound::of(request, self.bodies)
            .await
            // A segment that is not UTF-8 once decoded names nothing.
            .map_err(|_| Problem::new(StatusCode::NOT_FOUND, "not_found"))?;
        Ok(Request {
            state: self.clone(),
            account: caller.account,
            grant: caller.grant,
            inbound,
        })
    }

    fn refuse(&self, problem: Problem, _: &str) -> Response {
        problem.into_response()
    }
}

/// 200.
pub fn ok(body: &impl Serialize) -> Result<Response, Problem> {
    answer(StatusCode::OK, body)
}

/// 201.
pub fn created(body: &impl Serialize) -> Result<Response, Problem> {
    answer(StatusCode::CREATED, body)
}

fn answer(status: StatusCode, body: &impl Serialize) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|_| Problem::internal())?;
    Ok(reply::json(status, bytes))
}

/// The key in a Service SID: `VA` and 32 hex digits.
pub fn service_id(sid: &str) -> Option<RelyingPartyId> {
    RelyingPartyId::from_hex(sid.strip_prefix("VA")?)
}

/// A name for people, without the white space around it.
///
/// # Errors
/// 400 for a name that is empty, too long or holds control characters.
pub fn checked_name(name: &str) -> Result<&str, Problem> {
    let name = name.trim();
    if NAME.allows(name) {
        return Ok(name);
    }
    let problem = Problem::new(StatusCode::BAD_REQUEST, "name_invalid");
    Err(problem.saying("`name` has 1 to 128 characters, none of them a control character"))
}

impl Request {
    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.inbound.headers
    }

    /// A decoded path segment by the name that the route gives it.
    pub fn segment(&self, name: &str) -> &str {
        self.inbound.segment(name)
    }

    /// The parameters of the query, which have these names.
    ///
    /// # Errors
    /// 400: not UTF-8 once decoded, too many parameters, one of another name, or one that occurs twice.
    pub fn query(&self, names: &[&str]) -> Result<Parameters<'_>, Problem> {
        let wrong =
            |why: &str| Problem::new(StatusCode::BAD_REQUEST, "request_invalid").saying(why);
        let form = Form::parse(self.inbound.query(), MAX_PARAMETERS);
        let form = form.map_err(|error| match error {
            FormError::NotUtf8 => wrong("a parameter is not UTF-8"),
            FormError::TooMany => wrong("there are too many parameters"),
        })?;
        for (at, (name, _)) in form.iter().enumerate() {
            // Its name is not repeated in full length: it is the caller's text.
            let shown: String = name.chars().take(64).collect();
            if !names.contains(&name) {
                let why = format!("there is no such parameter; there are {}", names.join(", "));
                return Err(wrong(&why).at(shown));
            }
            // Which of the two counts would be a guess.
            if form.iter().take(at).any(|(other, _)| other == name) {
                return Err(wrong("the parameter occurs twice").at(shown));
            }
        }
        Ok(Parameters(form))
    }

    /// The Service in the path, if it is the caller's.
    ///
    /// # Errors
    /// 404 for what is no SID of a Service, not there, or another account's.
    pub async fn service(&self) -> Result<Arc<Prepared>, Problem> {
        let id = service_id(self.segment("service"));
        let id = id.ok_or_else(|| Refusal::from(Reason::RelyingPartyUnknown))?;
        let passkeys = &self.state.passkeys;
        Ok(passkeys.relying_party(self.account, id).await?)
    }

    /// What a key may do that the caller makes.
    ///
    /// # Errors
    /// 400 for what cannot be asked for, 403 for more than the caller has.
    pub fn grant_of(
        &self,
        scopes: Option<&[String]>,
        expires_at: Option<&str>,
    ) -> Result<Grant, Problem> {
        let now = self.state.passkeys.now();
        grants::asked_for(scopes, expires_at, &self.grant, now).map_err(|why| match why.member() {
            Some(member) => Problem::new(StatusCode::BAD_REQUEST, "request_invalid")
                .saying(why.to_string())
                .at(member),
            None => Refusal::new(Reason::ScopeMissing, why.to_string()).into(),
        })
    }

    /// Reads the body as it is.
    ///
    /// # Errors
    /// What the transport refuses.
    pub async fn body(&self) -> Result<Bytes, Problem> {
        Ok(self.inbound.read_body().await?)
    }

    /// Reads a body of one of these content types.
    ///
    /// # Errors
    /// 415 for another content type, and what the transport refuses.
    pub async fn body_of(&self, types: &[&str]) -> Result<Bytes, Problem> {
        let body = self.body().await?;
        if types.iter().any(|one| media::is(self.headers(), one)) {
            return Ok(body);
        }
        let refusal = Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_type_not_supported",
        );
        Err(refusal.saying(format!("send {}", types.join(" or "))))
    }

    /// Reads a body of JSON.
    ///
    /// # Errors
    /// 415 for another content type, 400 for a body that is not as described, and what the transport refuses.
    pub async fn json<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Problem> {
        let body = self.body_of(&[media::JSON]).await?;
        read(&body)
    }
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Problem> {
    // A structure would be read from a list of its members, too.
    if body.trim_ascii_start().first() != Some(&b'{') {
        let found = match json::parse(body, &Limits::default()) {
            Ok(value) => format!(
                "the body is {}, not a JSON object",
                value.found_instead_of_object()
            ),
            Err(_) => "the body is not a JSON object".to_owned(),
        };
        return Err(Problem::new(StatusCode::BAD_REQUEST, "request_invalid").saying(found));
    }
    serde_json::from_slice(body).map_err(|error| {
        // The kind and the place, not the text: an error may repeat what was sent.
        Problem::new(StatusCode::BAD_REQUEST, "request_invalid").saying(format!(
            "the body is not as described (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}
