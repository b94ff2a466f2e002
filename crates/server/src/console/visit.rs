//! The one place where a request is let in.

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::header::{COOKIE, ORIGIN, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use domain::Passkeys;
use domain::model::account::Secret;
use domain::model::audit::{Actor, ActorKind};
use domain::model::console::{Administrator, Token};
use domain::service::console::Visitor;

use super::failure::Failure;
use super::page::{self, Frame};
use super::place::Place;
use super::route::{Needs, Route};
use super::state::State;
use super::words;
use crate::http::current;
use crate::http::form::Form;
use crate::http::inbound::Inbound;
use crate::http::media;

/// Most fields of a form, or parameters of a query.
const MOST_FIELDS: usize = 100;
/// The field with the token of a form.
const TOKEN_FIELD: &str = "form_token";
/// What events name as the wire.
pub(super) const WIRE: &str = "console";

/// A request that was let in.
pub(super) struct Visit {
    pub(super) state: State,
    inbound: Inbound,
    visitor: Option<(Visitor, Token)>,
    fields: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Bytes,
}

/// What no page is at.
pub(super) async fn unknown(axum::extract::State(state): axum::extract::State<State>) -> Response {
    Failure::Absent("There is no page at this address.").as_page(&state, None)
}

/// A page that is asked for in another way than it can be.
pub(super) async fn not_allowed(
    axum::extract::State(state): axum::extract::State<State>,
) -> Response {
    let mut response =
        Failure::Malformed("This address does not take this method.").as_page(&state, None);
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// What is refused, and the frame of its page if somebody is signed in.
type Refused = (Failure, Option<Frame>);

fn refused(failure: impl Into<Failure>) -> Refused {
    (failure.into(), None)
}

/// Lets a request in.
pub(super) async fn admit(
    state: &State,
    request: Request,
    route: &Route,
) -> Result<Visit, Refused> {
    let back = request.uri().path_and_query().map(ToString::to_string);
    let inbound = Inbound::of(request, state.bodies)
        .await
        .map_err(|_| refused(Failure::Absent("There is no page at this address.")))?;
    if route.changes() && !is_own(&inbound.headers, state.place.origin()) {
        return Err(refused(Failure::Foreign));
    }
    // The body is there before anything is asked about the one who sends it: who holds it back keeps no right that is lost meanwhile.
    let body = if route.changes() {
        inbound.read_body().await
    } else {
        Ok(Bytes::new())
    };
    let visitor = visitor(&state.passkeys, &inbound.headers, &state.place)
        .await
        .map_err(refused)?;
    let mut visit = Visit {
        state: state.clone(),
        query: pairs(inbound.query()).ok_or_else(|| {
            refused(Failure::Malformed(
                "The address has a query that is no text.",
            ))
        })?,
        inbound,
        visitor,
        fields: Vec::new(),
        body: Bytes::new(),
    };
    if let Needs::Role(role) = route.needs {
        let Some((visitor, _)) = &visit.visitor else {
            // A form is not sent again after the sign-in.
            let back = back.filter(|_| !route.changes()).unwrap_or_default();
            return Err(refused(Failure::SignedOut(back)));
        };
        if visitor.administrator.role < role {
            return Err((Failure::Role(role), visit.frame().ok()));
        }
    }
    if route.changes() {
        let frame = visit.frame().ok();
        visit.body = body.map_err(|refusal| (refusal.into(), frame.clone()))?;
        if !route.json {
            visit.read_form().map_err(|failure| (failure, frame))?;
        }
    }
    Ok(visit)
}

/// Whether a page of the console sends the request, and not another site (`Sec-Fetch-Site` where the browser says it, and `Origin`).
fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    let text = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let site = text("sec-fetch-site");
    let from = text(ORIGIN.as_str());
    if site.is_some_and(|site| site != b"same-origin") {
        return false;
    }
    match from {
        Some(from) => from == origin.as_bytes(),
        None => site.is_some(),
    }
}

/// The name of the cookie. A browser gives a name with this prefix to no other host, and never without TLS.
pub(super) fn cookie_name(place: &Place) -> &'static str {
    if place.is_secure() {
        "__Host-passkeyd-console"
    } else {
        "passkeyd-console"
    }
}

/// The cookie of a session.
pub(super) fn cookie(place: &Place, token: &Token) -> Option<HeaderValue> {
    set_cookie(place, token.reveal(), "")
}

/// The cookie that takes the session from the browser.
pub(super) fn no_cookie(place: &Place) -> Option<HeaderValue> {
    set_cookie(place, "", "; Max-Age=0")
}

fn set_cookie(place: &Place, value: &str, more: &str) -> Option<HeaderValue> {
    let secure = if place.is_secure() { "; Secure" } else { "" };
    let name = cookie_name(place);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}");
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

