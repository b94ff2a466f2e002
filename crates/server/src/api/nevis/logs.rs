//! `GET /api/v1/logs/export` (docs/wires/nevis.md, section 3.9): the audit trail of the Relying Party as CSV (RFC 4180), newest first.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use domain::Reason;
use domain::model::audit::{ActorKind, AuditCategory, AuditEvent, AuditKind};
use domain::model::clock::Timestamp;
use domain::service::events::MAX_EVENTS;
use domain::store::EventFilter;
use jiff::Span;

use super::auth::access_key;
use super::error::{ApiError, refused};
use super::exports::Exported;
use super::reasons::Call;
use super::request::{Parameters, Request, text_of};
use super::state::CHANNEL;
use super::uuid::Uuid;
use crate::api::dates::Date;
use crate::moment::Moment;

/// What is exported when no time is given, in seconds: 30 days.
const DEFAULT_SPAN: i64 = 30 * DAY;
const DAY: i64 = 86_400;
/// Characters of a date without a time.
const DATE_LENGTH: usize = 10;
/// Fewest characters of a free-text filter.
const MIN_FILTER: usize = 2;
const HEAD: &str = "timestamp,event,status,category,channel,actorType,actorId,userId,username,transactionId,authenticatorId,userAgent,message\r\n";

/// Channels of the Authentication Cloud that passkeyd does not have. They match no event.
const OTHER_CHANNELS: [&str; 4] = ["app", "push", "sms", "recovery"];

/// The call.
pub async fn export(request: Request) -> Result<Response, ApiError> {
    let caller = access_key(&request).await?;
    let slot = request.state.exports.begin(caller.rp.id);
    // Kept until the client has read the export.
    let slot = slot.ok_or_else(|| ApiError::refused(Call::Api, &Reason::RateLimited.into()))?;
    let query = request.query()?;
    let range = range(&query, request.state.passkeys.now())?;
    let filter = filter(&query, range)?;
    let found = request
        .state
        .passkeys
        .find_events(caller.rp.id, &filter, MAX_EVENTS)
        .await
        .map_err(refused(Call::Api))?;
    let mut csv = String::with_capacity(HEAD.len() + found.events.len() * 256);
    csv.push_str(HEAD);
    for event in &found.events {
        csv.push_str(&Row::of(event).line());
    }
    let body = Body::new(Exported::new(csv, slot));
    Ok(text_of("text/csv; charset=utf-8", body))
}

/// The time that is asked for.
#[derive(Clone, Copy)]
struct Range {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// Reads the time that is asked for.
fn range(query: &Parameters<'_>, now: Timestamp) -> Result<Range, ApiError> {
    let (from, to, span) = (
        query.get("fromDate"),
        query.get("toDate"),
        query.get("timespan"),
    );
    if span.is_some() && (from.is_some() || to.is_some()) {
        return Err(ApiError::rule(
            "timespan cannot be combined with fromDate or toDate",
        ));
    }
    if from.is_some() || to.is_some() {
        return Ok(Range {
            from: from.map(|text| date("fromDate", text)).transpose()?,
            until: to.map(end).transpose()?,
        });
    }
    let seconds = match span {
        None => DEFAULT_SPAN,
        Some(text) => duration(text).ok_or_else(|| {
            ApiError::rule("timespan is no duration of ISO 8601 such as P30D or PT12H")
        })?,
    };
    Ok(Range {
        from: Some(now.plus_millis(seconds.saturating_mul(-1000))),
        until: None,
    })
}

/// A moment, or a day, which stands for its beginning.
fn date(name: &'static str, text: &str) -> Result<Timestamp, ApiError> {
    let whole = if text.len() == DATE_LENGTH {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    Moment::try_from(whole)
        .map(|moment| Timestamp(moment.0.0.saturating_mul(1000)))
        .map_err(|_| {
            ApiError::rule(format!(
                "{name} is no date of ISO 8601 such as 2026-01-31 or 2026-01-31T12:00:00Z"
            ))
        })
}

/// The moment after the last one that `toDate` names.
fn end(text: &str) -> Result<Timestamp, ApiError> {
    let last = if text.len() == DATE_LENGTH { DAY } else { 1 };
    Ok(date("toDate", text)?.plus_millis(last * 1000))
}

/// The seconds of an ISO 8601 duration; a month counts as 30 days and a year as 365.
fn duration(text: &str) -> Option<i64> {
    // jiff also reads signs, fractions, lower case and forms of its own.
    let plain = text.strip_prefix('P')?;
    if !plain
        .bytes()
        .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    {
        return None;
    }
    let span: Span = text.parse().ok()?;
    let days = i64::from(span.get_years()) * 365
        + i64::from(span.get_months()) * 30
        + i64::from(span.get_weeks()) * 7
        + i64::from(span.get_days());
    let minutes = i64::from(span.get_hours()) * 60 + span.get_minutes();
    Some(days * DAY + minutes * 60 + span.get_seconds())
}

/// Which events of a time are wanted.
fn filter(query: &Parameters<'_>, range: Range) -> Result<EventFilter, ApiError> {
    let text = match query.get("filter") {
        Some(text) if text.chars().count() < MIN_FILTER => {
            return Err(ApiError::rule("filter has fewer than 2 characters"));
        }
        text => text.map(str::to_lowercase),
    };
    let refusals = match query.get("status") {
        None => None,
        Some("succeeded") => Some(false),
        Some("failed") => Some(true),
        Some(_) => return Err(ApiError::rule("status must be one of: succeeded, failed")),
    };
    let mut channels = vec![CHANNEL, "unknown"];
    channels.extend(OTHER_CHANNELS);
    let wanted_category = word(
        query,
        "category",
        &["registration", "authentication", "management", "none"],
    )?;
    let wanted_channel = word(query, "channel", &channels)?;
    let wanted_actor = word(
        query,
        "actorType",
        &["api", "admin", "user", "app", "unknown"],
    )?;
    let mut kinds = AuditKind::ALL.to_vec();
    kinds.retain(|kind| {
        refusals.is_none_or(|refusals| kind.is_refusal() == refusals)
            && wanted_category.is_none_or(|name| name == category(*kind))
            && wanted_channel.is_none_or(|name| name == channel(*kind))
    });
    let by = match wanted_actor {
        None => None,
        Some(name) => {
            let named = ActorKind::ALL.iter().find(|kind| name == actor(**kind));
            if named.is_none() {
                // A word that no event has.
                kinds.clear();
            }
            named.copied()
        }
    };
    Ok(EventFilter {
        from: range.from,
        until: range.until,
        kinds: (kinds.len() < AuditKind::ALL.len()).then_some(kinds),
        actor: by,
        wanted: text.map(|text| -> domain::store::Wanted {
            Arc::new(move |event| Row::of(event).line().to_lowercase().contains(&text))
        }),
        ..EventFilter::default()
    })
}

/// A parameter that is one of some words.
fn word(
    query: &Parameters<'_>,
    name: &'static str,
    words: &[&'static str],
) -> Result<Option<&'static str>, ApiError> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    match words.iter().find(|word| **word == text) {
        Some(word) => Ok(Some(*word)),
        None => Err(ApiError::rule(format!(
            "{name} must be one of: {}",
            words.join(", ")
        ))),
    }
}

fn category(kind: AuditKind) -> &'static str {
    match kind.category() {
        AuditCategory::Registration => "registration",
        AuditCategory::Authentication => "authentication",
        AuditCategory::Management => "management",
    }
}

