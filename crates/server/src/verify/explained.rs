//! A case with its verdict, every step, and the response decoded: what the console and the demo show.

use domain::webauthn::UnixSeconds;
use domain::webauthn::reason::Reason;
use domain::webauthn::trace::{Step, StepResult, Steps};

use super::parts::{self, Part};
use super::{Case, Kind, Refusal, judge};

/// What came of a case.
pub(crate) struct Explained {
    /// The name in the case.
    pub(crate) name: Option<String>,
    /// `Registration` or `Authentication`.
    pub(crate) kind: &'static str,
    /// What was expected.
    pub(crate) expected: Vec<(&'static str, String)>,
    /// Why it was refused, the section and the sentence; `None` if it was accepted.
    pub(crate) refused: Option<(Reason, &'static str, String)>,
    /// The checks in their order; a refused one is the last.
    pub(crate) steps: Vec<Step>,
    /// The response, decoded.
    pub(crate) parts: Vec<Part>,
    /// The key of the credential, if it was accepted.
    pub(crate) public_key: Option<Vec<u8>>,
}

impl Explained {
    /// Judges a case.
    ///
    /// # Errors
    /// It is no case: why.
    pub(crate) fn of(text: &str, now: UnixSeconds) -> Result<Self, String> {
        let case = Case::read(text.as_bytes()).map_err(|unreadable| unreadable.message)?;
        let mut steps = Steps::default();
        let judged = judge(&case, now, &mut steps);
        let (public_key, refused) = match judged {
            Ok(facts) => (Some(facts.public_key), None),
            Err(Refusal {
                reason,
                section,
                message,
            }) => (None, Some((reason, section, message))),
        };
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
            refused,
            public_key,
            steps: steps.0,
            parts: parts::parts(case.credential.get()),
        })
    }

    /// How many steps ended so.
    pub(crate) fn count(&self, result: StepResult) -> usize {
        let steps = self.steps.iter();
        steps.filter(|step| step.result == result).count()
    }
}
