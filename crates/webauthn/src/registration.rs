//! Registering a new credential (WebAuthn 7.1), top to bottom in the order of the specification.

use crate::Reason;
use crate::attestation::{
    AttestationError, AttestationPolicy, AttestationType, Attested, Format, StatementPolicy,
    Subject, recordable_name,
};
use crate::authenticator_data::{
    AttestedCredentialData, AuthenticatorData, AuthenticatorDataError,
};
use crate::base64url;
use crate::cbor::{self, CborError, KeyOrder, Value};
use crate::ceremony::{ExpectedAuthenticatorData, ExpectedClientData, REGISTRATION, signed_data};
use crate::client_data::{ClientDataError, ClientDataType};
use crate::cose::{CoseAlgorithm, CoseKey, CoseKeyError, PublicKey, check_point};
use crate::credential::{Aaguid, CredentialId};
use crate::extension::{AuthenticatorOutputs, ClientOutputs, CredentialProtection};
use crate::hash::sha256;
use crate::metadata::{AuthenticatorModel, Excerpt};
use crate::origin::Origin;
use crate::relying_party::RpId;
use crate::response::{RegistrationResponse, ResponseError};
use crate::signal::Signal;
use crate::time::UnixSeconds;
use crate::trace::{Check, StepResult, Trace, ensure, unrecorded};
use crate::trust::{self, Judgement, Question, Trust, TrustError, TrustFacts};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

pub use crate::client_data::CrossOrigin;

/// What the response is verified against: everything that the ceremony asked for. It is stored with the ceremony; a record that
/// lacks a member is unreadable rather than lenient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationExpectation {
    /// The challenge's bytes.
    #[serde(with = "base64url::bytes")]
    pub challenge: Vec<u8>,
    /// The RP ID.
    pub rp_id: RpId,
    /// Origins, compared as exact strings.
    pub origins: Vec<Origin>,
    /// Whether the ceremony may run in a frame of another origin.
    pub cross_origin: CrossOrigin,
    /// The algorithms that were offered, compared literally.
    pub algorithms: Vec<CoseAlgorithm>,
    /// Whether the user must be verified.
    pub user_verification_required: bool,
    /// Whether the ceremony was started with conditional mediation. Then the user present flag is not demanded.
    pub conditional_create: bool,
    /// What is accepted as attestation.
    pub attestation: AttestationPolicy,
    /// What is accepted as to synced credentials.
    pub backup: BackupPolicy,
    /// Fewest bytes of a credential id.
    pub min_credential_id_length: u16,
    /// The least protection that the authenticator must report (CTAP 12.1); `None`: nothing is demanded.
    // With the adapter, an absent member is an error instead of `None`.
    #[serde(deserialize_with = "Option::deserialize")]
    pub credential_protection: Option<CredentialProtection>,
}

/// What a Relying Party accepts as to backup eligibility and state (7.1 steps 18-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum BackupPolicy {
    /// Anything.
    #[default]
    Any,
    /// Only credentials that never leave their device.
    DeviceBound,
    /// Only credentials that can be synced.
    Eligible,
    /// Only credentials that are synced already.
    BackedUp,
}

