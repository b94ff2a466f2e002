//! Verifying an authentication assertion (WebAuthn 7.2), top to bottom in the order of the specification.

use crate::Reason;
use crate::authenticator_data::{AuthenticatorData, AuthenticatorDataError};
use crate::base64url;
use crate::ceremony::{AUTHENTICATION, ExpectedAuthenticatorData, ExpectedClientData, signed_data};
use crate::client_data::{ClientDataError, ClientDataType, CrossOrigin};
use crate::cose::{CoseKeyError, PublicKey, StoredKey};
use crate::credential::{CredentialId, UserHandle};
use crate::hash::sha256;
use crate::origin::Origin;
use crate::relying_party::RpId;
use crate::response::{AuthenticationResponse, ResponseError};
use crate::signal::Signal;
use crate::signature;
use crate::trace::{Check, StepResult, Trace, ensure};
use serde::{Deserialize, Serialize};

/// What the response is verified against: everything that the ceremony asked for. It is stored with the ceremony; a record that
/// lacks a member is unreadable rather than lenient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthenticationExpectation {
    /// The challenge's bytes.
    #[serde(with = "base64url::bytes")]
    pub challenge: Vec<u8>,
    /// The RP ID.
    pub rp_id: RpId,
    /// Origins, compared as exact strings.
    pub origins: Vec<Origin>,
    /// Whether the ceremony may run in a frame of another origin.
    pub cross_origin: CrossOrigin,
    /// Whether the user must be verified.
    pub user_verification_required: bool,
    /// The credentials that the options listed; empty: any.
    pub allow_credentials: Vec<CredentialId>,
    /// The user who is expected.
    pub user: ExpectedUser,
    /// What a counter that does not grow does.
    pub sign_count: SignCountPolicy,
    /// What a changed backup eligibility does.
    pub backup_eligibility: BackupEligibilityPolicy,
    /// The `appid` extension's value, if it was asked for (10.1.1).
    // With the adapter, an absent member is an error instead of `None`.
    #[serde(deserialize_with = "Option::deserialize")]
    pub appid: Option<String>,
    /// The rules of the verification.
    pub rules: Rules,
}

/// The rules that an authentication is verified by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Rules {
    /// Those of WebAuthn Level 3.
    #[default]
    Level3,
    /// Those of the FIDO Alliance's conformance tools, where they contradict Level 3. User presence, which 7.2 step 16 demands
    /// always, is not demanded; and signatures by keys for RS1, whose hash is broken, are verified. Never for real users.
    ConformanceTool,
}

/// The user who is expected to authenticate (7.2 step 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedUser {
    /// The ceremony was started for this user.
    Known(UserHandle),
    /// No user was named: the response must name its user, and the credential must be that user's.
    NamedByCredential,
}

/// What a signature counter that does not grow does (7.2 step 22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum SignCountPolicy {
    /// It is reported.
    #[default]
    Signal,
    /// It is refused.
    Refuse,
}

/// What a backup eligibility that differs from the recorded one does (7.2 step 19). An unknown recorded value is never
/// compared. The recorded value is the one that the last accepted ceremony showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum BackupEligibilityPolicy {
    /// A gain is accepted and reported: real providers flip the flag, and refusing locks people out.
    #[default]
    AcceptGain,
    /// A gain and a loss are accepted and reported: two apps that share one vault may disagree about the flag.
    AcceptChange,
    /// Every change is refused.
    Strict,
}

/// The credential record that the response's `id` led to.
#[derive(Debug, Clone, Copy)]
pub struct StoredCredential<'a> {
    /// The credential id.
    pub id: &'a CredentialId,
    /// The COSE key as it was received at registration.
    pub public_key: &'a StoredKey,
    /// The stored signature counter.
    pub sign_count: SignCounter,
    /// Whether the credential has signed in since its registration; for messages only.
    pub used: bool,
    /// The backup eligibility; `None` when the record is older than the flag.
    pub backup_eligible: Option<bool>,
    /// The backup state; `None` when the record is older than the flag.
    pub backup_state: Option<bool>,
    /// The handle of the user who owns the record.
    pub user_handle: &'a UserHandle,
}

/// What is stored of a credential's signature counters (6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignCounter {
    /// The highest counter seen.
    pub highest: u32,
    /// The last counter seen, since one was not above the one before it; `None` while every one was, and again when the
    /// counter has passed `highest`.
    pub since_fall: Option<u32>,
}

