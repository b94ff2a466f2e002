//! How many people came how far with their passkeys: what pages reported, and what came of the responses, by provider. Of one Service, or of all.

use askama::Template;
use axum::response::Response;
use domain::model::relying_party::RelyingParty;

use super::failure::Failure;
use super::page::{self, Frame};
use super::services;
use super::visit::Visit;
use super::words;
use crate::http::funnel::{Funnel, Funnels, MOST_SERVICES, PROVIDERS, Responses};
use crate::http::reports::{BROWSERS, ClientEvent, EVENTS, OPERATIONS, SYSTEMS};

/// How far people came.
#[derive(Clone, Debug, Default)]
struct Row {
    name: &'static str,
    offered: u64,
    started: u64,
    done: u64,
    cancelled: u64,
    fallback: u64,
    failed: u64,
}

impl Row {
    fn add(&mut self, event: &str, count: u64) {
        match event {
            "offered" => self.offered += count,
            "started" => self.started += count,
            "done" => self.done += count,
            "fallback" => self.fallback += count,
            "cancelled" | "no_passkey" | "timeout" => self.cancelled += count,
            // The page itself ended it, or it goes on.
            "returned" | "aborted" | "replaced" => {}
            _ => self.failed += count,
        }
    }

    /// How many of those that started succeeded, in percent.
    fn share(&self) -> String {
        match (self.done * 100).checked_div(self.started) {
            Some(share) => format!("{} %", share.min(100)),
            None => "-".to_owned(),
        }
    }
}

struct Table {
    title: &'static str,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "console/client-events.html")]
struct EventsPage {
    frame: Frame,
    /// The Service; `None` for all together.
    service: Option<RelyingParty>,
    /// It is not counted by itself: there are too many.
    left_out: bool,
    operations: [&'static str; OPERATIONS.len()],
    chosen: &'static str,
    tables: Vec<Table>,
    reasons: Vec<(&'static str, u64)>,
    /// Only providers of which there is something.
    providers: Vec<(&'static str, Responses)>,
}

/// `GET /console/client-events`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let funnels = visit.state.traffic.funnels();
    let all = funnels.map(Funnels::all);
    page::page(&of(&visit, all)?)
}

/// `GET /console/services/{service}/client-events`.
pub(super) async fn of_service(visit: Visit) -> Result<Response, Failure> {
    let service = services::of_path(&visit).await?;
    let funnels = visit.state.traffic.funnels();
    let counted = funnels.and_then(|funnels| funnels.of(service.id));
    let left_out = counted.is_none() && funnels.is_some_and(Funnels::is_full);
    page::page(&EventsPage {
        service: Some(service),
        left_out,
        ..of(&visit, counted.as_deref())?
    })
}

fn of(visit: &Visit, funnel: Option<&Funnel>) -> Result<EventsPage, Failure> {
    let wanted = visit.query("operation").unwrap_or_default();
    let chosen = OPERATIONS.into_iter().find(|one| *one == wanted);
    let events: Vec<(ClientEvent, u64)> = funnel
        .into_iter()
        .flat_map(Funnel::events)
        .filter(|(event, _)| chosen.is_none_or(|chosen| OPERATIONS[event.operation] == chosen))
        .collect();
    let table = |title, names: &[&'static str], of: fn(&ClientEvent) -> usize| {
        let rows = names.iter().enumerate().map(|(at, &name)| {
            let mut row = Row {
                name,
                ..Row::default()
            };
            for (event, count) in events.iter().filter(|(event, _)| of(event) == at) {
                row.add(EVENTS[event.event], *count);
            }
            row
        });
        let there = |row: &Row| row.offered + row.started + row.fallback + row.failed > 0;
        Table {
            title,
            rows: rows.filter(there).collect(),
        }
    };
    let tables = vec![
        table("What people did", &OPERATIONS, |event| event.operation),
        table("Browsers", &BROWSERS, |event| event.browser),
        table("Operating systems", &SYSTEMS, |event| event.system),
    ];
    let steps = ["offered", "started", "returned", "done", "fallback"];
    let mut reasons: Vec<(&'static str, u64)> = EVENTS
        .into_iter()
        .filter(|name| !steps.contains(name))
        .map(|name| {
            let of = events
                .iter()
                .filter(|(event, _)| EVENTS[event.event] == name);
            (name, of.map(|(_, count)| count).sum())
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    reasons.sort_by_key(|(name, count)| (u64::MAX - count, *name));
    let responses = funnel.map(Funnel::responses).unwrap_or_default();
    let providers = PROVIDERS.into_iter().zip(responses);
    Ok(EventsPage {
        frame: visit.frame()?,
        service: None,
        left_out: false,
        operations: OPERATIONS,
        chosen: chosen.unwrap_or_default(),
        tables,
        reasons,
        providers: providers
            .filter(|(_, responses)| *responses != Responses::default())
            .collect(),
    })
}
