//! The events of a Service, and one ceremony of it.

use askama::Template;
use axum::response::Response;
use domain::Reason;
use domain::model::audit::{AuditCategory, AuditEvent, AuditKind};
use domain::model::ceremony::{Ceremony, CeremonyState};
use domain::model::clock::Timestamp;
use domain::model::ids::CeremonyId;
use domain::model::relying_party::RelyingParty;
use domain::service::key_names::KeyNames;
use domain::store::{About, EventFilter};
use domain::webauthn::UnixSeconds;
use domain::webauthn::trace::StepResult;

use super::failure::Failure;
use super::page::{self, Frame};
use super::services;
use super::trail::{self, Further};
use super::visit::Visit;
use super::words;
use crate::verify::{self, Explained};

/// Events of a page.
const ROWS: u32 = 50;

/// Which events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Show {
    All,
    Refused,
    SignIns,
    Registrations,
    Changes,
}

impl Show {
    const ALL: [Self; 5] = [
        Self::All,
        Self::Refused,
        Self::SignIns,
        Self::Registrations,
        Self::Changes,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Refused => "refused",
            Self::SignIns => "sign-ins",
            Self::Registrations => "registrations",
            Self::Changes => "changes",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::All => "Everything",
            Self::Refused => "Refusals",
            Self::SignIns => "Sign-ins",
            Self::Registrations => "Registrations",
            Self::Changes => "Changes",
        }
    }

    fn kinds(self) -> Option<Vec<AuditKind>> {
        let those = |wanted: fn(AuditKind) -> bool| {
            let all = AuditKind::ALL.iter().copied();
            Some(all.filter(|kind| wanted(*kind)).collect())
        };
        match self {
            Self::All => None,
            Self::Refused => those(AuditKind::is_refusal),
            Self::SignIns => those(|kind| kind.category() == AuditCategory::Authentication),
            Self::Registrations => those(|kind| kind.category() == AuditCategory::Registration),
            Self::Changes => those(|kind| kind.category() == AuditCategory::Management),
        }
    }
}

#[derive(Template)]
#[template(path = "console/ceremonies.html")]
struct CeremoniesPage {
    frame: Frame,
    rp: RelyingParty,
    shown: Show,
    choices: [Show; 5],
    /// The ceremony that was looked for and is not there.
    sought: String,
    reason: Option<Reason>,
    reasons: &'static [Reason],
    events: Vec<AuditEvent>,
    names: KeyNames,
    /// Where the next page begins.
    further: Option<Further>,
}

#[derive(Template)]
#[template(path = "console/ceremony.html")]
struct CeremonyPage {
    frame: Frame,
    rp: RelyingParty,
    id: CeremonyId,
    ceremony: Option<Ceremony>,
    events: Vec<AuditEvent>,
    names: KeyNames,
    reason: Option<Reason>,
    /// What is kept of a refused response.
    kept: Option<Kept>,
    now: Timestamp,
}

/// A refused response, verified once more.
struct Kept {
    explained: Explained,
    /// The case for `passkeyd verify`.
    case: String,
    /// Whether the verdict is the one of that time. A later version of passkeyd may judge otherwise.
    as_then: bool,
}

impl Kept {
    fn of(event: &AuditEvent) -> Option<Self> {
        let case = verify::exported(event)?;
        // The moment of the verdict is in the case.
        let explained = Explained::of(&case, UnixSeconds(event.at.seconds())).ok()?;
        let now = explained.refused.as_ref().map(|(reason, ..)| *reason);
        Some(Self {
            as_then: now == event.reason,
            explained,
            case,
        })
    }
}

/// `GET /console/services/{service}/ceremonies`.
pub(super) async fn list(visit: Visit) -> Result<Response, Failure> {
    let rp = services::of_path(&visit).await?;
    let shown = visit.query("show").unwrap_or_default();
    let shown = Show::ALL.into_iter().find(|show| show.name() == shown);
    let shown = shown.unwrap_or(Show::All);
    let sought = visit
        .query("ceremony")
        .unwrap_or_default()
        .trim()
        .to_owned();
    if !sought.is_empty()
        && let Some(id) = CeremonyId::from_hex(&words::digits(&sought).to_ascii_lowercase())
    {
        let (ceremony, events) = visit.passkeys().ceremony_with_events(rp.id, id, 1).await?;
        if ceremony.is_some() || !events.is_empty() {
            let path = format!("/services/{}/ceremonies/{id}", words::service(rp.id));
            return Ok(page::see_other(&visit.state.place.path(&path)));
        }
    }
    let reason: Option<Reason> = visit.query("reason").and_then(|name| name.parse().ok());
    let filter = EventFilter {
        kinds: shown.kinds(),
        about: reason.map(About::Refusal),
        ..EventFilter::default()
    };
    let (events, further) = trail::search(&visit, rp.id, filter, ROWS).await?;
    let names = visit.passkeys().key_names(rp.account, rp.id, &events);
    let names = names.await?;
    page::page(&CeremoniesPage {
        frame: visit.frame()?,
        rp,
        shown,
        choices: Show::ALL,
        sought,
        reason,
        reasons: Reason::ALL,
        further,
        events,
        names,
    })
}

/// `GET /console/services/{service}/ceremonies/{id}`.
pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let rp = services::of_path(&visit).await?;
    let absent = || Failure::Absent("There is no such ceremony. Old ones are removed.");
    let id = CeremonyId::from_hex(&words::digits(visit.segment("id"))).ok_or_else(absent)?;
    let passkeys = visit.passkeys();
    let (ceremony, events) = passkeys.ceremony_with_events(rp.id, id, 20).await?;
    if ceremony.is_none() && events.is_empty() {
        return Err(absent());
    }
    let state = ceremony.as_ref().map(Ceremony::state);
    let reason = match state {
        Some(CeremonyState::Failed(reason)) => Some(reason),
        _ => events.iter().find_map(|event| event.reason),
    };
    let (rp_account, rp_id) = (rp.account, rp.id);
    page::page(&CeremonyPage {
        frame: visit.frame()?,
        rp,
        id,
        ceremony,
        kept: events.iter().find_map(Kept::of),
        names: passkeys.key_names(rp_account, rp_id, &events).await?,
        events,
        reason,
        now: passkeys.now(),
    })
}