impl From<u32> for SignCounter {
    /// A counter that has never fallen.
    fn from(highest: u32) -> Self {
        Self {
            highest,
            since_fall: None,
        }
    }
}

impl SignCounter {
    /// The last counter seen.
    pub fn last(self) -> u32 {
        self.since_fall.unwrap_or(self.highest)
    }

    /// Whether `received` is above the highest counter, or the authenticator does not count.
    pub fn grows(self, received: u32) -> bool {
        received > self.highest || (received == 0 && self.highest == 0)
    }

    /// Whether `received` is worth a signal. The first counter that does not grow is, and after it each one that is lower than
    /// the one before it. So an authenticator that has stopped counting is reported once.
    pub fn is_fall(self, received: u32) -> bool {
        match self.since_fall {
            Some(last) => received < last,
            None => !self.grows(received),
        }
    }

    /// What to store after an accepted sign-in with the counter `received`. The highest value never goes down.
    #[must_use]
    pub fn after(self, received: u32) -> Self {
        if self.grows(received) {
            Self::from(received)
        } else {
            Self {
                since_fall: Some(received),
                ..self
            }
        }
    }
}

/// Why an authentication was refused, by area.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// The form of the credential.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// 7.2 step 5.
    #[error("the credential {id} is not one of those that the options listed")]
    CredentialNotAllowed {
        /// Its id as base64url.
        id: String,
    },
    /// 7.2 step 6: the credential belongs to another user than the one who was named.
    #[error("the credential {id} does not belong to the user who was named")]
    CredentialOfAnotherUser {
        /// Its id as base64url.
        id: String,
    },
    /// 7.2 step 6: the record is not that of the credential in the response.
    #[error("the credential {id} is not known")]
    CredentialUnknown {
        /// Its id as base64url.
        id: String,
    },
    /// 7.2 step 6.
    #[error("the user was not named beforehand, and the response carries no user handle")]
    UserHandleMissing,
    /// 7.2 step 6.
    #[error("the user handle in the response is not that of the credential's owner{}", fault.text())]
    UserHandleMismatch {
        /// What was done to the right handle, if it can be recognised.
        fault: HandleFault,
    },
    /// The client data.
    #[error(transparent)]
    ClientData(#[from] ClientDataError),
    /// The authenticator data.
    #[error(transparent)]
    AuthenticatorData(#[from] AuthenticatorDataError),
    /// 7.2 step 19.
    #[error(
        "the backup eligibility flag (BE) was {} {} and is {} in this response",
        u8::from(*stored), if *used { "when the credential last signed in" } else { "at registration" }, u8::from(*received)
    )]
    BackupEligibilityChanged {
        /// Whether the credential has signed in since its registration.
        used: bool,
        /// The recorded flag.
        stored: bool,
        /// The flag in the response.
        received: bool,
    },
    /// The stored public key.
    #[error("the stored public key is unusable: {0}")]
    CoseKey(#[from] CoseKeyError),
    /// 7.2 step 21.
    #[error("the signature does not verify with the stored public key")]
    SignatureInvalid,
    /// 7.2 step 22, if the policy refuses.
    #[error("the signature counter did not grow: stored {stored}, received {received}")]
    SignCountNotIncreased {
        /// The stored counter.
        stored: u32,
        /// The counter in the response.
        received: u32,
    },
}

/// What a client did to the user handle that it should have passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandleFault {
    /// It is another handle.
    Other,
    /// The text of the handle was sent without base64url encoding.
    PlainText,
    /// The handle was encoded as base64url twice.
    EncodedTwice,
}

impl HandleFault {
    /// How `received`, the decoded member, came to differ from `expected`.
    fn of(received: &UserHandle, expected: &UserHandle) -> Self {
        if received.to_base64url().as_bytes() == expected.as_bytes() {
            return Self::PlainText;
        }
        let inner = std::str::from_utf8(received.as_bytes()).map(base64url::without_padding);
        match inner.map(base64url::decode) {
            Ok(Ok(inner)) if inner == expected.as_bytes() => Self::EncodedTwice,
            _ => Self::Other,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Other => "",
            Self::PlainText => {
                "; it is the right handle as plain text: encode its bytes as base64url once"
            }
            Self::EncodedTwice => {
                "; it is the right handle encoded as base64url twice: encode its bytes once"
            }
        }
    }
}

