//! Verifies a case with the core.

use std::fmt::Display;

use webauthn::attestation::{AttestationPolicy, CompoundPolicy, SafetyNetPolicy};
use webauthn::authentication::{
    AuthenticationError, BackupEligibilityPolicy, ExpectedUser, Rules, SignCountPolicy,
    StoredCredential,
};
use webauthn::cose::{CoseAlgorithm, PublicKey};
use webauthn::credential::{LengthError, UserHandle};
use webauthn::json::{self, JsonError, Limits};
use webauthn::metadata::Excerpt;
use webauthn::origin::Origin;
use webauthn::registration::{BackupPolicy, CrossOrigin, RegistrationError};
use webauthn::relying_party::RpId;
use webauthn::response::{
    AuthenticationResponse, RegistrationResponse, ResponseError, ResponseForm,
};
use webauthn::signal::Signal;
use webauthn::trace::{StepResult, Trace};
use webauthn::{
    AuthenticationExpectation, Reason, RegistrationExpectation, TrustFacts, UnixSeconds,
    verify_authentication, verify_registration,
};

use super::case::{Case, Compound, Kind, SignCount};

/// The facts of an accepted case.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) credential_id: String,
    pub(crate) public_key: Vec<u8>,
    /// The key's algorithm.
    pub(crate) algorithm: Option<CoseAlgorithm>,
    /// Facts that only a registration has.
    pub(crate) attestation: Option<Attestation>,
    /// The counter in the response.
    pub(crate) sign_count: u32,
    pub(crate) user_present: bool,
    pub(crate) user_verified: bool,
    pub(crate) backup_eligible: bool,
    pub(crate) backup_state: bool,
    /// Names of the signals.
    pub(crate) signals: Vec<&'static str>,
}

/// The facts of a registration's attestation.
#[derive(Debug)]
pub(crate) struct Attestation {
    pub(crate) aaguid: String,
    pub(crate) format: String,
    pub(crate) trust: &'static str,
}

/// Why a case was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) section: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    fn new(reason: Reason, section: &'static str, error: &impl Display) -> Self {
        Self {
            reason,
            section,
            message: error.to_string(),
        }
    }
}

impl From<JsonError> for Refusal {
    fn from(error: JsonError) -> Self {
        Self::new(error.reason(), error.reason().section(), &error)
    }
}

impl From<RegistrationError> for Refusal {
    fn from(error: RegistrationError) -> Self {
        Self::new(error.reason(), error.section(), &error)
    }
}

impl From<AuthenticationError> for Refusal {
    fn from(error: AuthenticationError) -> Self {
        Self::new(error.reason(), error.section(), &error)
    }
}

impl From<LengthError> for Refusal {
    fn from(error: LengthError) -> Self {
        let reason = Reason::UserHandleInvalid;
        Self::new(reason, reason.section(), &error)
    }
}

/// Verifies a case. Certificates must be valid at `now`, unless the case names another time.
pub(crate) fn judge<T: Trace>(
    case: &Case<'_>,
    now: UnixSeconds,
    trace: &mut T,
) -> Result<Box<Facts>, Refusal> {
    let parsed = json::parse(case.credential.get().as_bytes(), &Limits::default());
    let credential = traced(
        trace,
        "5.1",
        "credential is strict JSON within bounds",
        parsed,
    )?;
    match case.kind {
        Kind::Registration => {
            let response = RegistrationResponse::from_json(&credential, &ResponseForm::RECORDED);
            let sections = ("7.1 steps 3-4", "7.1 steps 5-6");
            let response = read(trace, sections, response).map_err(RegistrationError::from)?;
            register(case, &response, now, trace)
        }
        Kind::Authentication => {
            let response = AuthenticationResponse::from_json(&credential, &ResponseForm::RECORDED);
            let sections = ("7.2 steps 3-4", "7.2 steps 7-9");
            let response = read(trace, sections, response).map_err(AuthenticationError::from)?;
            authenticate(case, &response, trace)
        }
    }
}

fn register<T: Trace>(
    case: &Case<'_>,
    response: &RegistrationResponse,
    now: UnixSeconds,
    trace: &mut T,
) -> Result<Box<Facts>, Refusal> {
    let expected = RegistrationExpectation {
        challenge: case.challenge.0.clone(),
        rp_id: RpId::exact(&case.rp_id),
        origins: case.origins.iter().map(Origin::exact).collect(),
        cross_origin: cross_origin(case),
        algorithms: case
            .algorithms
            .clone()
            .unwrap_or_else(|| CoseAlgorithm::SUPPORTED.to_vec()),
        user_verification_required: case.user_verification_required.unwrap_or_default(),
        conditional_create: case.conditional_create.unwrap_or_default(),
        attestation: attestation_policy(case),
        backup: case.backup_policy.unwrap_or(BackupPolicy::Any),
        // The procedure has no lower bound; a Relying Party may.
        min_credential_id_length: case.min_credential_id_length.unwrap_or(1),
        credential_protection: case.credential_protection,
    };
    let at = case.at.map_or(now, |moment| moment.0);
    let metadata = case.metadata.clone().and_then(Excerpt::into_metadata);
    let facts = TrustFacts {
        metadata: metadata.as_ref(),
    };
    let verified = verify_registration(&expected, response, &facts, at, trace)?;
    Ok(Box::new(Facts {
        credential_id: verified.credential_id().to_base64url(),
        public_key: verified.public_key().to_vec(),
        algorithm: Some(verified.algorithm()),
        attestation: Some(Attestation {
            aaguid: verified.aaguid().to_string(),
            format: verified.format().to_owned(),
            trust: verified.trust().as_str(),
        }),
        sign_count: verified.sign_count(),
        user_present: verified.user_present(),
        user_verified: verified.user_verified(),
        backup_eligible: verified.backup_eligible(),
        backup_state: verified.backup_state(),
        signals: verified.signals().iter().map(Signal::name).collect(),
    }))
}

