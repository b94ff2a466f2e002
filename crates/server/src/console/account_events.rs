//! What happened to an account, and to no Service of it.

use askama::Template;
use axum::response::Response;
use domain::model::audit::{AuditEvent, trail_of};
use domain::model::ids::AccountId;
use domain::service::key_names::KeyNames;
use domain::store::EventFilter;

use super::failure::Failure;
use super::keys;
use super::page::{self, Frame};
use super::trail::{self, Further};
use super::visit::Visit;
use super::words;

/// Events of a page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "console/account-events.html")]
struct AccountEventsPage {
    frame: Frame,
    account: AccountId,
    events: Vec<AuditEvent>,
    names: KeyNames,
    /// Where the next page begins.
    further: Option<Further>,
}

/// `GET /console/accounts/{account}/events`.
pub(super) async fn list(visit: Visit) -> Result<Response, Failure> {
    let account = keys::account(&visit).await?;
    let trail = trail_of(account);
    let all = EventFilter::default();
    let (events, further) = trail::search(&visit, trail, all, ROWS).await?;
    let names = visit.passkeys().key_names(account, trail, &events).await?;
    page::page(&AccountEventsPage {
        frame: visit.frame()?,
        account,
        events,
        names,
        further,
    })
}