impl AuthenticationError {
    /// The offending value that was found, if there is one that may be shown and recorded.
    pub fn found(&self) -> Option<String> {
        match self {
            Self::CredentialNotAllowed { id }
            | Self::CredentialOfAnotherUser { id }
            | Self::CredentialUnknown { id } => Some(id.clone()),
            Self::ClientData(error) => error.found(),
            Self::AuthenticatorData(error) => error.found(),
            Self::BackupEligibilityChanged { received, .. } => Some(received.to_string()),
            Self::SignCountNotIncreased { received, .. } => Some(received.to_string()),
            Self::Response(_)
            | Self::UserHandleMissing
            | Self::UserHandleMismatch { .. }
            | Self::CoseKey(_)
            | Self::SignatureInvalid => None,
        }
    }

    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Response(error) => error.reason(),
            Self::CredentialNotAllowed { .. } | Self::CredentialOfAnotherUser { .. } => {
                Reason::CredentialNotAllowed
            }
            Self::CredentialUnknown { .. } => Reason::CredentialUnknown,
            Self::UserHandleMissing => Reason::UserHandleMissing,
            Self::UserHandleMismatch { .. } => Reason::UserHandleMismatch,
            Self::ClientData(error) => error.reason(),
            Self::AuthenticatorData(error) => error.reason(),
            Self::BackupEligibilityChanged { .. } => Reason::BackupEligibilityChanged,
            Self::CoseKey(error) => error.reason(),
            Self::SignatureInvalid => Reason::SignatureInvalid,
            Self::SignCountNotIncreased { .. } => Reason::SignCountNotIncreased,
        }
    }

    /// The section of the specification.
    pub fn section(&self) -> &'static str {
        match self {
            // The same reason as that of step 5.
            Self::CredentialOfAnotherUser { .. } => "7.2 step 6",
            other => other.reason().section_within("7.2"),
        }
    }
}

/// An authentication that has passed every step of 7.2.
///
/// Nothing else can make this value, so the code that issues tokens or writes counters takes it as its argument.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct VerifiedAuthentication {
    credential_id: CredentialId,
    stored_sign_count: SignCounter,
    received_sign_count: u32,
    user_present: bool,
    user_verified: bool,
    backup_eligible: bool,
    backup_state: bool,
    eligibility: BackupEligibilityPolicy,
    signals: Vec<Signal>,
}

impl VerifiedAuthentication {
    /// The credential id.
    pub fn credential_id(&self) -> &CredentialId {
        &self.credential_id
    }

    /// The counter to store: the greater of the stored and the received one, since a stored counter never goes down.
    pub fn sign_count(&self) -> u32 {
        self.received_sign_count.max(self.stored_sign_count.highest)
    }

    /// The counter in the response.
    pub fn received_sign_count(&self) -> u32 {
        self.received_sign_count
    }

    /// Whether the user made a gesture.
    pub fn user_present(&self) -> bool {
        self.user_present
    }

    /// Whether the user was verified.
    pub fn user_verified(&self) -> bool {
        self.user_verified
    }

    /// Whether the credential may be synced, as the response says.
    pub fn backup_eligible(&self) -> bool {
        self.backup_eligible
    }

    /// The backup eligibility to store where `stored` is stored now, which another sign-in may have changed since this one was
    /// verified. It is gained or learnt; it is lost only where the policy accepts that.
    pub fn backup_eligible_after(&self, stored: Option<bool>) -> bool {
        match self.eligibility {
            BackupEligibilityPolicy::AcceptChange => self.backup_eligible,
            BackupEligibilityPolicy::AcceptGain | BackupEligibilityPolicy::Strict => {
                self.backup_eligible || stored == Some(true)
            }
        }
    }

    /// Whether the credential is synced. To be stored.
    pub fn backup_state(&self) -> bool {
        self.backup_state
    }

    /// Observations that did not cause a refusal.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }
}

