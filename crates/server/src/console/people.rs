//! The people of a Service, and what support does for one of them.

use askama::Template;
use axum::response::Response;
use domain::Reason;
use domain::model::audit::AuditEvent;
use domain::model::ceremony::{Authentication, Standing};
use domain::model::clock::Timestamp;
use domain::model::console::EnrolmentLink;
use domain::model::credential::CredentialRecord;
use domain::model::ids::{CredentialKey, EnrolmentId, UserId};
use domain::model::page::{Order, PageRequest};
use domain::model::relying_party::RelyingParty;
use domain::model::user::{User, UserRef};
use domain::service::key_names::KeyNames;
use domain::store::{About, EventFilter};

use super::failure::Failure;
use super::page::{self, Frame};
use super::services::{self, NAME, NAME_WRONG, NOT_OFFERED, ROWS};
use super::trail::{self, Further};
use super::visit::Visit;
use super::words;
use crate::api::enrolment_link::{self, Made};

/// Events of one person that are shown.
const EVENTS: u32 = 30;
/// Sign-ins of one person that nobody finished, as they are shown.
const UNFINISHED: u32 = 5;
/// How far back events are looked for, in milliseconds.
const EVENTS_MS: i64 = 7 * 86_400_000;

#[derive(Template)]
#[template(path = "console/people.html")]
struct PeoplePage {
    frame: Frame,
    rp: RelyingParty,
    people: Vec<User>,
    query: String,
    /// What came of a search; `None` if nobody searched.
    search: Option<Search>,
    next: Option<String>,
}

/// What came of a search by the beginning of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Search {
    /// Nobody has such a name.
    Nobody,
    /// Nobody has this name, and it is too short to be a beginning.
    TooShort,
    /// These people are all.
    All,
    /// There are more than the page shows.
    More,
}

/// Fewest characters of the beginning of a name.
const SHORTEST: usize = 2;

/// A passkey as it is shown.
struct Passkey {
    record: CredentialRecord,
    provider: Option<String>,
}

