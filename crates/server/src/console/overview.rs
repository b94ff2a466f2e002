//! The first page: what happened lately.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use domain::Reason;
use domain::model::audit::AuditKind;
use domain::model::clock::Timestamp;
use domain::model::page::{Order, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::store::EventFilter;

use super::chart::{self, Bar};
use super::failure::Failure;
use super::page::{self, Frame};
use super::services;
use super::visit::Visit;
use super::words;

/// Most events that are read for the page, of all Services together.
const MOST_EVENTS: u32 = 5_000;
/// Most Services that are counted together.
const MOST_SERVICES: u32 = 10;
/// Reasons that are shown, the most frequent first.
const MOST_REASONS: usize = 8;

/// A stretch of time that the page covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    Day,
    Week,
    Month,
}

impl Range {
    const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
        }
    }

    /// How many bars, and how long each is, in milliseconds.
    fn bars(self) -> (i64, i64) {
        match self {
            Self::Day => (24, 3_600_000),
            Self::Week => (28, 6 * 3_600_000),
            Self::Month => (30, 24 * 3_600_000),
        }
    }
}

#[derive(Template)]
#[template(path = "console/overview.html")]
struct OverviewPage {
    frame: Frame,
    range: Range,
    ranges: [Range; 3],
    services: Vec<RelyingParty>,
    chosen: Option<RelyingParty>,
    picture: String,
    bars: Vec<Bar>,
    total: Bar,
    reasons: Vec<(Reason, u64)>,
    complete: bool,
}

const COUNTED: [AuditKind; 4] = [
    AuditKind::Authenticated,
    AuditKind::AuthenticationRefused,
    AuditKind::CredentialRegistered,
    AuditKind::RegistrationRefused,
];

/// `GET /console/`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let wanted = visit.query("range").unwrap_or_default();
    let range = Range::ALL.into_iter().find(|range| range.name() == wanted);
    let range = range.unwrap_or(Range::Day);
    let chosen = match visit.query("service") {
        Some(id) if !id.is_empty() => Some(services::named(&visit, id).await?),
        _ => None,
    };
    let services = first_services(&visit).await?;
    let (count, length) = range.bars();
    let now = visit.passkeys().now();
    let end = (now.0 / length + 1) * length;
    let begin = Timestamp(end - count * length);
    let mut bars: Vec<Bar> = (0..count)
        .map(|n| Bar {
            label: label(range, Timestamp(begin.0 + n * length)),
            ..Bar::default()
        })
        .collect();
    let mut filter = EventFilter {
        from: Some(begin),
        kinds: Some(COUNTED.to_vec()),
        ..EventFilter::default()
    };
    let counted: Vec<_> = match &chosen {
        Some(rp) => vec![rp.id],
        None => services.iter().map(|rp| rp.id).collect(),
    };
    let share = MOST_EVENTS / u32::try_from(counted.len().max(1)).unwrap_or(1);
    filter.most = Some(share);
    let (mut complete, mut reasons) = (true, BTreeMap::<&str, (Reason, u64)>::new());
    for rp in counted {
        let found = visit.passkeys().find_events(rp, &filter, share).await?;
        complete &= found.complete;
        for event in found.events {
            let at = usize::try_from((event.at.0 - begin.0) / length).unwrap_or(usize::MAX);
            let Some(bar) = bars.get_mut(at) else {
                continue;
            };
            match event.kind {
                AuditKind::Authenticated => bar.signed_in += 1,
                AuditKind::CredentialRegistered => bar.registered += 1,
                _ => bar.refused += 1,
            }
            if let Some(reason) = event.reason {
                reasons.entry(reason.name()).or_insert((reason, 0)).1 += 1;
            }
        }
    }
    let total = bars.iter().fold(Bar::default(), |sum, bar| Bar {
        label: String::new(),
        signed_in: sum.signed_in + bar.signed_in,
        registered: sum.registered + bar.registered,
        refused: sum.refused + bar.refused,
    });
    let mut reasons: Vec<_> = reasons.into_values().collect();
    reasons.sort_by_key(|(reason, count)| (u64::MAX - count, reason.name()));
    reasons.truncate(MOST_REASONS);
    let about = format!(
        "Sign-ins, registrations and refusals of the last {}",
        range.title()
    );
    page::page(&OverviewPage {
        frame: visit.frame()?,
        range,
        ranges: Range::ALL,
        picture: chart::svg(&bars, &about),
        services,
        chosen,
        bars,
        total,
        reasons,
        complete,
    })
}

fn label(range: Range, at: Timestamp) -> String {
    let text = words::machine(at);
    let part = match range {
        Range::Day => text.get(11..16),
        Range::Week | Range::Month => text.get(5..10),
    };
    part.unwrap_or_default().to_owned()
}

/// The newest Services of the first accounts.
async fn first_services(visit: &Visit) -> Result<Vec<RelyingParty>, Failure> {
    let mut found = Vec::new();
    let accounts = PageRequest::first(MOST_SERVICES);
    for account in visit.passkeys().list_accounts(accounts).await?.items {
        let page = PageRequest {
            after: None,
            limit: MOST_SERVICES,
            order: Order::Descending,
        };
        let page = visit.passkeys().list_relying_parties(account.id, page);
        found.extend(page.await?.items);
        if found.len() >= MOST_SERVICES as usize {
            break;
        }
    }
    found.truncate(MOST_SERVICES as usize);
    Ok(found)
}
