//! The page of the one who is signed in: sessions, and another passkey.

use askama::Template;
use axum::response::Response;
use domain::model::console::Session;
use domain::model::ids::SessionId;

use super::failure::Failure;
use super::page::{self, Frame};
use super::visit::Visit;
use super::words;

#[derive(Template)]
#[template(path = "console/you.html")]
struct YouPage {
    frame: Frame,
    sessions: Vec<Session>,
    own: SessionId,
}

/// `GET /console/you`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let visitor = visit.visitor()?;
    let (own, who) = (visitor.session.id, visitor.administrator.id);
    page::page(&YouPage {
        frame: visit.frame()?,
        sessions: visit.passkeys().sessions(who).await?,
        own,
    })
}

/// `POST /console/you/passkey`: leads to the page on which another passkey is created.
pub(super) async fn add_passkey(visit: Visit) -> Result<Response, Failure> {
    let who = visit.administrator()?.id;
    let invited = visit.passkeys().invite_passkey(who, &visit.actor()).await;
    let (_, token) = invited?;
    let path = format!("/invite/{}", token.reveal());
    Ok(page::see_other(&visit.state.place.path(&path)))
}

/// `POST /console/you/sessions/{session}/end`.
pub(super) async fn end_session(visit: Visit) -> Result<Response, Failure> {
    let absent = || Failure::Absent("There is no such session any more.");
    let id = SessionId::from_hex(visit.segment("session")).ok_or_else(absent)?;
    let who = visit.administrator()?.id;
    let sessions = visit.passkeys().sessions(who).await?;
    if sessions.iter().all(|session| session.id != id) {
        return Err(absent());
    }
    visit.passkeys().end_session(id, &visit.actor()).await?;
    Ok(visit.back("/you", "ended"))
}
