//! The record of what happened: pages of events, and lines of all of them.

mod shown;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use domain::Reason;
use domain::model::audit::{AuditEvent, AuditKind, trail_of};
use domain::model::clock::Timestamp;
use domain::model::ids::{ApiKeyId, CeremonyId, CredentialKey, RelyingPartyId, UserId};
use domain::model::refusal::Refusal;
use domain::service::events::PAGE_SEARCHED;
use domain::store::EventFilter;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::Problem;
use super::request::{Parameters, Request, digits, ok, service_id};
use crate::http::lines::{NDJSON, lines};
use crate::http::media;
use crate::transfer::text::Moment;
pub use shown::Event;

/// Events of a page, if the caller does not say how many.
const PAGE: u32 = 100;
/// Most events of a page.
const MAX_PAGE: u32 = 1000;

/// The parameters that choose events. Those of the page are others.
const FILTERS: [&str; 9] = [
    "service",
    "since",
    "until",
    "kind",
    "reason",
    "user",
    "credential",
    "ceremony",
    "api_key",
];

/// A page of events, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Events {
    /// The events. A page may have fewer than `limit`, or none, although more follow: a page looks at 5,000 events at most.
    events: Vec<Event>,
    /// The value of `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists what happened, newest first: in a Service, or to the account itself and its API keys.
///
/// With `Accept: application/x-ndjson` the response has all events that the filters choose, one in each line, and neither `limit` nor `cursor`
/// is allowed. When the store fails meanwhile, the connection ends before the body does.
#[utoipa::path(
    get,
    operation_id = "list_events",
    tag = "Events",
    path = "/manage/v1/events",
    params(
        ("service" = Option<String>, Query, description = "`VA` and 32 hex digits; without it, the events of the account"),
        ("since" = Option<String>, Query, description = "Events from this moment on (RFC 3339)"),
        ("until" = Option<String>, Query, description = "Events before this moment (RFC 3339)"),
        ("kind" = Option<String>, Query, description = "Kinds of events, with commas between them"),
        ("reason" = Option<String>, Query, description = "Refusals for this reason"),
        ("user" = Option<String>, Query, description = "Events of the user with this name or identifier"),
        ("credential" = Option<String>, Query, description = "Events of the passkey with this identifier: `credential` of an event"),
        ("ceremony" = Option<String>, Query, description = "Events of the ceremony with this identifier"),
        ("api_key" = Option<String>, Query, description = "What was done with this API key: `SK` and 32 hex digits. \
          Sign-ins do not name the key"),
        ("limit" = Option<u32>, Query, description = "Most events of the page: 1 to 1000, 100 if it is absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filters"),
    ),
    responses(
        (status = 200, description = "The events.", content(
            (Events = "application/json"),
            (Event = "application/x-ndjson"),
        )),
        (status = 400, description = "A parameter is unknown or has a value that is not allowed; `member` names it.", body = Problem),
        (status = 401, description = "The caller is not known.", body = Problem),
        (status = 404, description = "The account has no such Service.", body = Problem),
    )
)]
pub async fn list(request: Request) -> Result<Response, Problem> {
    let query = request.query(&[&FILTERS[..], &["limit", "cursor"]].concat())?;
    let in_service = query.get("service").is_some();
    let trail = trail(&request, &query).await?;
    let mut filter = filter(&request, &query, trail).await?;
    filter.most = Some(PAGE_SEARCHED);
    let passkeys = &request.state.passkeys;
    if media::names(request.headers(), NDJSON) {
        for name in ["limit", "cursor"] {
            if query.get(name).is_some() {
                return Err(wrong(name, "it is for pages of JSON, not for all events"));
            }
        }
        let passkeys = Arc::clone(passkeys);
        // A fault of the first read is a refusal like any other.
        let mut found = passkeys.find_events(trail, &filter, MAX_PAGE).await?;
        let account = request.account;
        return Ok(lines(|out| async move {
            loop {
                let names = passkeys.key_names(account, trail, &found.events).await?;
                let events = found.events.into_iter();
                let events = events.map(|event| Event::of(event, in_service, &names));
                if out.send(events).await.is_err() || found.stopped.is_none() {
                    return Ok(());
                }
                filter.after = found.stopped;
                found = passkeys.find_events(trail, &filter, MAX_PAGE).await?;
            }
        }));
    }
    let limit = limit(&query)?;
    let list = list_of(&request, &query);
    if let Some(cursor) = query.get("cursor") {
        let place = passkeys.open_cursor(&list, cursor);
        let place = place.ok_or_else(|| {
            wrong(
                "cursor",
                "it is not the `next_cursor` of a page with the same filters",
            )
        })?;
        filter.after = Some(place);
    }
    let found = passkeys.find_events(trail, &filter, limit).await?;
    let names = passkeys.key_names(request.account, trail, &found.events);
    let names = names.await?;
    ok(&Events {
        events: found
            .events
            .into_iter()
            .map(|event| Event::of(event, in_service, &names))
            .collect(),
        next_cursor: found
            .stopped
            .map(|place| passkeys.seal_cursor(&list, place)),
    })
}