fn authenticate<T: Trace>(
    case: &Case<'_>,
    response: &AuthenticationResponse,
    trace: &mut T,
) -> Result<Box<Facts>, Refusal> {
    let owner = owner(case, response)?;
    let user = if case.username_less.unwrap_or_default() {
        ExpectedUser::NamedByCredential
    } else {
        ExpectedUser::Known(owner.clone())
    };
    let expected = AuthenticationExpectation {
        challenge: case.challenge.0.clone(),
        rp_id: RpId::exact(&case.rp_id),
        origins: case.origins.iter().map(Origin::exact).collect(),
        cross_origin: cross_origin(case),
        user_verification_required: case.user_verification_required.unwrap_or_default(),
        allow_credentials: case.allow_credentials.clone().unwrap_or_default(),
        user,
        sign_count: match case.sign_count_policy.unwrap_or_default() {
            SignCount::Signal => SignCountPolicy::Signal,
            SignCount::Reject => SignCountPolicy::Refuse,
        },
        backup_eligibility: BackupEligibilityPolicy::Strict,
        appid: case.appid.clone(),
        rules: Rules::Level3,
    };
    // Reading the case has checked that the key exists.
    let public_key = case.credential_public_key.as_ref();
    let public_key = public_key.map(|key| &key.0[..]).unwrap_or_default();
    let stored = StoredCredential {
        // A case has one record, which its server found by this id.
        id: response.id(),
        public_key: &public_key.into(),
        sign_count: case.stored_sign_count.unwrap_or_default().into(),
        used: false,
        backup_eligible: case.stored_backup_eligible,
        backup_state: None,
        user_handle: &owner,
    };
    let verified = verify_authentication(&expected, &stored, response, trace)?;
    Ok(Box::new(Facts {
        credential_id: verified.credential_id().to_base64url(),
        public_key: public_key.to_vec(),
        algorithm: PublicKey::parse(public_key).ok().map(|key| key.algorithm()),
        attestation: None,
        sign_count: verified.received_sign_count(),
        user_present: verified.user_present(),
        user_verified: verified.user_verified(),
        backup_eligible: verified.backup_eligible(),
        backup_state: verified.backup_state(),
        signals: verified.signals().iter().map(Signal::name).collect(),
    }))
}

/// The owner of the record. If the case names none, it is the user whom the response names. If that names none either, it is an
/// invented handle, and the core decides whether that is allowed.
fn owner(case: &Case<'_>, response: &AuthenticationResponse) -> Result<UserHandle, LengthError> {
    let named = case.expected_user_handle.as_ref();
    match named.or(response.user_handle()) {
        Some(handle) => Ok(handle.clone()),
        None => UserHandle::new(vec![0]),
    }
}

fn cross_origin(case: &Case<'_>) -> CrossOrigin {
    if case.allow_cross_origin.unwrap_or_default() {
        CrossOrigin::Allowed {
            top_origins: case.top_origins.clone().unwrap_or_default(),
        }
    } else {
        CrossOrigin::Refused
    }
}

fn attestation_policy(case: &Case<'_>) -> AttestationPolicy {
    let anchors = case.trust_anchors.iter().flatten();
    let anchors: Vec<_> = anchors.flat_map(|text| text.0.iter().cloned()).collect();
    if let Some(kept) = &case.attestation_policy {
        let mut policy = kept.clone();
        if case.trust_anchors.is_some() {
            policy.trust_anchors = anchors.into();
        }
        return policy;
    }
    AttestationPolicy {
        allow_rs1: case.accept_rs1_attestation.unwrap_or(true),
        accept_test_tpm_vendor: case.accept_test_tpm_vendor.unwrap_or_default(),
        android_safetynet: if case.accept_safetynet.unwrap_or_default() {
            SafetyNetPolicy::Accepted {
                max_age_seconds: None,
            }
        } else {
            SafetyNetPolicy::Refused
        },
        compound: match case.compound_policy.unwrap_or_default() {
            Compound::All => CompoundPolicy::All,
            Compound::OneTrusted => CompoundPolicy::OneTrusted,
        },
        ..AttestationPolicy::recorded(anchors)
    }
}

/// Records the two steps of reading a response: its form, and the client data in it.
fn read<T: Trace, V>(
    trace: &mut T,
    (form, client_data): (&'static str, &'static str),
    response: Result<V, ResponseError>,
) -> Result<V, ResponseError> {
    const FORM: &str = "response is of this ceremony's kind and complete";
    const CLIENT_DATA: &str = "client data is JSON with every member";
    match &response {
        Ok(_) => {
            trace.step(form, FORM, StepResult::Passed, String::new);
            trace.step(client_data, CLIENT_DATA, StepResult::Passed, String::new);
        }
        Err(ResponseError::ClientData(error)) => {
            trace.step(form, FORM, StepResult::Passed, String::new);
            trace.step(client_data, CLIENT_DATA, StepResult::Refused, || {
                error.to_string()
            });
        }
        Err(error) => trace.step(form, FORM, StepResult::Refused, || error.to_string()),
    }
    response
}

fn traced<T: Trace, V, E: Display>(
    trace: &mut T,
    section: &'static str,
    check: &'static str,
    outcome: Result<V, E>,
) -> Result<V, E> {
    match &outcome {
        Ok(_) => trace.step(section, check, StepResult::Passed, String::new),
        Err(error) => trace.step(section, check, StepResult::Refused, || error.to_string()),
    }
    outcome
}
