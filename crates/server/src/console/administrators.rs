//! Who else is an administrator.

use std::collections::HashMap;

use askama::Template;
use axum::response::Response;
use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::console::{
    Administrator, CONSOLE_ACCOUNT, CONSOLE_PARTY, Invite, Role, Session, Token,
};
use domain::model::ids::{CredentialKey, InviteId, SessionId, UserId};
use domain::service::console::ConsoleRefusal;
use domain::service::key_names::KeyNames;
use domain::store::EventFilter;

use super::account;
use super::failure::{Failure, NAME_INVALID};
use super::page::{self, Frame};
use super::services::NOT_OFFERED;
use super::trail::{self, Further};
use super::visit::Visit;
use super::words;
use super::wrong::Wrong;

/// Events that the page shows.
const EVENTS: u32 = 50;

/// Somebody whose name is not known any more.
const GONE: &str = "somebody who was removed";

const ROLE_CHANGED: &str = "Somebody else has changed this role. The list shows the new one.";

const ABSENT: Failure = Failure::Absent("There is no such administrator.");

#[derive(Template)]
#[template(path = "console/administrators.html")]
struct AdministratorsPage {
    frame: Frame,
    administrators: Vec<Administrator>,
    invites: Vec<Invite>,
    roles: &'static [Role],
    /// The one who is signed in.
    own: UserId,
    /// A link that was just made: for whom, and the link.
    made: Option<(String, String)>,
    /// What was sent, and what is wrong with it.
    name: String,
    wrong: Wrong,
    /// The administrator whose new role was not accepted, and why.
    unchanged: Option<(UserId, &'static str)>,
    /// What administrators did that belongs to no Service. No API shows it.
    events: Vec<AuditEvent>,
    names: KeyNames,
    /// Where the search for older events goes on.
    further: Option<Further>,
}

impl AdministratorsPage {
    fn why_unchanged(&self, of: &UserId) -> Option<&'static str> {
        let (id, why) = self.unchanged?;
        (id == *of).then_some(why)
    }
}

#[derive(Template)]
#[template(path = "console/administrator.html")]
struct AdministratorPage {
    frame: Frame,
    /// The path of the page below the console.
    at: String,
    person: Administrator,
    passkeys: Vec<account::Passkey>,
    sessions: Vec<Session>,
    /// The session of the one who is signed in.
    own: SessionId,
    /// The passkey of the one who is signed in.
    signed_in: Option<CredentialKey>,
}

async fn the_page(visit: &Visit) -> Result<AdministratorsPage, Failure> {
    let passkeys = visit.passkeys();
    let all = EventFilter::default();
    let (mut events, further) = trail::search(visit, CONSOLE_PARTY, all, EVENTS).await?;
    let administrators = passkeys.administrators().await?;
    name_people(&mut events, &administrators);
    let names = passkeys.key_names(CONSOLE_ACCOUNT, CONSOLE_PARTY, &events);
    Ok(AdministratorsPage {
        names: names.await?,
        events,
        further,
        frame: visit.frame()?,
        administrators,
        invites: passkeys.invites().await?,
        roles: Role::ALL,
        own: visit.administrator()?.id,
        made: None,
        name: String::new(),
        wrong: Wrong::default(),
        unchanged: None,
    })
}

/// Names the people of events. Some events have no name, and some the name of the user of the ceremonies, which nobody knows.
fn name_people(events: &mut [AuditEvent], administrators: &[Administrator]) {
    let there = administrators.iter();
    let mut names: HashMap<UserId, String> = there.map(|one| (one.id, one.name.clone())).collect();
    for event in &*events {
        if let (Some(id), Some(name), AuditKind::AdministratorDeleted | AuditKind::InviteAccepted) =
            (event.user, &event.user_name, event.kind)
        {
            names.entry(id).or_insert_with(|| name.clone());
        }
    }
    for event in events {
        if let Some(id) = event.user {
            let name = names.get(&id).map_or(GONE, String::as_str);
            event.user_name = Some(name.to_owned());
        }
    }
}

/// `GET /console/administrators`.
pub(super) async fn list(visit: Visit) -> Result<Response, Failure> {
    page::page(&the_page(&visit).await?)
}

