//! The page of the one who is signed in: passkeys and sessions.

use askama::Template;
use axum::response::Response;
use domain::model::console::Session;
use domain::model::credential::CredentialRecord;
use domain::model::ids::{CredentialKey, SessionId, UserId};

use super::failure::Failure;
use super::page::{self, Frame};
use super::visit::Visit;
use super::words;

/// A passkey of an administrator.
pub(super) struct Passkey {
    pub(super) record: CredentialRecord,
    pub(super) provider: Option<String>,
}

/// The passkeys of an administrator.
pub(super) async fn passkeys(visit: &Visit, of: UserId) -> Result<Vec<Passkey>, Failure> {
    let passkeys = visit.passkeys();
    let records = passkeys.console_passkeys(of).await?.into_iter();
    let shown = records.map(|record| Passkey {
        provider: passkeys.provider_name(record.aaguid),
        record,
    });
    Ok(shown.collect())
}

/// Removes the passkey that the path names; which one.
pub(super) async fn remove_passkey_of(visit: &Visit, of: UserId) -> Result<CredentialKey, Failure> {
    let absent = || Failure::Absent("There is no such passkey any more.");
    let key = words::digits(visit.segment("key"));
    let key = CredentialKey::from_hex(&key).ok_or_else(absent)?;
    let by = visit.actor();
    let removed = visit.passkeys().remove_console_passkey(of, key, &by);
    removed.await?;
    Ok(key)
}

/// Ends the session that the path names.
pub(super) async fn end_session_of(visit: &Visit, of: UserId) -> Result<(), Failure> {
    let absent = || Failure::Absent("There is no such session any more.");
    let id = SessionId::from_hex(visit.segment("session")).ok_or_else(absent)?;
    let sessions = visit.passkeys().sessions(of).await?;
    if sessions.iter().all(|session| session.id != id) {
        return Err(absent());
    }
    visit.passkeys().end_session(id, &visit.actor()).await?;
    Ok(())
}

#[derive(Template)]
#[template(path = "console/you.html")]
struct YouPage {
    frame: Frame,
    passkeys: Vec<Passkey>,
    sessions: Vec<Session>,
    own: SessionId,
    /// The passkey of the one who is signed in.
    signed_in: Option<CredentialKey>,
}

/// `GET /console/you`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let visitor = visit.visitor()?;
    let (own, who) = (visitor.session.id, visitor.administrator.id);
    let signed_in = visitor.session.passkey;
    page::page(&YouPage {
        frame: visit.frame()?,
        passkeys: passkeys(&visit, who).await?,
        sessions: visit.passkeys().sessions(who).await?,
        own,
        signed_in,
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

/// `POST /console/you/passkeys/{key}/remove`.
pub(super) async fn remove_passkey(visit: Visit) -> Result<Response, Failure> {
    let who = visit.administrator()?.id;
    let removed = remove_passkey_of(&visit, who).await?;
    let to = if visit.visitor()?.session.passkey == Some(removed) {
        "/sign-in"
    } else {
        "/you"
    };
    Ok(visit.back(to, "passkey-removed"))
}

/// `POST /console/you/sessions/{session}/end`.
pub(super) async fn end_session(visit: Visit) -> Result<Response, Failure> {
    let who = visit.administrator()?.id;
    end_session_of(&visit, who).await?;
    Ok(visit.back("/you", "ended"))
}