/// Verifies the response of an authentication ceremony (WebAuthn 7.2) against what was asked for and the credential record that
/// its id led to.
///
/// # Errors
/// [`AuthenticationError`]: the first step, in the specification's order, that does not hold.
pub fn verify_authentication<T: Trace>(
    expected: &AuthenticationExpectation,
    credential: &StoredCredential<'_>,
    response: &AuthenticationResponse,
    trace: &mut T,
) -> Result<VerifiedAuthentication, AuthenticationError> {
    let id = response.id();

    // https://w3c.github.io/webauthn/#sctn-verifying-assertion
    // Steps 1-4, options and kind of response, are done: `response` cannot be made otherwise.

    // Step 5: a list of allowed credentials is binding.
    let check = "credential was listed";
    if expected.allow_credentials.is_empty() {
        trace.skip("7.2 step 5", check, "the options listed none");
    } else {
        let outcome = ensure(expected.allow_credentials.contains(id), || {
            AuthenticationError::CredentialNotAllowed {
                id: id.to_base64url(),
            }
        });
        trace.check_with("7.2 step 5", check, outcome, |()| id.to_base64url())?;
    }

    // Step 6: the owner of the credential is the expected user, and the user handle is the owner's.
    let check = "credential belongs to the expected user";
    let outcome = require_owner(expected, credential, response);
    trace.check_with("7.2 step 6", check, outcome, |()| {
        match response.user_handle() {
            Some(handle) => format!("userHandle {handle}"),
            None => "there is no userHandle".to_owned(),
        }
    })?;

    // Steps 7-9, that the client data is JSON, are done. Steps 10-14: the client data.
    let client_data = ExpectedClientData {
        kind: ClientDataType::Get,
        challenge: &expected.challenge,
        origins: &expected.origins,
        cross_origin: &expected.cross_origin,
    };
    client_data.require(response.client_data(), &AUTHENTICATION, trace)?;

    // 6.1: the layout of the authenticator data, which in an assertion holds no new credential.
    let check = "authenticator data is well formed";
    let data = AuthenticatorData::parse(response.authenticator_data());
    let data = trace.check_with("6.1", check, data, AuthenticatorData::text)?;
    let outcome = ensure(data.attested.is_none(), || {
        AuthenticatorDataError::AttestedCredentialDataUnexpected
    });
    trace.check("6.1", "there is no new credential", outcome)?;

    // Steps 15-18: the RP ID, or the AppID where it was asked for and the client says that it was used (10.1.1), and the flags.
    // User presence is demanded always, except by the conformance tools.
    let appid = expected.appid.as_ref();
    let appid = appid.filter(|_| response.client_outputs().appid == Some(true));
    let authenticator_data = ExpectedAuthenticatorData {
        rp_id_hash: appid.map_or_else(|| expected.rp_id.hash(), |appid| sha256(appid.as_bytes())),
        hashed: || match appid {
            Some(appid) => format!("the AppID {appid}"),
            None => expected.rp_id.to_string(),
        },
        user_presence: match expected.rules {
            Rules::Level3 => Ok(()),
            Rules::ConformanceTool => Err("not demanded by conformance tools"),
        },
        user_verification: expected.user_verification_required,
    };
    authenticator_data.require(&data, &AUTHENTICATION, trace)?;

    // Step 19: backup eligibility against the record.
    let mut signals = Vec::new();
    let check = "backup eligibility is as recorded";
    let outcome = judge_eligibility(expected.backup_eligibility, credential, &data, &mut signals);
    trace.check_with("7.2 step 19", check, outcome, |()| {
        match credential.backup_eligible {
            Some(stored) => format!("recorded as {stored}"),
            None => "nothing was recorded".to_owned(),
        }
    })?;

    // Steps 20 and 21.
    let allow_rs1 = expected.rules == Rules::ConformanceTool;
    require_signature(credential.public_key, allow_rs1, response, trace)?;

    // Step 22: the signature counter.
    judge_sign_count(
        expected.sign_count,
        credential.sign_count,
        data.sign_count,
        &mut signals,
        trace,
    )?;

    // Step 23: extension outputs that were not asked for are ignored, and none is demanded.
    // Step 24, updating the record, is the caller's: with the values below.
    let backup_state = data.flags.backup_state();
    if credential
        .backup_state
        .is_some_and(|stored| stored != backup_state)
    {
        signals.push(Signal::BackupStateChanged { now: backup_state });
    }
    Ok(VerifiedAuthentication {
        credential_id: id.clone(),
        stored_sign_count: credential.sign_count,
        eligibility: expected.backup_eligibility,
        received_sign_count: data.sign_count,
        user_present: data.flags.user_present(),
        user_verified: data.flags.user_verified(),
        backup_eligible: data.flags.backup_eligible(),
        backup_state,
        signals,
    })
}

