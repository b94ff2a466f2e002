//! The explorer: one attempt, step by step, from a case that somebody pastes. It needs no store and changes nothing.

use askama::Template;
use axum::response::Response;
use domain::webauthn::UnixSeconds;
use domain::webauthn::trace::StepResult;

use super::failure::Failure;
use super::page::{self, Frame};
use super::visit::Visit;
use crate::verify::Explained;

#[derive(Template)]
#[template(path = "console/explorer.html")]
struct ExplorerPage {
    frame: Frame,
    case: String,
    wrong: Option<String>,
    explained: Option<Explained>,
}

/// `GET /console/explorer`.
pub(super) async fn blank(visit: Visit) -> Result<Response, Failure> {
    page::page(&ExplorerPage {
        frame: visit.frame()?,
        case: String::new(),
        wrong: None,
        explained: None,
    })
}

/// `POST /console/explorer`.
pub(super) async fn explain(visit: Visit) -> Result<Response, Failure> {
    let case = visit.field("case").to_owned();
    let now = UnixSeconds(visit.passkeys().now().seconds());
    let (explained, wrong) = match Explained::of(&case, now) {
        Ok(explained) => (Some(explained), None),
        Err(why) => (None, Some(format!("This is not a valid case: {why}."))),
    };
    let accepted = wrong.is_none();
    let page = ExplorerPage {
        frame: visit.frame()?,
        case,
        wrong,
        explained,
    };
    if accepted {
        page::page(&page)
    } else {
        page::not_accepted(&page)
    }
}