/// Why a registration was refused, by area.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The form of the credential.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// The client data.
    #[error(transparent)]
    ClientData(#[from] ClientDataError),
    /// The attestation object around authenticator data and statement.
    #[error(transparent)]
    AttestationObject(#[from] AttestationObjectError),
    /// The authenticator data.
    #[error(transparent)]
    AuthenticatorData(#[from] AuthenticatorDataError),
    /// 7.1 steps 18-19.
    #[error("the policy demands {demanded}, and the credential is {found}")]
    BackupPolicyRefused {
        /// What is demanded.
        demanded: &'static str,
        /// What the flags say.
        found: &'static str,
    },
    /// The credential's public key.
    #[error(transparent)]
    CoseKey(#[from] CoseKeyError),
    /// The attested credential id is not the one that the client names.
    #[error("the client names the credential {named}, the authenticator attests {attested}")]
    CredentialIdMismatch {
        /// `id` as base64url.
        named: String,
        /// The attested id as base64url.
        attested: String,
    },
    /// The credential id is shorter than the policy allows.
    #[error("the credential id has {found} bytes, fewer than {least}")]
    CredentialIdTooShort {
        /// Fewest bytes.
        least: u16,
        /// Bytes found.
        found: usize,
    },
    /// The attestation statement.
    #[error(transparent)]
    Attestation(#[from] AttestationError),
    /// Trust in the attestation.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// 7.1 step 28, CTAP 12.1: the reported protection.
    #[error("credential protection {demanded} is demanded, and the authenticator reports {}", match found {
        Some(level) => format!("level {level}"),
        None => "none".to_owned(),
    })]
    CredentialProtection {
        /// What is demanded.
        demanded: &'static str,
        /// The reported level, if there is one.
        found: Option<u8>,
    },
}

impl RegistrationError {
    /// The offending value that was found, if there is one that may be shown and recorded.
    pub fn found(&self) -> Option<String> {
        match self {
            Self::ClientData(error) => error.found(),
            Self::AuthenticatorData(error) => error.found(),
            Self::BackupPolicyRefused { found, .. } => Some((*found).to_owned()),
            Self::CredentialIdMismatch { named, .. } => Some(named.clone()),
            Self::CredentialIdTooShort { found, .. } => Some(found.to_string()),
            Self::CredentialProtection { found, .. } => found.map(|level| level.to_string()),
            Self::Response(_)
            | Self::AttestationObject(_)
            | Self::CoseKey(_)
            | Self::Attestation(_)
            | Self::Trust(_) => None,
        }
    }

    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Response(error) => error.reason(),
            Self::ClientData(error) => error.reason(),
            Self::AttestationObject(error) => error.reason(),
            Self::AuthenticatorData(error) => error.reason(),
            Self::BackupPolicyRefused { .. } => Reason::BackupPolicyRefused,
            Self::CoseKey(error) => error.reason(),
            Self::CredentialIdMismatch { .. } => Reason::CredentialIdMismatch,
            Self::CredentialIdTooShort { .. } => Reason::CredentialIdTooShort,
            Self::Attestation(error) => error.reason(),
            Self::Trust(error) => error.reason(),
            Self::CredentialProtection { .. } => Reason::CredentialProtectionInsufficient,
        }
    }

    /// The section of the specification.
    pub fn section(&self) -> &'static str {
        self.reason().section_within("7.1")
    }
}

/// What is wrong with an attestation object (WebAuthn 6.5.4).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationObjectError {
    /// Not strict CBOR.
    #[error("the attestation object cannot be read: {0}")]
    Cbor(CborError),
    /// Not exactly the three members with their types.
    #[error("the attestation object must hold exactly `fmt`, `attStmt` and `authData`: {0}")]
    Members(&'static str),
}

impl AttestationObjectError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Cbor(error) => error.reason(),
            Self::Members(_) => Reason::AttestationObjectMembers,
        }
    }
}

/// The members of an attestation object.
struct AttestationObject<'a> {
    format: &'a str,
    statement: Value<'a>,
    authenticator_data: &'a [u8],
}

impl<'a> AttestationObject<'a> {
    /// The statement with its format, or, of several in one (8.9), each.
    fn statements(&self) -> Vec<(Option<&str>, &Value<'a>)> {
        let parts = self.statement.as_array().unwrap_or_default().iter();
        let parts = parts.filter_map(|part| {
            let format = part.get("fmt").and_then(Value::as_text);
            Some((format, part.get("attStmt")?))
        });
        std::iter::once((Some(self.format), &self.statement))
            .chain(parts)
            .collect()
    }

