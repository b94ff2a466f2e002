//! Attestation statements: one module for each format (WebAuthn 8), chosen by the exact format name (7.1 steps 21-22).

mod android_key;
mod android_safetynet;
mod apple;
mod compound;
mod error;
mod fido_u2f;
mod none;
mod packed;
mod policy;
mod tpm;

use crate::authenticator_data::AttestedCredentialData;
use crate::cbor::Value;
use crate::certificate::Certificate;
use crate::cose::{CoseAlgorithm, PublicKey, Scheme};
use crate::trace::Passed;
use crate::trust::UnixSeconds;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

pub use android_key::AndroidKeyError;
pub use android_safetynet::SafetyNetError;
pub use error::AttestationError;
pub use policy::{
    AndroidKeyPolicy, AttestationPolicy, CompoundPolicy, ModelPolicy, SafetyNetPolicy,
    StatementPolicy,
};
pub use tpm::TpmError;

/// The attestation types (WebAuthn 6.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttestationType {
    /// No attestation.
    None,
    /// Signed by the credential's own key.
    #[serde(rename = "self")]
    SelfAttestation,
    /// Signed by a key of the authenticator model.
    Basic,
    /// Certified by an attestation CA.
    AttCa,
    /// Certified by an anonymisation CA.
    AnonCa,
    /// Several statements, each of a type of its own.
    Compound,
}

impl AttestationType {
    /// `none`, `self`, `basic`, `att_ca`, `anon_ca` or `compound`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SelfAttestation => "self",
            Self::Basic => "basic",
            Self::AttCa => "att_ca",
            Self::AnonCa => "anon_ca",
            Self::Compound => "compound",
        }
    }
}

/// What every format's procedure gets (8: "attStmt, authenticatorData, clientDataHash").
#[derive(Clone, Copy)]
pub(crate) struct Subject<'s, 'a> {
    /// The statement.
    pub(crate) statement: &'s Value<'a>,
    /// Authenticator data as received, followed by the hash of the client data: what most formats sign.
    pub(crate) signed: &'s [u8],
    /// SHA-256 of the Relying Party id, as the authenticator data have it.
    pub(crate) rp_id_hash: &'s [u8],
    /// SHA-256 of the client data.
    pub(crate) client_data_hash: &'s [u8; 32],
    /// The new credential.
    pub(crate) attested: &'s AttestedCredentialData<'a>,
    /// Its key.
    pub(crate) public_key: &'s PublicKey,
    /// What is accepted.
    pub(crate) policy: &'s AttestationPolicy,
    /// The moment of registration.
    pub(crate) at: UnixSeconds,
    /// Is told each check of the procedure that held.
    pub(crate) passed: Passed<'s>,
}