async fn with_link(
    visit: &Visit,
    made: Result<(Invite, Token), ConsoleRefusal>,
) -> Result<Response, Failure> {
    let (invite, token) = match made {
        Ok(made) => made,
        Err(ConsoleRefusal::NameInvalid) => {
            return not_invited(visit, Wrong::only("name", NAME_INVALID)).await;
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let mut page = the_page(visit).await?;
    let path = format!("/invite/{}", token.reveal());
    page.made = Some((invite.name, visit.state.place.link(&path)));
    page::page(&page)
}

async fn not_invited(visit: &Visit, wrong: Wrong) -> Result<Response, Failure> {
    page::not_accepted(&AdministratorsPage {
        name: visit.field("name").to_owned(),
        wrong,
        ..the_page(visit).await?
    })
}

fn id(visit: &Visit) -> Result<UserId, Failure> {
    UserId::from_hex(visit.segment("administrator")).ok_or(ABSENT)
}

/// `POST /console/administrators`: makes a link by which somebody comes in.
pub(super) async fn invite(visit: Visit) -> Result<Response, Failure> {
    let Some(role) = Role::from_name(visit.field("role")) else {
        return not_invited(&visit, Wrong::only("role", NOT_OFFERED)).await;
    };
    let (passkeys, by) = (visit.passkeys(), visit.actor());
    let made = passkeys.invite_administrator(visit.field("name"), role, &by);
    with_link(&visit, made.await).await
}

/// `POST /console/administrators/{administrator}/passkey`: makes a link by which an administrator adds a passkey, for example when all are lost.
pub(super) async fn new_passkey(visit: Visit) -> Result<Response, Failure> {
    let by = visit.actor();
    let made = visit.passkeys().invite_passkey(id(&visit)?, &by);
    with_link(&visit, made.await).await
}

/// `POST /console/administrators/invites/{invite}/revoke`.
pub(super) async fn revoke(visit: Visit) -> Result<Response, Failure> {
    let id = InviteId::from_hex(visit.segment("invite"));
    let id = id.ok_or(Failure::Absent("There is no such invite."))?;
    visit.passkeys().revoke_invite(id, &visit.actor()).await?;
    Ok(visit.back("/administrators", "revoked"))
}

/// `GET /console/administrators/{administrator}`: what somebody signs in with, and is signed in at.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let person = visit.passkeys().administrator(id(&visit)?).await;
    let person = person.map_err(|_| ABSENT)?;
    page::page(&AdministratorPage {
        passkeys: account::passkeys(&visit, person.id).await?,
        sessions: visit.passkeys().sessions(person.id).await?,
        own: visit.visitor()?.session.id,
        signed_in: visit.visitor()?.session.passkey,
        frame: visit.frame()?,
        at: here(person.id),
        person,
    })
}

fn here(id: UserId) -> String {
    format!("/administrators/{id}")
}

/// `POST /console/administrators/{administrator}/passkeys/{key}/remove`.
pub(super) async fn remove_passkey(visit: Visit) -> Result<Response, Failure> {
    let id = id(&visit)?;
    account::remove_passkey_of(&visit, id).await?;
    Ok(visit.back(&here(id), "passkey-removed"))
}

/// `POST /console/administrators/{administrator}/sessions/{session}/end`.
pub(super) async fn end_session(visit: Visit) -> Result<Response, Failure> {
    let id = id(&visit)?;
    account::end_session_of(&visit, id).await?;
    Ok(visit.back(&here(id), "ended"))
}

/// `POST /console/administrators/{administrator}/role`.
pub(super) async fn change_role(visit: Visit) -> Result<Response, Failure> {
    let id = id(&visit)?;
    let Some(role) = Role::from_name(visit.field("role")) else {
        let page = the_page(&visit).await?;
        if page.administrators.iter().all(|person| person.id != id) {
            return Err(ABSENT);
        }
        return page::not_accepted(&AdministratorsPage {
            unchanged: Some((id, NOT_OFFERED)),
            ..page
        });
    };
    let seen = match visit.field("seen") {
        "" => None,
        name => {
            let seen = Role::from_name(name);
            Some(seen.ok_or(Failure::Malformed(
                "The form names a role that there is not.",
            ))?)
        }
    };
    let by = visit.actor();
    let changed = visit.passkeys().set_role(id, (seen, role), &by);
    match changed.await {
        Ok(_) => Ok(visit.back("/administrators", "role")),
        Err(ConsoleRefusal::RoleChanged) => page::not_accepted(&AdministratorsPage {
            unchanged: Some((id, ROLE_CHANGED)),
            ..the_page(&visit).await?
        }),
        Err(refusal) => Err(refusal.into()),
    }
}

/// `POST /console/administrators/{administrator}/remove`.
pub(super) async fn remove(visit: Visit) -> Result<Response, Failure> {
    let id = id(&visit)?;
    let by = visit.actor();
    let removed = visit.passkeys().remove_administrator(id, &by);
    removed.await?;
    Ok(visit.back("/administrators", "removed"))
}