    /// Any order of the members is accepted, since old browsers used another one; unknown members are not.
    fn parse(bytes: &'a [u8]) -> Result<Self, AttestationObjectError> {
        let members = AttestationObjectError::Members;
        let Value::Map(entries) =
            cbor::read(bytes, KeyOrder::Any).map_err(AttestationObjectError::Cbor)?
        else {
            return Err(members("it is not a map"));
        };
        let (mut format, mut statement, mut authenticator_data) = (None, None, None);
        for (key, value) in entries {
            match key.as_text() {
                Some("fmt") => {
                    format = Some(value.as_text().ok_or(members("`fmt` is not a text"))?);
                }
                Some("attStmt") => statement = Some(value),
                Some("authData") => {
                    authenticator_data = Some(
                        value
                            .as_bytes()
                            .ok_or(members("`authData` is not a byte string"))?,
                    );
                }
                _ => return Err(members("it has another member")),
            }
        }
        Ok(Self {
            format: format.ok_or(members("`fmt` is missing"))?,
            statement: statement.ok_or(members("`attStmt` is missing"))?,
            authenticator_data: authenticator_data.ok_or(members("`authData` is missing"))?,
        })
    }
}

/// A credential that has passed every step of 7.1 but the one that only a store can take (26: not yet registered).
///
/// Nothing else can make this value, so the code that stores credentials takes it as its argument.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct VerifiedRegistration {
    credential_id: CredentialId,
    public_key: Vec<u8>,
    algorithm: CoseAlgorithm,
    aaguid: Aaguid,
    format: Cow<'static, str>,
    attestation_types: Vec<AttestationType>,
    trust: Trust,
    model: Option<AuthenticatorModel>,
    sign_count: u32,
    user_present: bool,
    user_verified: bool,
    backup_eligible: bool,
    backup_state: bool,
    transports: Vec<String>,
    authenticator_outputs: AuthenticatorOutputs,
    client_outputs: ClientOutputs,
    attestation_object: Arc<[u8]>,
    client_data_json: Arc<[u8]>,
    signals: Vec<Signal>,
}

impl VerifiedRegistration {
    /// The credential id.
    pub fn credential_id(&self) -> &CredentialId {
        &self.credential_id
    }

    /// The COSE key, byte for byte as received.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The key's algorithm.
    pub fn algorithm(&self) -> CoseAlgorithm {
        self.algorithm
    }

    /// The authenticator model.
    pub fn aaguid(&self) -> Aaguid {
        self.aaguid
    }

    /// The attestation format's name. Where statements are ignored it need not be one that is known.
    pub fn format(&self) -> &str {
        &self.format
    }

    /// The attestation type; [`AttestationType::Compound`] for that format.
    pub fn attestation_type(&self) -> AttestationType {
        match &self.attestation_types[..] {
            [AttestationType::None] => AttestationType::None,
            [only] if self.format != Format::Compound.name() => *only,
            _ => AttestationType::Compound,
        }
    }

    /// The attestation types of all statements that hold: one, or with `compound` several.
    pub fn attestation_types(&self) -> &[AttestationType] {
        &self.attestation_types
    }

    /// How far the attestation is trusted.
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// What the metadata says of the authenticator; `None` without metadata, and when it does not know the model.
    pub fn model(&self) -> Option<&AuthenticatorModel> {
        self.model.as_ref()
    }

    /// The signature counter.
    pub fn sign_count(&self) -> u32 {
        self.sign_count
    }

    /// Whether the user made a gesture.
    pub fn user_present(&self) -> bool {
        self.user_present
    }

    /// Whether the user was verified.
    pub fn user_verified(&self) -> bool {
        self.user_verified
    }

    /// Whether the credential can be synced.
    pub fn backup_eligible(&self) -> bool {
        self.backup_eligible
    }

    /// Whether the credential is synced.
    pub fn backup_state(&self) -> bool {
        self.backup_state
    }

    /// How the authenticator can be reached.
    pub fn transports(&self) -> &[String] {
        &self.transports
    }

    /// Whether the credential is discoverable. Unsigned; `None` when the client does not say.
    pub fn discoverable(&self) -> Option<bool> {
        self.client_outputs.cred_props_rk
    }