async fn visitor(
    passkeys: &Passkeys,
    headers: &HeaderMap,
    place: &Place,
) -> Result<Option<(Visitor, Token)>, Failure> {
    let token = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| {
            pair.trim()
                .strip_prefix(cookie_name(place))?
                .strip_prefix('=')
        })
        .find_map(Token::parse);
    let Some(token) = token else {
        return Ok(None);
    };
    let found = passkeys.visitor(&token).await?;
    Ok(found.map(|visitor| (visitor, token)))
}

/// The parameters of a form or a query; `None` if they are no text.
fn pairs(text: &[u8]) -> Option<Vec<(String, String)>> {
    let form = Form::parse(text, MOST_FIELDS).ok()?;
    let pairs = form.iter();
    Some(
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    )
}

fn find<'a>(pairs: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(name, _)| name == wanted);
    found.map(|(_, value)| value.as_str())
}

impl Visit {
    fn read_form(&mut self) -> Result<(), Failure> {
        if !media::is_only(&self.inbound.headers, media::FORM) {
            return Err(Failure::Malformed("The body is no form."));
        }
        self.fields = pairs(&self.body).ok_or(Failure::Malformed(
            "The form is no text, or has too many fields.",
        ))?;
        // No form of the console has two fields of one name.
        let mut names: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names
            .windows(2)
            .any(|pair| matches!(pair, [one, other] if one == other))
        {
            return Err(Failure::Malformed("The form has a field twice."));
        }
        let token = self.visitor.as_ref();
        let token = token.map(|(_, token)| Secret::new(token.form_token()).hash());
        let sent = find(&self.fields, TOKEN_FIELD).unwrap_or_default();
        // Compared by their hashes, in constant time.
        match token {
            Some(token) if token == Secret::new(sent).hash() => Ok(()),
            _ => Err(Failure::OldForm),
        }
    }

    /// Who is signed in. On a route that needs a role there is somebody.
    pub(super) fn visitor(&self) -> Result<&Visitor, Failure> {
        let found = self.visitor.as_ref().map(|(visitor, _)| visitor);
        found.ok_or_else(|| Failure::SignedOut(String::new()))
    }

    /// Who is signed in.
    pub(super) fn administrator(&self) -> Result<&Administrator, Failure> {
        Ok(&self.visitor()?.administrator)
    }

    /// The frame of the page.
    pub(super) fn frame(&self) -> Result<Frame, Failure> {
        let (visitor, token) = self
            .visitor
            .as_ref()
            .ok_or_else(|| Failure::SignedOut(String::new()))?;
        let path = self.inbound.uri.path();
        Ok(Frame {
            at: self.state.place.base(),
            docs: self.state.public_url.join("/docs/"),
            name: visitor.administrator.name.clone(),
            role: visitor.administrator.role,
            token: token.form_token(),
            here: path.strip_prefix("/console").unwrap_or(path).to_owned(),
            done: self.query("done").and_then(words::done),
        })
    }

    /// The domain.
    pub(super) fn passkeys(&self) -> &Passkeys {
        &self.state.passkeys
    }

    /// Who does what this request does.
    pub(super) fn actor(&self) -> Actor {
        let actor = current::administering(WIRE).agent(&self.user_agent());
        match &self.visitor {
            Some((visitor, _)) => {
                let Administrator { id, name, .. } = &visitor.administrator;
                actor
                    .named(&format!("{name} ({})", words::user(*id)))
                    .standing(visitor.standing(), visitor.session.id)
            }
            None => actor,
        }
    }

    /// Somebody who is not signed in yet.
    pub(super) fn stranger(&self) -> Actor {
        current::calling(Actor::new(ActorKind::User, WIRE)).agent(&self.user_agent())
    }

    fn user_agent(&self) -> String {
        let agent = self.inbound.headers.get(USER_AGENT);
        let agent = agent.map(HeaderValue::as_bytes).unwrap_or_default();
        String::from_utf8_lossy(agent).into_owned()
    }

    /// A part of the path.
    pub(super) fn segment(&self, name: &str) -> &str {
        self.inbound.segment(name)
    }

    /// A parameter of the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// A field of the form, without space around it; empty if it is not there.
    pub(super) fn field(&self, name: &str) -> &str {
        find(&self.fields, name).unwrap_or_default().trim()
    }

    /// Whether the form has this field. A box that is not ticked is not in it.
    pub(super) fn has(&self, name: &str) -> bool {
        find(&self.fields, name).is_some()
    }

    /// The body of a call of the script.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Back to a page, which says what was done.
    pub(super) fn back(&self, to: &str, done: &str) -> Response {
        let to = self.state.place.path(to);
        let joint = if to.contains('?') { '&' } else { '?' };
        page::see_other(&format!("{to}{joint}done={done}"))
    }
}