/// What a cursor is for: the account and the filters.
fn list_of(request: &Request, query: &Parameters<'_>) -> String {
    let filters = FILTERS.map(|name| query.get(name).unwrap_or_default());
    // A value may have any character, so each has its length before it.
    let filters = filters.map(|value| format!("{}:{value}", value.len()));
    format!("manage events {} {}", request.account, filters.concat())
}

/// Whose trail it is: a Service's of the caller, or the caller's own.
async fn trail(request: &Request, query: &Parameters<'_>) -> Result<RelyingPartyId, Problem> {
    let Some(service) = query.get("service") else {
        return Ok(trail_of(request.account));
    };
    let id = service_id(service).ok_or_else(|| Refusal::from(Reason::RelyingPartyUnknown))?;
    let passkeys = &request.state.passkeys;
    Ok(passkeys.relying_party(request.account, id).await?.id)
}

fn limit(query: &Parameters<'_>) -> Result<u32, Problem> {
    let Some(text) = query.get("limit") else {
        return Ok(PAGE);
    };
    let limit = text.parse().ok();
    limit
        .filter(|limit| (1..=MAX_PAGE).contains(limit))
        .ok_or_else(|| wrong("limit", "expected a number from 1 to 1000"))
}

async fn filter(
    request: &Request,
    query: &Parameters<'_>,
    trail: RelyingPartyId,
) -> Result<EventFilter, Problem> {
    let mut filter = EventFilter {
        from: moment(query, "since")?,
        until: moment(query, "until")?,
        kinds: kinds(query)?,
        ..EventFilter::default()
    };
    let reason = match query.get("reason") {
        None => None,
        Some(name) => {
            let reason = name.parse::<Reason>();
            Some(reason.map_err(|_| wrong("reason", "there is no such reason"))?)
        }
    };
    let user = query.get("user").map(|text| {
        let id = UserId::from_hex(&digits(text));
        (text.to_owned(), id)
    });
    let ceremony = match query.get("ceremony") {
        None => None,
        Some(text) => Some(
            CeremonyId::from_hex(&digits(text))
                .ok_or_else(|| wrong("ceremony", "expected 32 hex digits, or a UUID"))?,
        ),
    };
    let credential = match query.get("credential") {
        None => None,
        Some(text) => Some(
            CredentialKey::from_hex(&digits(text))
                .ok_or_else(|| wrong("credential", "expected 32 hex digits, or a UUID"))?,
        ),
    };
    let key = match query.get("api_key") {
        None => None,
        Some(text) => Some(
            text.strip_prefix("SK")
                .and_then(ApiKeyId::from_hex)
                .ok_or_else(|| wrong("api_key", "expected `SK` and 32 hex digits"))?,
        ),
    };
    if let Some(id) = ceremony {
        within(request, &mut filter, trail, id).await?;
    }
    let chosen = [
        reason.is_some(),
        user.is_some(),
        credential.is_some(),
        ceremony.is_some(),
        key.is_some(),
    ];
    if chosen.contains(&true) {
        filter.wanted = Some(Arc::new(move |event: &AuditEvent| {
            let is_of = |(name, id): &(String, Option<UserId>)| {
                event.user_name.as_ref() == Some(name) || id.is_some() && event.user == *id
            };
            reason.is_none_or(|reason| event.reason == Some(reason))
                && ceremony.is_none_or(|id| event.ceremony == Some(id))
                && credential.is_none_or(|key| event.credential == Some(key))
                && key.is_none_or(|key| event.actor.api_key == Some(key))
                && user.as_ref().is_none_or(is_of)
        }));
    }
    Ok(filter)
}

/// The events of a ceremony lie between its start and its end, as long as the ceremony is kept. That bounds the search.
async fn within(
    request: &Request,
    filter: &mut EventFilter,
    trail: RelyingPartyId,
    id: CeremonyId,
) -> Result<(), Problem> {
    match request.state.passkeys.ceremony(trail, id).await {
        Ok(ceremony) => {
            filter.from = filter.from.max(Some(ceremony.created()));
            let end = ceremony.expires().plus_millis(1);
            filter.until = Some(filter.until.map_or(end, |until| until.min(end)));
            Ok(())
        }
        Err(refusal) if refusal.reason == Reason::CeremonyNotFound => Ok(()),
        Err(refusal) => Err(refusal.into()),
    }
}

fn moment(query: &Parameters<'_>, name: &'static str) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    match Moment::read(text) {
        Some(Moment(at)) => Ok(Some(at)),
        None => Err(wrong(
            name,
            "a moment is written as in RFC 3339, for example 2026-01-31T12:00:00Z",
        )),
    }
}

fn kinds(query: &Parameters<'_>) -> Result<Option<Vec<AuditKind>>, Problem> {
    let Some(text) = query.get("kind") else {
        return Ok(None);
    };
    let kinds = text
        .split(',')
        .map(|name| AuditKind::from_name(name.trim()));
    let kinds: Option<Vec<_>> = kinds.collect();
    let known = || AuditKind::ALL.iter().map(|kind| kind.name());
    let kinds = kinds.ok_or_else(|| {
        let names: Vec<_> = known().collect();
        wrong("kind", &format!("kinds are {}", names.join(", ")))
    })?;
    Ok(Some(kinds))
}

fn wrong(parameter: &str, why: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "request_invalid")
        .at(parameter)
        .saying(format!("`{parameter}`: {why}"))
}