    /// Authenticator extension outputs.
    pub fn authenticator_outputs(&self) -> &AuthenticatorOutputs {
        &self.authenticator_outputs
    }

    /// Client extension outputs. They are unsigned.
    pub fn client_outputs(&self) -> &ClientOutputs {
        &self.client_outputs
    }

    /// The attestation object as received, so that trust can be judged again.
    pub fn attestation_object(&self) -> &Arc<[u8]> {
        &self.attestation_object
    }

    /// The client data as received, so that trust can be judged again.
    pub fn client_data_json(&self) -> &Arc<[u8]> {
        &self.client_data_json
    }

    /// Observations that did not cause a refusal.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }
}

/// Verifies the response of a registration ceremony (WebAuthn 7.1) against what was asked for, at the moment `at` and with what
/// is known about authenticators at that moment.
///
/// # Errors
/// [`RegistrationError`]: the first step, in the specification's order, that does not hold.
#[expect(
    clippy::too_many_lines,
    reason = "the steps of 7.1 in the order of the specification"
)]
pub fn verify_registration<T: Trace>(
    expected: &RegistrationExpectation,
    response: &RegistrationResponse,
    facts: &TrustFacts<'_>,
    at: UnixSeconds,
    trace: &mut T,
) -> Result<VerifiedRegistration, RegistrationError> {
    // https://w3c.github.io/webauthn/#sctn-registering-a-new-credential
    // Steps 1-6, options, kind of response and parsed client data, are done: `response` cannot be made otherwise.

    // Steps 7-11: the client data.
    let client_data = ExpectedClientData {
        kind: ClientDataType::Create,
        challenge: &expected.challenge,
        origins: &expected.origins,
        cross_origin: &expected.cross_origin,
    };
    client_data.require(response.client_data(), &REGISTRATION, trace)?;

    // Step 12: the hash, over the bytes received.
    let client_data_hash = sha256(response.client_data_json());

    // Step 13: decode the attestation object and the authenticator data in it.
    let (object, data) = decode(response.attestation_object(), trace)?;
    let attested = attested_credential(&data, trace)?;

    // Steps 14-17: the authenticator data.
    let authenticator_data = ExpectedAuthenticatorData {
        rp_id_hash: expected.rp_id.hash(),
        hashed: || expected.rp_id.to_string(),
        user_presence: if expected.conditional_create {
            Err("not demanded with conditional mediation")
        } else {
            Ok(())
        },
        user_verification: expected.user_verification_required,
    };
    authenticator_data.require(&data, &REGISTRATION, trace)?;

    // Steps 18-19: the Relying Party's policy about the backup flags.
    let check = "backup policy is met";
    if expected.backup == BackupPolicy::Any {
        trace.skip("7.1 steps 18-19", check, "nothing is demanded");
    } else {
        let outcome = require_backup_policy(expected.backup, &data);
        trace.check_with("7.1 steps 18-19", check, outcome, |()| {
            data.flags.backup_text()
        })?;
    }

    // Step 20: the key.
    let public_key = read_key(attested, expected, trace)?;

    // 5.1.3: the client names the credential that the authenticator attests.
    let check = "credential id is the attested one";
    let outcome = ensure(response.id().as_bytes() == attested.credential_id, || {
        RegistrationError::CredentialIdMismatch {
            named: response.id().to_base64url(),
            attested: base64url::encode(attested.credential_id),
        }
    });
    trace.check_with("5.1.3", check, outcome, |()| response.id().to_base64url())?;

    // Steps 21-22: the format and its procedure. It runs also when no attestation was asked for: a wrong statement is an error.
    let signed = signed_data(object.authenticator_data, &client_data_hash);
    let statement = match expected.attestation.statement {
        StatementPolicy::Verified | StatementPolicy::Volunteered => {
            let subject = Subject {
                statement: &object.statement,
                signed: &signed,
                rp_id_hash: data.rp_id_hash,
                client_data_hash: &client_data_hash,
                attested,
                public_key: &public_key,
                policy: &expected.attestation,
                at,
                passed: &unrecorded,
            };
            verify_statement(object.format, &subject, trace)?
        }
        StatementPolicy::Ignored => ignore_statement(object.format, trace)?,
    };

    // Steps 23-24: trust anchors and trustworthiness.
    let question = Question {
        format: statement.format,
        aaguid: attested.aaguid,
        algorithm: statement_algorithm(statement.format, &object.statement),
        policy: &expected.attestation,
        facts,
        at,
    };
    let (judgement, signals) = judge_trust(&question, &statement.outcomes, trace)?;

    // Step 25: at most 1023 bytes is a rule of the layout and was checked there; the lower bound is the Relying Party's.
    let length = attested.credential_id.len();
    let least = expected.min_credential_id_length;
    let check = "credential id has an acceptable length";
    let outcome = ensure(length >= usize::from(least), || {
        RegistrationError::CredentialIdTooShort {
            least,
            found: length,
        }
    });
    trace.check_with("7.1 step 25", check, outcome, |()| {
        format!("{length} bytes")
    })?;

    // Step 26, that the id is not registered yet, is the store's. Steps 27-29: what to keep, and of the extension outputs in
    // step 28 the one that a policy may demand.
    let authenticator_outputs = AuthenticatorOutputs::of(&data);
    let check = "credential is protected as demanded";
    if let Some(demanded) = expected.credential_protection {
        let outcome = require_protection(demanded, authenticator_outputs.cred_protect);
        trace.check_with("7.1 step 28", check, outcome, |()| {
            format!("at least {}", demanded.as_str())
        })?;
    } else {
        trace.skip("7.1 step 28", check, "nothing is demanded");
    }
    let (client_data_json, attestation_object) = response.evidence();
    Ok(VerifiedRegistration {
        credential_id: response.id().clone(),
        public_key: attested.public_key.to_vec(),
        algorithm: public_key.algorithm(),
        aaguid: attested.aaguid,
        format: statement.name,
        attestation_types: if judgement.as_absent {
            vec![Attested::absent().attestation_type]
        } else {
            let outcomes = statement.outcomes.iter();
            outcomes.map(|one| one.attestation_type).collect()
        },
        trust: judgement.trust,
        model: judgement.model,
        sign_count: data.sign_count,
        user_present: data.flags.user_present(),
        user_verified: data.flags.user_verified(),
        backup_eligible: data.flags.backup_eligible(),
        backup_state: data.flags.backup_state(),
        transports: response.transports().to_vec(),
        client_outputs: response.client_outputs().clone(),
        authenticator_outputs,
        attestation_object,
        client_data_json,
        signals,
    })
}