impl<'a> Subject<'_, 'a> {
    /// A check of the procedure held; `found` tells what was found.
    fn passed(&self, section: &'static str, check: &'static str, found: impl Fn() -> String) {
        (self.passed)(section, check, &found);
    }

    /// The statement must be a map.
    fn require_map(&self, format: &'static str) -> Result<(), AttestationError> {
        match self.statement {
            Value::Map(_) => Ok(()),
            _ => Err(AttestationError::Malformed {
                format,
                problem: "it must be a map",
            }),
        }
    }

    /// `alg`, an integer.
    fn algorithm(&self, format: &'static str) -> Result<i128, AttestationError> {
        let value = self.statement.get("alg").and_then(Value::as_integer);
        value.ok_or(AttestationError::Malformed {
            format,
            problem: "`alg` must be an integer",
        })
    }

    /// A member that is a byte string.
    fn bytes(
        &self,
        format: &'static str,
        member: &'static str,
        problem: &'static str,
    ) -> Result<&'a [u8], AttestationError> {
        let value = self.statement.get(member).and_then(Value::as_bytes);
        value.ok_or(AttestationError::Malformed { format, problem })
    }

    /// `sig`, a byte string.
    fn signature(&self, format: &'static str) -> Result<&'a [u8], AttestationError> {
        self.bytes(format, "sig", "`sig` must be a byte string")
    }

    /// `x5c`, which must be there.
    fn chain(&self, format: &'static str) -> Result<Vec<Cow<'a, [u8]>>, AttestationError> {
        let x5c = self.statement.get("x5c");
        let x5c = x5c.ok_or(AttestationError::Malformed {
            format,
            problem: "`x5c` is missing",
        })?;
        certificate_chain(format, x5c)
    }

    /// What `alg` of a statement means, if its signatures are verified. RS1 is for conformance tools, whose credentials may be
    /// keys for it.
    fn scheme(&self, algorithm: i128) -> Result<StatementAlgorithm, AttestationError> {
        StatementAlgorithm::of(algorithm, self.policy.rs1_credentials)
    }
}

/// The algorithm of a statement's signature.
#[derive(Debug, Clone, Copy)]
struct StatementAlgorithm {
    scheme: Scheme,
    fixed_curve: bool,
}

impl StatementAlgorithm {
    /// What an `alg` means where RS1 may be let through or not.
    fn of(algorithm: i128, allow_rs1: bool) -> Result<Self, AttestationError> {
        let unsupported = AttestationError::AlgorithmUnsupported(algorithm);
        let Ok(algorithm) = i64::try_from(algorithm).map(CoseAlgorithm) else {
            return Err(unsupported);
        };
        let scheme = algorithm.scheme_with_rs1(allow_rs1);
        Ok(Self {
            scheme: scheme.ok_or(unsupported)?,
            fixed_curve: algorithm.names_its_curve(),
        })
    }

    /// Checks a signature with the leaf's key.
    fn require_leaf_signature(
        self,
        format: &'static str,
        leaf: &Certificate<'_>,
        message: &[u8],
        sig: &[u8],
    ) -> Result<(), AttestationError> {
        match leaf.verify(self.scheme, self.fixed_curve, message, sig) {
            Some(true) => Ok(()),
            Some(false) => Err(AttestationError::SignatureInvalid { format }),
            None => Err(AttestationError::CertificateRequirements(
                "its key does not fit the statement's algorithm",
            )),
        }
    }
}

/// What every format's procedure returns.
#[derive(Debug)]
pub(crate) struct Attested<'a> {
    pub(crate) attestation_type: AttestationType,
    /// DER certificates, the leaf first; empty for none and self.
    pub(crate) trust_path: Vec<Cow<'a, [u8]>>,
    /// It is signed with SHA-1.
    pub(crate) sha1: bool,
    /// Public keys of anchors, as SHA-256 of their bits, below which the leaf's dates do not count.
    pub(crate) dateless_below: &'static [[u8; 32]],
}

impl<'a> Attested<'a> {
    fn new(attestation_type: AttestationType, trust_path: Vec<Cow<'a, [u8]>>) -> Self {
        Self {
            attestation_type,
            trust_path,
            sha1: false,
            dateless_below: &[],
        }
    }

    /// What a statement counts as that nobody looked at.
    pub(crate) fn absent() -> Self {
        Self::new(AttestationType::None, Vec::new())
    }
}

/// The first certificate of a chain.
fn leaf<'c>(
    format: &'static str,
    chain: &'c [Cow<'_, [u8]>],
) -> Result<Certificate<'c>, AttestationError> {
    let leaf = chain.first().and_then(|bytes| Certificate::parse(bytes));
    leaf.ok_or(AttestationError::Malformed {
        format,
        problem: "the first certificate cannot be read",
    })
}

/// Most certificates of a chain.
pub const MAX_CERTIFICATES: usize = 6;
/// Most bytes of one certificate.
pub const MAX_CERTIFICATE: usize = 8 * 1024;