/// Step 20: the hash, over the bytes received. Step 21: the signature, with the stored key and the algorithm that it names.
fn require_signature(
    key: &StoredKey,
    allow_rs1: bool,
    response: &AuthenticationResponse,
    trace: &mut impl Trace,
) -> Result<(), AuthenticationError> {
    let check = "stored public key is consistent";
    let describe = |key: &PublicKey| key.algorithm().to_string();
    let client_data_hash = sha256(response.client_data_json());
    let signed = signed_data(response.authenticator_data(), &client_data_hash);
    let signature = response.signature();
    let outcome = if allow_rs1 {
        let key = PublicKey::load(key, allow_rs1);
        let key = trace.check_with("7.2 step 21", check, key, describe)?;
        signature::verify(&key, &signed, signature)
    } else {
        let loaded = key.loaded();
        let loaded = trace.check_with("7.2 step 21", check, loaded, |l| describe(&l.key))?;
        loaded.ready.verify(&loaded.key, &signed, signature)
    };
    let outcome = outcome.map_err(|_| AuthenticationError::SignatureInvalid);
    trace.check_with("7.2 step 21", "signature verifies", outcome, |()| {
        format!("{} bytes", signature.len())
    })
}

fn require_owner(
    expected: &AuthenticationExpectation,
    credential: &StoredCredential<'_>,
    response: &AuthenticationResponse,
) -> Result<(), AuthenticationError> {
    let unknown = || AuthenticationError::CredentialUnknown {
        id: response.id().to_base64url(),
    };
    // The caller looked the record up by this id; were it another one, its key would judge a foreign credential.
    ensure(credential.id == response.id(), unknown)?;
    match (&expected.user, response.user_handle()) {
        (ExpectedUser::Known(user), handle) => {
            ensure(credential.user_handle == user, || {
                AuthenticationError::CredentialOfAnotherUser {
                    id: response.id().to_base64url(),
                }
            })?;
            handle.map_or(Ok(()), |handle| require_handle(handle, user))
        }
        (ExpectedUser::NamedByCredential, None) => Err(AuthenticationError::UserHandleMissing),
        (ExpectedUser::NamedByCredential, Some(handle)) => {
            require_handle(handle, credential.user_handle)
        }
    }
}

fn require_handle(received: &UserHandle, expected: &UserHandle) -> Result<(), AuthenticationError> {
    ensure(received == expected, || {
        AuthenticationError::UserHandleMismatch {
            fault: HandleFault::of(received, expected),
        }
    })
}

fn judge_eligibility(
    policy: BackupEligibilityPolicy,
    credential: &StoredCredential<'_>,
    data: &AuthenticatorData<'_>,
    signals: &mut Vec<Signal>,
) -> Result<(), AuthenticationError> {
    use BackupEligibilityPolicy::{AcceptChange, AcceptGain};
    let received = data.flags.backup_eligible();
    match (credential.backup_eligible, received, policy) {
        (Some(false), true, AcceptGain | AcceptChange) => {
            signals.push(Signal::BackupEligibilityGained);
            Ok(())
        }
        (Some(true), false, AcceptChange) => {
            signals.push(Signal::BackupEligibilityLost);
            Ok(())
        }
        (Some(stored), _, _) if stored != received => {
            Err(AuthenticationError::BackupEligibilityChanged {
                used: credential.used,
                stored,
                received,
            })
        }
        (Some(_) | None, _, _) => Ok(()),
    }
}

fn judge_sign_count<T: Trace>(
    policy: SignCountPolicy,
    counter: SignCounter,
    received: u32,
    signals: &mut Vec<Signal>,
    trace: &mut T,
) -> Result<(), AuthenticationError> {
    const SECTION: &str = "7.2 step 22";
    const CHECK: &str = "signature counter has grown";
    let stored = counter.highest;
    if stored == 0 && received == 0 {
        trace.skip(SECTION, CHECK, "the authenticator does not count");
        return Ok(());
    }
    if counter.grows(received) {
        trace.step(SECTION, CHECK, StepResult::Passed, || {
            format!("{stored} -> {received}")
        });
        return Ok(());
    }
    match policy {
        SignCountPolicy::Signal if counter.is_fall(received) => {
            trace.step(SECTION, CHECK, StepResult::Skipped, || {
                format!("{} -> {received}: reported, not refused", counter.last())
            });
            signals.push(Signal::SignCountNotIncreased {
                stored: counter.last(),
                received,
            });
            Ok(())
        }
        SignCountPolicy::Signal => {
            trace.step(SECTION, CHECK, StepResult::Skipped, || {
                format!("{received} since a fall from {stored} that was reported")
            });
            Ok(())
        }
        SignCountPolicy::Refuse => {
            let error = AuthenticationError::SignCountNotIncreased { stored, received };
            trace.check(SECTION, CHECK, Err(error))
        }
    }
}