fn channel(kind: AuditKind) -> &'static str {
    match kind.category() {
        AuditCategory::Registration | AuditCategory::Authentication => CHANNEL,
        AuditCategory::Management => "unknown",
    }
}

fn actor(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::Unknown | ActorKind::Passkeyd => "unknown",
        ActorKind::Api => "api",
        ActorKind::Admin => "admin",
        ActorKind::User => "user",
    }
}

/// An event as a line.
struct Row<'a>(&'a AuditEvent);

impl<'a> Row<'a> {
    fn of(event: &'a AuditEvent) -> Self {
        Self(event)
    }

    fn line(&self) -> String {
        let event = self.0;
        let message = match event.reason {
            Some(reason) => format!("{}: {}", reason.name(), reason.what()),
            None => event.signals.clone(),
        };
        let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        let fields = [
            Date(event.at).to_string(),
            event.kind.name().to_owned(),
            if event.kind.is_refusal() {
                "failed"
            } else {
                "succeeded"
            }
            .to_owned(),
            category(event.kind).to_owned(),
            channel(event.kind).to_owned(),
            actor(event.actor.kind).to_owned(),
            id(event.actor.access_key.map(|key| Uuid(key.0))),
            id(event.user.map(Uuid::from)),
            event.user_name.clone().unwrap_or_default(),
            id(event.ceremony.map(Uuid::from)),
            id(event.credential.map(Uuid::from)),
            event.actor.user_agent().unwrap_or_default().to_owned(),
            message,
        ];
        let mut line = fields.map(|text| field(&text)).join(",");
        line.push_str("\r\n");
        line
    }
}

/// A field of CSV. A spreadsheet would run what begins like a formula, so an apostrophe before it makes it text.
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !text.contains(['"', ',', '\r', '\n']) {
        return text.to_owned();
    }
    let mark = if formula { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_of_iso_8601_is_read_with_months_of_30_days() {
        for (text, seconds) in [
            ("P30D", 30 * DAY),
            ("P1Y", 365 * DAY),
            ("P1M", 30 * DAY),
            ("PT1M", 60),
            ("P2W", 14 * DAY),
            ("P1DT12H30M5S", DAY + 12 * 3600 + 30 * 60 + 5),
            ("P0D", 0),
            ("PT0S", 0),
            ("P007D", 7 * DAY),
            ("PT36H", 36 * 3600),
            ("PT90M", 90 * 60),
            ("P1Y1M1W1D", (365 + 30 + 7 + 1) * DAY),
            ("P19998Y", 19_998 * 365 * DAY),
        ] {
            assert_eq!(duration(text), Some(seconds), "{text}");
        }
        for bad in [
            "",
            "P",
            "PT",
            "P1",
            "30D",
            "P30d",
            "P-1D",
            "P1DT",
            "P1H",
            "PT1D",
            "P1D1Y",
            "P1D1D",
            "P1.5D",
            "P99999999999999999999D",
            "P9999999999999999Y",
            // More than the calendar has.
            "P19999Y",
            "PT9999999999999S",
            "P1é",
            "p1D",
            "P1DT1h",
            "P1Dt1H",
            "+P1D",
            "-P1D",
            "P+1D",
            "P1D ",
            " P1D",
            "P 1D",
            "P1,5D",
            "PT1.5S",
            "PT.5S",
            "P1D1W",
            "PT1S1M",
            "PT1H1H",
            "P1DT1HT1M",
            "1D",
            "1 day",
            "30d",
            "PT1:30",
        ] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_field_is_quoted_where_it_must_be_and_is_never_a_formula() {
        assert_eq!(field("ada"), "ada");
        assert_eq!(field("a,b"), "\"a,b\"");
        assert_eq!(field("a\"b"), "\"a\"\"b\"");
        assert_eq!(field("=1+1"), "\"'=1+1\"");
        assert_eq!(field("@SUM(A1)"), "\"'@SUM(A1)\"");
        assert_eq!(field("-ada"), "\"'-ada\"");
        assert_eq!(field(""), "");
    }
}