/// What an attestation was judged by and what a later judgement of the same response needs: the policy and what the metadata says of the
/// authenticator, with those of their trust anchors that its chain may lead to.
pub fn judged_by(
    policy: &AttestationPolicy,
    response: &RegistrationResponse,
    facts: &TrustFacts<'_>,
) -> (AttestationPolicy, Option<Excerpt>) {
    let object = AttestationObject::parse(response.attestation_object()).ok();
    let data = object
        .as_ref()
        .and_then(|object| AuthenticatorData::parse(object.authenticator_data).ok());
    let aaguid = data.and_then(|data| data.attested.map(|attested| attested.aaguid));
    let (mut leaves, mut chains, mut complete) = (Vec::new(), Vec::new(), true);
    for (format, statement) in object.iter().flat_map(AttestationObject::statements) {
        let chain = statement.get("x5c").and_then(Value::as_array);
        let chain = chain.unwrap_or_default().iter().filter_map(Value::as_bytes);
        let chain: Vec<_> = chain.collect();
        leaves.extend(chain.first().copied());
        chains.extend(chain);
        // Its chain is in a signed text.
        complete &= format != Some("android-safetynet");
    }
    let within = complete.then_some(&chains[..]);
    let is_u2f = object.is_some_and(|object| object.format == Format::FidoU2f.name());
    let excerpt = facts.metadata.map(|metadata| {
        let model = (aaguid.unwrap_or_default(), is_u2f);
        metadata.excerpt(model, &leaves, (within, &policy.intermediates))
    });
    let mut policy = policy.clone();
    if let Some(chains) = within {
        policy.trust_anchors = policy
            .trust_anchors
            .within_reach(chains, &policy.intermediates);
    }
    (policy, excerpt)
}