/// `x5c`: a non-empty list of DER certificates, bounded in number and size before any is read.
fn certificate_chain<'a>(
    format: &'static str,
    x5c: &Value<'a>,
) -> Result<Vec<Cow<'a, [u8]>>, AttestationError> {
    let malformed = |problem| AttestationError::Malformed { format, problem };
    let elements = x5c.as_array().ok_or(malformed("`x5c` must be an array"))?;
    if elements.is_empty() {
        return Err(malformed("`x5c` must not be empty"));
    }
    if elements.len() > MAX_CERTIFICATES {
        return Err(malformed("`x5c` has more than 6 certificates"));
    }
    let certificate = |element: &Value<'a>| match element.as_bytes() {
        Some(bytes) if bytes.len() > MAX_CERTIFICATE => {
            Err(malformed("a certificate in `x5c` is too large"))
        }
        Some(bytes) => Ok(Cow::Borrowed(bytes)),
        None => Err(malformed("`x5c` must hold byte strings only")),
    };
    elements.iter().map(certificate).collect()
}

/// Most characters of a format's name.
const MAX_FORMAT_NAME: usize = 32;

/// The name of a format whose statements are not judged: 8.1 wants 1 to 32 visible ASCII characters but `"` and `\`.
pub(crate) fn recordable_name(name: &str) -> Result<&str, AttestationError> {
    let visible = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    if (1..=MAX_FORMAT_NAME).contains(&name.len()) && name.bytes().all(visible) {
        Ok(name)
    } else {
        Err(unsupported(name))
    }
}

fn unsupported(name: &str) -> AttestationError {
    AttestationError::FormatUnsupported {
        format: name.chars().take(MAX_FORMAT_NAME).collect(),
    }
}

/// The formats whose statements are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    None,
    Packed,
    Tpm,
    AndroidKey,
    AndroidSafetyNet,
    FidoU2f,
    Apple,
    Compound,
}

impl Format {
    const ALL: [Self; 8] = [
        Self::None,
        Self::Packed,
        Self::Tpm,
        Self::AndroidKey,
        Self::AndroidSafetyNet,
        Self::FidoU2f,
        Self::Apple,
        Self::Compound,
    ];

    /// 7.1 step 21: format names are compared case-sensitively. A format that the policy does not accept is not supported.
    pub(crate) fn of(name: &str, policy: &AttestationPolicy) -> Result<Self, AttestationError> {
        let known = Self::ALL.into_iter().find(|format| format.name() == name);
        let accepted = known.filter(|format| match format {
            Self::AndroidSafetyNet => policy.android_safetynet != SafetyNetPolicy::Refused,
            _ => true,
        });
        accepted.ok_or_else(|| unsupported(name))
    }

    /// The registered name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Packed => "packed",
            Self::Tpm => "tpm",
            Self::AndroidKey => "android-key",
            Self::AndroidSafetyNet => "android-safetynet",
            Self::FidoU2f => "fido-u2f",
            Self::Apple => "apple",
            Self::Compound => "compound",
        }
    }

    /// The section of the specification that has its procedure.
    pub(crate) const fn section(self) -> &'static str {
        match self {
            Self::None => "8.7",
            Self::Packed => "8.2",
            Self::Tpm => "8.3",
            Self::AndroidKey => "8.4",
            Self::AndroidSafetyNet => "8.5",
            Self::FidoU2f => "8.6",
            Self::Apple => "8.8",
            Self::Compound => "8.9",
        }
    }

    /// 7.1 step 22: the format's own procedure. All but `compound` return one outcome.
    pub(crate) fn verify<'a>(
        self,
        subject: &Subject<'_, 'a>,
    ) -> Result<Vec<Attested<'a>>, AttestationError> {
        let attested = match self {
            Self::None => none::verify(subject),
            Self::Packed => packed::verify(subject),
            Self::Tpm => tpm::verify(subject),
            Self::AndroidKey => android_key::verify(subject),
            Self::AndroidSafetyNet => android_safetynet::verify(subject),
            Self::FidoU2f => fido_u2f::verify(subject),
            Self::Apple => apple::verify(subject),
            Self::Compound => return compound::verify(subject),
        };
        attested.map(|one| vec![one])
    }
}