#[derive(Template)]
#[template(path = "console/person.html")]
struct PersonPage {
    frame: Frame,
    rp: RelyingParty,
    person: User,
    passkeys: Vec<Passkey>,
    events: Vec<AuditEvent>,
    names: KeyNames,
    /// Where the search for older events goes on.
    further: Option<Further>,
    /// The newest sign-ins that were started for the person, and for which no response came in time.
    unfinished: Vec<Authentication>,
    /// The passkey whose new name was not accepted, and why.
    wrong: Option<(CredentialKey, &'static str)>,
    /// Links that work.
    links: Vec<EnrolmentLink>,
    /// The link that was just made.
    made: Option<Made>,
    /// Why no link was made.
    no_link: Option<String>,
    /// What is wrong with the time of a link.
    hours_wrong: Option<&'static str>,
}

/// For how long a link may be made: hours, and words for them.
const LIFETIMES: [(i64, &str); 4] = [
    (1, "an hour"),
    (24, "a day"),
    (72, "three days"),
    (168, "a week"),
];

/// `GET /console/services/{service}/people`.
pub(super) async fn list(visit: Visit) -> Result<Response, Failure> {
    let rp = services::of_path(&visit).await?;
    let query = visit.query("q").unwrap_or_default().trim().to_owned();
    if !query.is_empty() {
        if let Some(id) = find(&visit, &rp, &query).await? {
            return Ok(page::see_other(&visit.state.place.path(&path_of(&rp, id))));
        }
        let (people, search) = named(&visit, &rp, &query).await?;
        return page::page(&PeoplePage {
            frame: visit.frame()?,
            rp,
            people,
            query,
            search: Some(search),
            next: None,
        });
    }
    let page = PageRequest {
        after: visit.query("after").and_then(words::position),
        limit: ROWS,
        order: Order::Descending,
    };
    let found = visit.passkeys().list_users(rp.id, page).await?;
    let last = found.items.last().filter(|_| found.more);
    let next = last.map(|user| words::cursor(user.created, user.id.0));
    page::page(&PeoplePage {
        frame: visit.frame()?,
        rp,
        people: found.items,
        query,
        search: None,
        next,
    })
}

/// The people whose names begin with a text.
async fn named(
    visit: &Visit,
    rp: &RelyingParty,
    text: &str,
) -> Result<(Vec<User>, Search), Failure> {
    if text.chars().count() < SHORTEST {
        return Ok((Vec::new(), Search::TooShort));
    }
    let found = visit.passkeys().users_named(rp.id, text, ROWS).await?;
    let search = match (found.items.is_empty(), found.more) {
        (true, _) => Search::Nobody,
        (false, true) => Search::More,
        (false, false) => Search::All,
    };
    Ok((found.items, search))
}

fn path_of(rp: &RelyingParty, user: UserId) -> String {
    format!(
        "/services/{}/people/{}",
        words::service(rp.id),
        words::user(user)
    )
}

/// Whom a text names: by the name, by an identifier of the person, or by one of a passkey, in any form. Each is one read by a key.
async fn find(visit: &Visit, rp: &RelyingParty, text: &str) -> Result<Option<UserId>, Failure> {
    let passkeys = visit.passkeys();
    let absent = |reason| matches!(reason, Reason::UserUnknown | Reason::CredentialUnknown);
    let mut refs = vec![UserRef::Name(text)];
    let digits = words::digits(text);
    refs.extend(UserId::from_hex(&digits).map(UserRef::Id));
    for user in refs {
        match passkeys.user(rp.id, user).await {
            Ok(found) => return Ok(Some(found.id)),
            Err(refusal) if absent(refusal.reason) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    if let Some(key) = CredentialKey::from_hex(&digits) {
        match passkeys.credential(rp.id, key).await {
            Ok((_, owner)) => return Ok(Some(owner.id)),
            Err(refusal) if absent(refusal.reason) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Ok(None)
}

async fn person(visit: &Visit) -> Result<(RelyingParty, User, Vec<CredentialRecord>), Failure> {
    let rp = services::of_path(visit).await?;
    let absent = || Failure::Absent("There is no such person in this Service.");
    let id = UserId::from_hex(&words::digits(visit.segment("user"))).ok_or_else(absent)?;
    match visit.passkeys().user_with_credentials(rp.id, id).await {
        Ok((user, records)) => Ok((rp, user, records)),
        Err(refusal) if refusal.reason == Reason::UserUnknown => Err(absent()),
        Err(refusal) => Err(refusal.into()),
    }
}

async fn person_page(
    visit: &Visit,
    wrong: Option<(CredentialKey, &'static str)>,
) -> Result<PersonPage, Failure> {
    let (rp, person, records) = person(visit).await?;
    let passkeys = visit.passkeys();
    let filter = EventFilter {
        from: Some(passkeys.now().plus_millis(-EVENTS_MS)),
        about: Some(About::User(person.id, person.name.clone())),
        ..EventFilter::default()
    };
    let (events, further) = trail::search(visit, rp.id, filter, EVENTS).await?;
    let records = records.into_iter().map(|record| Passkey {
        provider: passkeys.provider_name(record.aaguid),
        record,
    });
    let links = passkeys.enrolment_links(rp.id, person.id).await?;
    let page = PageRequest {
        after: None,
        limit: UNFINISHED,
        order: Order::Descending,
    };
    let unfinished = passkeys.list_authentications(&person, Some(Standing::Expired), None, page);
    let unfinished = unfinished.await?.items;
    let names = passkeys.key_names(rp.account, rp.id, &events).await?;
    Ok(PersonPage {
        frame: visit.frame()?,
        rp,
        person,
        passkeys: records.collect(),
        events,
        names,
        further,
        unfinished,
        wrong,
        links,
        made: None,
        no_link: None,
        hours_wrong: None,
    })
}

/// `GET /console/services/{service}/people/{user}`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    page::page(&person_page(&visit, None).await?)
}

fn key(visit: &Visit) -> Result<CredentialKey, Failure> {
    let key = CredentialKey::from_hex(&words::digits(visit.segment("key")));
    key.ok_or(Failure::Absent("There is no such passkey."))
}

/// `POST .../passkeys/{key}/rename`.
pub(super) async fn rename(visit: Visit) -> Result<Response, Failure> {
    let (rp, user, _) = person(&visit).await?;
    let key = key(&visit)?;
    let name = visit.field("name");
    if !NAME.allows(name) {
        return page::not_accepted(&person_page(&visit, Some((key, NAME_WRONG))).await?);
    }
    let passkeys = visit.passkeys();
    let by = visit.actor();
    let renamed = passkeys.rename_credential_or_registration(&user, key, name, &by);
    renamed.await?;
    Ok(visit.back(&path_of(&rp, user.id), "renamed"))
}

/// `POST .../passkeys/{key}/revoke`.
pub(super) async fn revoke(visit: Visit) -> Result<Response, Failure> {
    let (rp, user, _) = person(&visit).await?;
    let by = visit.actor();
    let revoked = visit.passkeys();
    let revoked = revoked.delete_credential_or_registration(&user, key(&visit)?, &by);
    revoked.await?;
    Ok(visit.back(&path_of(&rp, user.id), "revoked"))
}

/// `POST .../enrolment`: makes a link by which the person registers a passkey on another device. The holder of the link can sign in as that
/// person, so the role *support* cannot make one.
pub(super) async fn enrol(visit: Visit) -> Result<Response, Failure> {
    let (rp, user, _) = person(&visit).await?;
    let hours = visit.field("hours");
    let lifetime = LIFETIMES.iter().find(|(one, _)| one.to_string() == hours);
    let Some((hours, _)) = lifetime else {
        let mut page = person_page(&visit, None).await?;
        page.hours_wrong = Some(NOT_OFFERED);
        return page::not_accepted(&page);
    };
    let (passkeys, by) = (visit.passkeys(), visit.actor());
    let prepared = passkeys.relying_party_itself(rp.id).await?;
    let url = &visit.state.public_url;
    let made =
        enrolment_link::make(passkeys, url, (&prepared, &user), hours * 3_600_000, &by).await;
    let mut page = person_page(&visit, None).await?;
    match made {
        Ok(made) => {
            page.made = Some(made);
            page::page(&page)
        }
        Err(refusal)
            if [Reason::OriginNotAllowed, Reason::RelyingPartyIncomplete]
                .contains(&refusal.reason) =>
        {
            page.no_link = Some(refusal.message);
            page::not_accepted(&page)
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// `POST .../enrolment/{link}/revoke`.
pub(super) async fn revoke_link(visit: Visit) -> Result<Response, Failure> {
    let (rp, user, _) = person(&visit).await?;
    let absent = || Failure::Absent("There is no such link.");
    let id = EnrolmentId::from_hex(visit.segment("link")).ok_or_else(absent)?;
    let by = visit.actor();
    let revoked = visit.passkeys();
    if !revoked.revoke_enrolment_link(&user, id, &by).await? {
        return Err(absent());
    }
    Ok(visit.back(&path_of(&rp, user.id), "revoked"))
}

/// What a passkey of an event is called: by its name, if the person still has it.
fn which(key: &CredentialKey, passkeys: &[Passkey]) -> String {
    let known = passkeys.iter().find(|passkey| passkey.record.key == *key);
    let name = known.map(|passkey| passkey.record.name.clone());
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| words::passkey(*key))
}

/// The last sign-in of a person with any passkey.
fn last_success(person: &User, passkeys: &[Passkey]) -> Option<Timestamp> {
    let used = passkeys
        .iter()
        .filter_map(|passkey| passkey.record.last_used);
    used.chain(person.last_success).max()
}
