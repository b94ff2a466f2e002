//! What a refused response was verified against, and the response: enough to verify it again with `passkeyd verify`.
//!
//! It is kept as text with the event of the refusal. A ceremony is taken by its refusal, so nobody can use the response.

use serde::{Serialize, Serializer};
use webauthn::TrustFacts;
use webauthn::attestation::AttestationPolicy;
use webauthn::authentication::{
    AuthenticationExpectation, BackupEligibilityPolicy, ExpectedUser, SignCountPolicy,
    StoredCredential,
};
use webauthn::base64url;
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::{CredentialId, UserHandle};
use webauthn::extension::CredentialProtection;
use webauthn::metadata::Excerpt;
use webauthn::origin::Origin;
use webauthn::registration::{BackupPolicy, CrossOrigin, RegistrationExpectation, judged_by};
use webauthn::response::{AuthenticationResponse, RegistrationResponse};

/// Longest case that is kept, in bytes. A longer one is not kept at all.
pub const MAX_CASE: usize = 32_768;

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
    backup_policy: BackupPolicy,
    min_credential_id_length: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_protection: Option<CredentialProtection>,
    attestation_policy: AttestationPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Excerpt>,
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

/// The case of a refused registration. Of trust anchors and metadata it has what counts for this response.
pub fn of_registration(
    expected: &RegistrationExpectation,
    response: &RegistrationResponse,
    facts: &TrustFacts<'_>,
) -> Option<String> {
    let (attestation_policy, metadata) = judged_by(&expected.attestation, response, facts);
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
            backup_policy: expected.backup,
            min_credential_id_length: expected.min_credential_id_length,
            credential_protection: expected.credential_protection,
            attestation_policy,
            metadata,
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
