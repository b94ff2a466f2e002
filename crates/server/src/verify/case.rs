//! A recorded ceremony: what the server expected, and the credential that came.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;
use webauthn::attestation::AttestationPolicy;
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::{CredentialId, UserHandle};
use webauthn::extension::CredentialProtection;
use webauthn::metadata::Excerpt;
use webauthn::registration::BackupPolicy;

use crate::moment::Moment;
use crate::pem::Certificates;

/// One line of the input. Absent and `null` mean the same; unknown members are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct Case<'a> {
    /// Any text; it is repeated in the verdict.
    pub(crate) name: Option<String>,
    /// Which ceremony it was.
    pub(crate) kind: Kind,
    /// The RP ID, taken as given.
    pub(crate) rp_id: String,
    /// The origins, compared as exact strings.
    pub(crate) origins: Vec<String>,
    /// The challenge.
    pub(crate) challenge: Binary,
    /// Whether the user must be verified.
    pub(crate) user_verification_required: Option<bool>,
    /// The algorithms that were offered; absent: all that are known.
    pub(crate) algorithms: Option<Vec<CoseAlgorithm>>,
    /// Whether the ceremony may run in a frame of another origin.
    pub(crate) allow_cross_origin: Option<bool>,
    /// The origins that may embed it.
    pub(crate) top_origins: Option<Vec<String>>,
    /// Whether the mediation was conditional.
    pub(crate) conditional_create: Option<bool>,
    /// The credential's JSON. It is kept as text for the core's strict reader, because it is untrusted.
    #[serde(borrow)]
    pub(crate) credential: &'a RawValue,
    /// The trust anchors; none: chains are not checked.
    pub(crate) trust_anchors: Option<Vec<Certificates>>,
    /// The time at which certificates must be valid; absent: now.
    pub(crate) at: Option<Moment>,
    /// Whether the vendor ids of conformance tools are accepted.
    pub(crate) accept_test_tpm_vendor: Option<bool>,
    /// Whether `android-safetynet` is accepted.
    pub(crate) accept_safetynet: Option<bool>,
    /// Whether `tpm` statements may be signed with RSA and SHA-1; absent: yes.
    pub(crate) accept_rs1_attestation: Option<bool>,
    /// Which statements of a compound statement must verify.
    pub(crate) compound_policy: Option<Compound>,
    /// What is accepted as to synced credentials.
    pub(crate) backup_policy: Option<BackupPolicy>,
    /// Fewest bytes of a credential id; absent: one.
    pub(crate) min_credential_id_length: Option<u16>,
    /// The least protection that the authenticator must report.
    pub(crate) credential_protection: Option<CredentialProtection>,
    /// Everything that is demanded of the attestation, as a ceremony of passkeyd keeps it. The members above that are about the
    /// attestation do not count beside it, but for the trust anchors.
    pub(crate) attestation_policy: Option<AttestationPolicy>,
    /// What metadata said of the authenticator model.
    pub(crate) metadata: Option<Excerpt>,
    /// The stored COSE key.
    pub(crate) credential_public_key: Option<Binary>,
    /// The stored counter; absent: 0.
    pub(crate) stored_sign_count: Option<u32>,
    /// What happens when the counter does not grow.
    pub(crate) sign_count_policy: Option<SignCount>,
    /// The credentials that the options listed.
    pub(crate) allow_credentials: Option<Vec<CredentialId>>,
    /// The user handle of the known user.
    pub(crate) expected_user_handle: Option<UserHandle>,
    /// Whether the options named no user.
    pub(crate) username_less: Option<bool>,
    /// The value of the requested `appid` extension.
    pub(crate) appid: Option<String>,
    /// The backup eligibility that was stored.
    pub(crate) stored_backup_eligible: Option<bool>,
}

/// The two ceremonies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// WebAuthn 7.1.
    Registration,
    /// WebAuthn 7.2.
    Authentication,
}

/// What happens when the counter does not grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignCount {
    /// It is reported as a signal.
    #[default]
    Signal,
    /// It is refused.
    Reject,
}

/// Which statements of a compound statement must verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Compound {
    /// Every one.
    #[default]
    All,
    /// At least one, and it must lead to a trust anchor.
    OneTrusted,
}

/// Bytes as base64url text without padding.
#[derive(Debug)]
pub(crate) struct Binary(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        webauthn::base64url::decode(&text)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// A line that is not a case.
#[derive(Debug)]
pub(crate) struct Unreadable {
    /// Its name, if it could be read.
    pub(crate) name: Option<String>,
    /// What is wrong.
    pub(crate) message: String,
}

impl<'a> Case<'a> {
    /// Reads a line.
    pub(crate) fn read(line: &'a [u8]) -> Result<Self, Unreadable> {
        let unreadable = |message: String| Unreadable {
            name: name(line),
            message,
        };
        // Serde would also accept an array of the right length.
        if !line.trim_ascii_start().starts_with(b"{") {
            return Err(unreadable("the line is not a JSON object".into()));
        }
        let case: Self = serde_json::from_slice(line).map_err(|error| {
            // A case is one line, so the line number of the error is useless.
            let text = error
                .to_string()
                .replace(" at line 1 column ", " at column ");
            unreadable(text)
        })?;
        if case.kind == Kind::Authentication && case.credential_public_key.is_none() {
            return Err(unreadable("missing field `credential_public_key`".into()));
        }
        Ok(case)
    }
}

fn name(line: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        name: Option<String>,
    }
    serde_json::from_slice::<Named>(line).ok()?.name
}