/// 7.1 step 13.
fn decode<'a, T: Trace>(
    bytes: &'a [u8],
    trace: &mut T,
) -> Result<(AttestationObject<'a>, AuthenticatorData<'a>), RegistrationError> {
    let check = "attestation object is well formed";
    let object = AttestationObject::parse(bytes);
    let object = trace.check_with("7.1 step 13", check, object, |object| {
        let length = object.authenticator_data.len();
        format!("authenticator data of {length} bytes")
    })?;
    let check = "authenticator data is well formed";
    let data = AuthenticatorData::parse(object.authenticator_data);
    let data = trace.check_with("7.1 step 13", check, data, AuthenticatorData::text)?;
    Ok((object, data))
}

/// 7.1 step 13: there is a new credential.
fn attested_credential<'d, 'a, T: Trace>(
    data: &'d AuthenticatorData<'a>,
    trace: &mut T,
) -> Result<&'d AttestedCredentialData<'a>, AuthenticatorDataError> {
    let attested = data.attested.as_ref();
    let attested = attested.ok_or(AuthenticatorDataError::AttestedCredentialDataMissing);
    let check = "there is a new credential";
    trace.check_with("7.1 step 13", check, attested, |attested| {
        let length = attested.credential_id.len();
        format!(
            "AAGUID {}, credential id of {length} bytes",
            attested.aaguid
        )
    })
}

/// 7.1 step 20: the algorithm is one of those offered, literally. 6.5.1.1, 5.8.5: the key is well formed, consistent and a
/// usable point, whatever the attestation says about it.
fn read_key<T: Trace>(
    attested: &AttestedCredentialData<'_>,
    expected: &RegistrationExpectation,
    trace: &mut T,
) -> Result<PublicKey, CoseKeyError> {
    let key = CoseKey::read(attested.public_key);
    let check = "public key names its algorithm";
    let key = trace.check_with("7.1 step 20", check, key, |key| key.algorithm.to_string())?;

    let outcome = require_offered(key.algorithm, &expected.algorithms);
    trace.check_with("7.1 step 20", "algorithm was offered", outcome, |()| {
        format!("offered: {}", listed(&expected.algorithms))
    })?;

    let key = key.into_public_key(expected.attestation.rs1_credentials);
    let key = key.and_then(|key| {
        check_point(key.scheme(), key.material())?;
        Ok(key)
    });
    trace.check_with("5.8.5", "public key is valid", key, |key| {
        let length = attested.public_key.len();
        format!("{length} bytes of COSE key for {}", key.algorithm())
    })
}

/// The result of 7.1 steps 21-22.
struct Statement<'a> {
    format: Format,
    /// The format's name. Where statements are ignored it need not be one that is known.
    name: Cow<'static, str>,
    outcomes: Vec<Attested<'a>>,
}

/// 7.1 steps 21-22.
fn verify_statement<'a, T: Trace>(
    name: &str,
    subject: &Subject<'_, 'a>,
    trace: &mut T,
) -> Result<Statement<'a>, AttestationError> {
    let check = "attestation format is supported";
    let outcome = Format::of(name, subject.policy);
    let format = trace.check_with("7.1 step 21", check, outcome, |format| {
        format!("{} ({})", format.name(), format.section())
    })?;

    let outcomes = trace.passing(|passed| format.verify(&Subject { passed, ..*subject }));
    if let Err(error) = &outcomes {
        let check = "procedure of the format";
        trace.step(format.section(), check, StepResult::Refused, || {
            error.to_string()
        });
    }
    let check = "attestation statement verifies";
    let outcomes = trace.check_with("7.1 step 22", check, outcomes, |outcomes| {
        statements_text(outcomes)
    })?;
    Ok(Statement {
        format,
        name: Cow::Borrowed(format.name()),
        outcomes,
    })
}

