//! The explorer: one attempt, step by step, from a case that somebody pastes. It needs no store and changes nothing.

use askama::Template;
use axum::response::Response;
use domain::webauthn::UnixSeconds;
use domain::webauthn::reason::Reason;
use domain::webauthn::trace::{Step, StepResult, Steps};

use super::decode::{self, Part};
use super::failure::Failure;
use super::page::{self, Frame};
use super::visit::Visit;
use crate::verify::{Case, Kind, judge};

/// What came of a case.
pub(super) struct Explained {
    pub(super) name: Option<String>,
    /// `Registration` or `Authentication`.
    pub(super) kind: &'static str,
    /// What was expected.
    pub(super) expected: Vec<(&'static str, String)>,
    /// Why it was refused, the section and the sentence; `None` if it was accepted.
    pub(super) refused: Option<(Reason, &'static str, String)>,
    pub(super) steps: Vec<Step>,
    pub(super) parts: Vec<Part>,
}

impl Explained {
    /// Judges a case.
    ///
    /// # Errors
    /// It is no case: why.
    pub(super) fn of(text: &str, now: UnixSeconds) -> Result<Self, String> {
        let case = Case::read(text.as_bytes()).map_err(|unreadable| unreadable.message)?;
        let mut steps = Steps::default();
        let judged = judge(&case, now, &mut steps);
        Ok(Self {
            name: case.name.clone(),
            kind: match case.kind {
                Kind::Registration => "Registration",
                Kind::Authentication => "Authentication",
            },
            expected: vec![
                ("RP ID", case.rp_id.clone()),
                ("origins", case.origins.join(", ")),
                (
                    "user verification",
                    if case.user_verification_required.unwrap_or_default() {
                        "required".to_owned()
                    } else {
                        "not required".to_owned()
                    },
                ),
            ],
            refused: judged
                .err()
                .map(|refusal| (refusal.reason, refusal.section, refusal.message)),
            steps: steps.0,
            parts: decode::parts(case.credential.get()),
        })
    }

    fn count(&self, result: StepResult) -> usize {
        let steps = self.steps.iter();
        steps.filter(|step| step.result == result).count()
    }
}

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
        Err(why) => (None, Some(format!("This is no case: {why}."))),
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
