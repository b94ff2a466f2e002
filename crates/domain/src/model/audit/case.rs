//! What a refused response was verified against, and the response: enough to verify it again with `passkeyd verify`.
//!
//! It is kept as text with the event of the refusal. A ceremony is taken by its refusal, so nobody can use the response.

use serde::{Serialize, Serializer};
use webauthn::attestation::{AttestationPolicy, CompoundPolicy, SafetyNetPolicy};
use webauthn::authentication::{
    AuthenticationExpectation, BackupEligibilityPolicy, ExpectedUser, SignCountPolicy,
    StoredCredential,
};
use webauthn::base64url;
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::{CredentialId, UserHandle};
use webauthn::origin::Origin;
use webauthn::registration::{CrossOrigin, RegistrationExpectation};
use webauthn::response::{AuthenticationResponse, RegistrationResponse};

/// Longest case that is kept, in bytes. A longer one is not kept at all.
pub const MAX_CASE: usize = 16_384;

/// Bytes that are written as base64url.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::encode(self.0))
    }
}

/// What both kinds of ceremony have.
#[derive(Serialize)]
struct Case<'a, T: Serialize> {
    kind: &'static str,
    rp_id: &'a str,
    origins: Vec<&'a str>,
    challenge: Bytes<'a>,
    user_verification_required: bool,
    allow_cross_origin: bool,
    top_origins: &'a [String],
    #[serde(flatten)]
    expected: T,
    credential: Credential<'a>,
}

#[derive(Serialize)]
struct OfRegistration<'a> {
    algorithms: &'a [CoseAlgorithm],
    conditional_create: bool,
    accept_test_tpm_vendor: bool,
    accept_safetynet: bool,
    accept_rs1_attestation: bool,
    compound_policy: &'static str,
}

#[derive(Serialize)]
struct OfAuthentication<'a> {
    credential_public_key: Bytes<'a>,
    stored_sign_count: u32,
    sign_count_policy: &'static str,
    allow_credentials: &'a [CredentialId],
    expected_user_handle: &'a UserHandle,
    username_less: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    appid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stored_backup_eligible: Option<bool>,
}

/// The response, as a browser sends it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Credential<'a> {
    id: &'a CredentialId,
    raw_id: &'a CredentialId,
    #[serde(rename = "type")]
    kind: &'static str,
    response: Response<'a>,
    client_extension_results: Outputs,
}

#[derive(Serialize)]
struct Outputs {
    #[serde(skip_serializing_if = "Option::is_none")]
    appid: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Response<'a> {
    Registration {
        #[serde(rename = "clientDataJSON")]
        client_data_json: Bytes<'a>,
        attestation_object: Bytes<'a>,
        transports: &'a [String],
    },
    Authentication {
        #[serde(rename = "clientDataJSON")]
        client_data_json: Bytes<'a>,
        authenticator_data: Bytes<'a>,
        signature: Bytes<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_handle: Option<&'a UserHandle>,
    },
}

/// The case of a refused registration. Trust anchors and metadata are not in it.
pub fn of_registration(
    expected: &RegistrationExpectation,
    response: &RegistrationResponse,
) -> Option<String> {
    let AttestationPolicy {
        allow_rs1,
        accept_test_tpm_vendor,
        android_safetynet,
        compound,
        ..
    } = &expected.attestation;
    text(&Case {
        kind: "registration",
        rp_id: expected.rp_id.as_str(),
        origins: expected.origins.iter().map(Origin::as_str).collect(),
        challenge: Bytes(&expected.challenge),
        user_verification_required: expected.user_verification_required,
        allow_cross_origin: matches!(expected.cross_origin, CrossOrigin::Allowed { .. }),
        top_origins: top_origins(&expected.cross_origin),
        expected: OfRegistration {
            algorithms: &expected.algorithms,
            conditional_create: expected.conditional_create,
            accept_test_tpm_vendor: *accept_test_tpm_vendor,
            accept_safetynet: *android_safetynet != SafetyNetPolicy::Refused,
            accept_rs1_attestation: *allow_rs1,
            compound_policy: match compound {
                CompoundPolicy::All => "all",
                CompoundPolicy::OneTrusted => "one_trusted",
            },
        },
        credential: Credential {
            id: response.id(),
            raw_id: response.id(),
            kind: "public-key",
            response: Response::Registration {
                client_data_json: Bytes(response.client_data_json()),
                attestation_object: Bytes(response.attestation_object()),
                transports: response.transports(),
            },
            client_extension_results: Outputs { appid: None },
        },
    })
}

/// The case of a refused authentication.
pub fn of_authentication(
    expected: &AuthenticationExpectation,
    stored: &StoredCredential<'_>,
    response: &AuthenticationResponse,
) -> Option<String> {
    let strict = expected.backup_eligibility == BackupEligibilityPolicy::Strict;
    text(&Case {
        kind: "authentication",
        rp_id: expected.rp_id.as_str(),
        origins: expected.origins.iter().map(Origin::as_str).collect(),
        challenge: Bytes(&expected.challenge),
        user_verification_required: expected.user_verification_required,
        allow_cross_origin: matches!(expected.cross_origin, CrossOrigin::Allowed { .. }),
        top_origins: top_origins(&expected.cross_origin),
        expected: OfAuthentication {
            credential_public_key: Bytes(stored.public_key),
            stored_sign_count: stored.sign_count.highest,
            sign_count_policy: match expected.sign_count {
                SignCountPolicy::Refuse => "reject",
                SignCountPolicy::Signal => "signal",
            },
            allow_credentials: &expected.allow_credentials,
            expected_user_handle: stored.user_handle,
            username_less: expected.user == ExpectedUser::NamedByCredential,
            appid: expected.appid.as_deref(),
            // `passkeyd verify` refuses every change of it.
            stored_backup_eligible: stored.backup_eligible.filter(|_| strict),
        },
        credential: Credential {
            id: response.id(),
            raw_id: response.id(),
            kind: "public-key",
            response: Response::Authentication {
                client_data_json: Bytes(response.client_data_json()),
                authenticator_data: Bytes(response.authenticator_data()),
                signature: Bytes(response.signature()),
                user_handle: response.user_handle(),
            },
            client_extension_results: Outputs {
                appid: response.client_outputs().appid,
            },
        },
    })
}

fn top_origins(cross_origin: &CrossOrigin) -> &[String] {
    match cross_origin {
        CrossOrigin::Refused => &[],
        CrossOrigin::Allowed { top_origins } => top_origins,
    }
}

fn text(case: &impl Serialize) -> Option<String> {
    let text = serde_json::to_string(case).ok();
    text.filter(|text| text.len() <= MAX_CASE)
}