/// 7.1 steps 21-22 where the policy ignores statements.
fn ignore_statement<'a, T: Trace>(
    name: &str,
    trace: &mut T,
) -> Result<Statement<'a>, AttestationError> {
    let check = "attestation format has a name";
    let outcome = recordable_name(name);
    let name = trace.check_with("7.1 step 21", check, outcome, |name| {
        format!("{name:?}, which need not be supported")
    })?;
    let check = "attestation statement verifies";
    trace.skip("7.1 step 22", check, "the policy ignores statements");
    Ok(Statement {
        format: Format::None,
        name: Cow::Owned(name.to_owned()),
        outcomes: vec![Attested::absent()],
    })
}

/// 7.1 steps 23-24.
fn judge_trust<T: Trace>(
    question: &Question<'_>,
    statements: &[Attested<'_>],
    trace: &mut T,
) -> Result<(Judgement, Vec<Signal>), TrustError> {
    let mut signals = Vec::new();
    if statements.iter().any(|statement| statement.sha1) {
        signals.push(Signal::Sha1Attestation);
    }
    let outcome = trace.passing(|passed| trust::judge(question, statements, &mut signals, passed));
    let check = "attestation is acceptable";
    let judgement = trace.check_with("7.1 steps 23-24", check, outcome, |judgement| {
        let (trust, anchors) = (judgement.trust.as_str(), judgement.anchors);
        format!("trust: {trust}; trust anchors: {anchors}")
    })?;
    Ok((judgement, signals))
}

/// `alg` of a `packed` statement (8.2). In other formats `alg` is not the authenticator's, or the format fixes it.
fn statement_algorithm(format: Format, statement: &Value<'_>) -> Option<CoseAlgorithm> {
    let algorithm = statement.get("alg").and_then(Value::as_integer);
    let algorithm = algorithm.filter(|_| format == Format::Packed)?;
    i64::try_from(algorithm).map(CoseAlgorithm).ok()
}

fn require_backup_policy(
    policy: BackupPolicy,
    data: &AuthenticatorData<'_>,
) -> Result<(), RegistrationError> {
    let (eligible, state) = (data.flags.backup_eligible(), data.flags.backup_state());
    let (met, demanded) = match policy {
        BackupPolicy::Any => (true, "nothing"),
        BackupPolicy::DeviceBound => (!eligible, "a device-bound credential"),
        BackupPolicy::Eligible => (eligible, "a credential that can be synced"),
        BackupPolicy::BackedUp => (eligible && state, "a synced credential"),
    };
    let found = match (eligible, state) {
        (false, _) => "device-bound",
        (true, false) => "not synced yet",
        (true, true) => "synced",
    };
    ensure(met, || RegistrationError::BackupPolicyRefused {
        demanded,
        found,
    })
}

fn require_protection(
    demanded: CredentialProtection,
    found: Option<u8>,
) -> Result<(), RegistrationError> {
    ensure(found.is_some_and(|level| level >= demanded.level()), || {
        RegistrationError::CredentialProtection {
            demanded: demanded.as_str(),
            found,
        }
    })
}

fn require_offered(found: CoseAlgorithm, offered: &[CoseAlgorithm]) -> Result<(), CoseKeyError> {
    ensure(offered.contains(&found), || {
        CoseKeyError::AlgorithmNotAllowed {
            found,
            offered: listed(offered),
        }
    })
}

fn listed(algorithms: &[CoseAlgorithm]) -> String {
    let texts: Vec<_> = algorithms.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// What the statements are, for the recorded steps.
fn statements_text(statements: &[Attested<'_>]) -> String {
    let texts: Vec<_> = statements
        .iter()
        .map(|statement| {
            let kind = statement.attestation_type.as_str();
            format!("{kind}, certificates: {}", statement.trust_path.len())
        })
        .collect();
    texts.join("; ")
}
