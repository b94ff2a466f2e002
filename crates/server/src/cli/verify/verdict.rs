//! A verdict as a line of the output. docs/verify.md shows the members in this order.

use std::io::{self, Write};

use serde::Serialize;
use webauthn::Reason;
use webauthn::base64url;
use webauthn::cose::CoseAlgorithm;
use webauthn::trace::{Step, Steps};

use crate::verify::{Facts, Refusal, Unreadable};

/// One line of the output.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    name: Option<String>,
    ok: bool,
    #[serde(flatten)]
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<StepLine>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Outcome {
    Accepted(Accepted),
    Refused {
        reason: Reason,
        section: &'static str,
        message: String,
    },
}

/// The members of an accepting verdict. Facts that an authentication does not have are `null`.
#[derive(Debug, Serialize)]
struct Accepted {
    credential_id: String,
    credential_public_key: String,
    algorithm: Option<CoseAlgorithm>,
    aaguid: Option<String>,
    format: Option<String>,
    trust: Option<&'static str>,
    sign_count: u32,
    user_present: bool,
    user_verified: bool,
    backup_eligible: bool,
    backup_state: bool,
    signals: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct StepLine {
    section: &'static str,
    check: &'static str,
    result: &'static str,
    detail: String,
}

impl From<Step> for StepLine {
    fn from(step: Step) -> Self {
        Self {
            section: step.section,
            check: step.check,
            result: step.result.as_str(),
            detail: step.detail,
        }
    }
}

fn shown(steps: Option<Steps>) -> Option<Vec<StepLine>> {
    steps.map(|steps| steps.0.into_iter().map(StepLine::from).collect())
}

impl Verdict {
    pub(super) fn accepted(name: Option<String>, facts: Facts, steps: Option<Steps>) -> Self {
        let (aaguid, format, trust) = facts.attestation.map_or((None, None, None), |shown| {
            (Some(shown.aaguid), Some(shown.format), Some(shown.trust))
        });
        Self {
            name,
            ok: true,
            outcome: Outcome::Accepted(Accepted {
                credential_id: facts.credential_id,
                credential_public_key: base64url::encode(&facts.public_key),
                algorithm: facts.algorithm,
                aaguid,
                format,
                trust,
                sign_count: facts.sign_count,
                user_present: facts.user_present,
                user_verified: facts.user_verified,
                backup_eligible: facts.backup_eligible,
                backup_state: facts.backup_state,
                signals: facts.signals,
            }),
            steps: shown(steps),
        }
    }

    pub(super) fn refused(name: Option<String>, refusal: Refusal, steps: Option<Steps>) -> Self {
        Self {
            name,
            ok: false,
            outcome: Outcome::Refused {
                reason: refusal.reason,
                section: refusal.section,
                message: refusal.message,
            },
            steps: shown(steps),
        }
    }

    /// A line that is not a case.
    pub(super) fn unreadable(unreadable: Unreadable) -> Self {
        Self {
            name: unreadable.name,
            ok: false,
            outcome: Outcome::Refused {
                reason: Reason::RequestInvalid,
                section: Reason::RequestInvalid.section(),
                message: unreadable.message,
            },
            steps: None,
        }
    }

    /// Writes it as one line and flushes: a caller that sends cases one by one waits for it.
    pub(super) fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        output.write_all(&line)
    }
}
