//! Who else is an administrator.

use askama::Template;
use axum::response::Response;
use domain::model::console::{Administrator, Invite, Role, Token};
use domain::model::ids::{InviteId, UserId};
use domain::service::console::ConsoleRefusal;

use super::failure::{Failure, NAME_INVALID};
use super::page::{self, Frame};
use super::visit::Visit;
use super::words;

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
    wrong: Option<&'static str>,
}

async fn the_page(visit: &Visit) -> Result<AdministratorsPage, Failure> {
    let passkeys = visit.passkeys();
    Ok(AdministratorsPage {
        frame: visit.frame()?,
        administrators: passkeys.administrators().await?,
        invites: passkeys.invites().await?,
        roles: Role::ALL,
        own: visit.administrator()?.id,
        made: None,
        name: String::new(),
        wrong: None,
    })
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
            let mut page = the_page(visit).await?;
            visit.field("name").clone_into(&mut page.name);
            page.wrong = Some(NAME_INVALID);
            return page::not_accepted(&page);
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let mut page = the_page(visit).await?;
    let path = format!("/invite/{}", token.reveal());
    page.made = Some((invite.name, visit.state.place.link(&path)));
    page::page(&page)
}

fn role(visit: &Visit) -> Result<Role, Failure> {
    Role::from_name(visit.field("role")).ok_or(Failure::Malformed("There is no such role."))
}

fn id(visit: &Visit) -> Result<UserId, Failure> {
    let id = UserId::from_hex(visit.segment("id"));
    id.ok_or(Failure::Absent("There is no such administrator."))
}

/// `POST /console/administrators`: makes a link by which somebody comes in.
pub(super) async fn invite(visit: Visit) -> Result<Response, Failure> {
    let (role, by) = (role(&visit)?, visit.actor());
    let passkeys = visit.passkeys();
    let made = passkeys.invite_administrator(visit.field("name"), role, &by);
    with_link(&visit, made.await).await
}

/// `POST /console/administrators/{id}/passkey`: makes a link by which an administrator adds a passkey, for example when all are lost.
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

/// `POST /console/administrators/{id}/role`.
pub(super) async fn change_role(visit: Visit) -> Result<Response, Failure> {
    let (id, role) = (id(&visit)?, role(&visit)?);
    visit.passkeys().set_role(id, role, &visit.actor()).await?;
    Ok(visit.back("/administrators", "role"))
}

/// `POST /console/administrators/{id}/remove`.
pub(super) async fn remove(visit: Visit) -> Result<Response, Failure> {
    let id = id(&visit)?;
    let by = visit.actor();
    let removed = visit.passkeys().remove_administrator(id, &by);
    removed.await?;
    Ok(visit.back("/administrators", "removed"))
}
