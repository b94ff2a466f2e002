//! Why an attestation statement is refused.

use crate::Reason;

/// What is wrong with an attestation statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// 7.1 step 21.
    #[error("the attestation format {format:?} is not supported")]
    FormatUnsupported {
        /// The format, cut to 32 characters.
        format: String,
    },
    /// The statement breaks the syntax of its format.
    #[error("the {format} attestation statement is malformed: {problem}")]
    Malformed {
        /// The format.
        format: &'static str,
        /// In which way.
        problem: &'static str,
    },
    /// The statement's signature does not verify.
    #[error("the signature of the {format} attestation statement does not verify")]
    SignatureInvalid {
        /// The format.
        format: &'static str,
    },
    /// 8.2: self attestation with another algorithm.
    #[error("the attestation statement names algorithm {found}, the credential's key {expected}")]
    AlgorithmMismatch {
        /// The key's algorithm.
        expected: i64,
        /// The statement's algorithm.
        found: i128,
    },
    /// The statement's algorithm cannot be verified.
    #[error("the attestation statement's algorithm {0} is not supported")]
    AlgorithmUnsupported(i128),
    /// 8.2.1 and its like.
    #[error("the attestation certificate breaks a requirement: {0}")]
    CertificateRequirements(&'static str),
    /// 8.2.1: the AAGUID extension.
    #[error("the AAGUID extension of the attestation certificate is wrong: {0}")]
    AaguidExtension(&'static str),
    /// 8.4, 8.8: the certificate must be about the credential's key.
    #[error("the {format} attestation certificate is about another key than the credential's")]
    KeyMismatch {
        /// The format.
        format: &'static str,
    },
    /// 8.6: the kind of the attestation key.
    #[error("the attestation certificate holds another key than one on P-256")]
    CertificateKey,
    /// 8.6: the kind of the credential's key.
    #[error("a U2F credential has a key on P-256")]
    CredentialKey,
    /// 8.6, conformance mode.
    #[error("a U2F credential has an AAGUID of zeros in conformance mode")]
    AaguidNotZero,
    /// 8.8: the nonce extension.
    #[error("the nonce of the Apple certificate is wrong: {0}")]
    AppleNonce(&'static str),
    /// 8.3: what a TPM says.
    #[error("the tpm attestation statement is refused: {0}")]
    Tpm(#[from] TpmError),
    /// 8.4: what an Android key store says.
    #[error("the Android key description is refused: {0}")]
    AndroidKey(#[from] AndroidKeyError),
    /// 8.5: what the `SafetyNet` service says.
    #[error("the SafetyNet response is refused: {0}")]
    SafetyNet(#[from] SafetyNetError),
}

impl AttestationError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::FormatUnsupported { .. } => Reason::AttestationFormatUnsupported,
            Self::Malformed { .. } => Reason::AttestationStatementMalformed,
            Self::SignatureInvalid { .. } => Reason::AttestationSignatureInvalid,
            Self::AlgorithmMismatch { .. } => Reason::AttestationAlgorithmMismatch,
            Self::AlgorithmUnsupported(_) => Reason::AlgorithmUnsupported,
            Self::CertificateRequirements(_) => Reason::CertificateRequirements,
            Self::AaguidExtension(_) => Reason::AaguidExtensionMismatch,
            Self::KeyMismatch { .. } => Reason::AttestationKeyMismatch,
            Self::CertificateKey => Reason::AttestationCertificateKey,
            Self::CredentialKey => Reason::CoseKeyMalformed,
            Self::AaguidNotZero => Reason::AaguidNotZero,
            Self::AppleNonce(_) => Reason::AppleNonce,
            Self::Tpm(error) => error.reason(),
            Self::AndroidKey(error) => error.reason(),
            Self::SafetyNet(error) => error.reason(),
        }
    }
}

/// What is wrong with what an Android key store says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AndroidKeyError {
    /// The key description is missing or cannot be read.
    #[error("{0}")]
    Extension(&'static str),
    /// `attestationChallenge` must be the hash of the client data.
    #[error("its challenge is not the hash of the client data")]
    Challenge,
    /// `allApplications` must be absent.
    #[error("every application may use the key")]
    AllApplications,
    /// `origin` must be generated.
    #[error("{0}")]
    Origin(&'static str),
    /// `purpose` must include signing.
    #[error("{0}")]
    Purpose(&'static str),
    /// The policy demands more of the device.
    #[error("the policy demands {0}")]
    Policy(&'static str),
}

impl AndroidKeyError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Extension(_) => Reason::AndroidKeyExtension,
            Self::Challenge => Reason::AndroidKeyChallenge,
            Self::AllApplications => Reason::AndroidKeyAllApplications,
            Self::Origin(_) => Reason::AndroidKeyOrigin,
            Self::Purpose(_) => Reason::AndroidKeyPurpose,
            Self::Policy(_) => Reason::AttestationPolicyRefused,
        }
    }
}

/// What is wrong with a `SafetyNet` response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SafetyNetError {
    /// It is no compact JWS with the members that are needed.
    #[error("{0}")]
    Malformed(&'static str),
    /// `ver` must name a version.
    #[error("the statement names no version")]
    Version,
    /// The certificate must be the service's.
    #[error("its certificate is not for attest.android.com")]
    Host,
    /// `nonce` must be the hash of what is attested.
    #[error("its nonce is not the hash of this registration")]
    Nonce,
    /// `ctsProfileMatch` must be true.
    #[error("the device did not pass the compatibility tests")]
    CtsProfile,
    /// `timestampMs` must be recent.
    #[error("its time is {0}")]
    Timestamp(&'static str),
}

impl SafetyNetError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Malformed(_) => Reason::SafetynetMalformed,
            Self::Version => Reason::SafetynetVersion,
            Self::Host => Reason::SafetynetHost,
            Self::Nonce => Reason::SafetynetNonce,
            Self::CtsProfile => Reason::SafetynetCtsProfile,
            Self::Timestamp(_) => Reason::SafetynetTimestamp,
        }
    }
}

/// What is wrong with what a TPM says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TpmError {
    /// A structure of the TPM library, part 2, cannot be read.
    #[error("{0}")]
    Structure(&'static str),
    /// `pubArea` must describe the credential's key.
    #[error("`pubArea` describes another key than the credential's")]
    PublicAreaKey,
    /// `TPMManufacturer` must be a vendor of the TCG's registry.
    #[error("no TPM vendor has the id {0:?}")]
    Vendor(String),
    /// `magic` must be `TPM_GENERATED_VALUE`.
    #[error("`magic` is {0:#010x}, not TPM_GENERATED_VALUE")]
    Magic(u32),
    /// `type` must be `TPM_ST_ATTEST_CERTIFY`.
    #[error("`type` is {0:#06x}, not TPM_ST_ATTEST_CERTIFY")]
    Type(u16),
    /// `extraData` must be the hash of what is attested.
    #[error("`extraData` is not the hash of this registration")]
    ExtraData,
    /// The attested name must be that of `pubArea`.
    #[error("the certified name is not the one of `pubArea`")]
    Name,
}

impl TpmError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Structure(_) => Reason::TpmStructure,
            Self::PublicAreaKey => Reason::TpmPubareaKeyMismatch,
            Self::Vendor(_) => Reason::TpmVendorUnknown,
            Self::Magic(_) => Reason::TpmMagic,
            Self::Type(_) => Reason::TpmType,
            Self::ExtraData => Reason::TpmExtraData,
            Self::Name => Reason::TpmNameMismatch,
        }
    }
}
