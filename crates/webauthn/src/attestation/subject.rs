//! What the procedures of all formats have in common: what they get and what they return.

use super::certificate::certificate_chain;
use super::error::AttestationError;
use super::kind::AttestationType;
use super::policy::AttestationPolicy;
use crate::authenticator_data::AttestedCredentialData;
use crate::cbor::Value;
use crate::cose::{CoseAlgorithm, PublicKey, Scheme};
use crate::time::UnixSeconds;
use crate::trace::Passed;
use crate::x509::Certificate;
use std::borrow::Cow;

/// What every format's procedure gets (8: "attStmt, authenticatorData, clientDataHash").
#[derive(Clone, Copy)]
pub(crate) struct Subject<'s, 'a> {
    /// The statement.
    pub(crate) statement: &'s Value<'a>,
    /// Authenticator data as received, followed by the hash of the client data: what most formats sign.
    pub(crate) signed: &'s [u8],
    /// SHA-256 of the Relying Party id, as the authenticator data has it.
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
    /// Called for each check of the procedure that held.
    pub(crate) passed: Passed<'s>,
}

impl<'a> Subject<'_, 'a> {
    /// A check of the procedure held; `found` is the detail of the recorded step.
    pub(super) fn passed(
        &self,
        section: &'static str,
        check: &'static str,
        found: impl Fn() -> String,
    ) {
        (self.passed)(section, check, &found);
    }

    /// The statement must be a map.
    pub(super) fn require_map(&self, format: &'static str) -> Result<(), AttestationError> {
        match self.statement {
            Value::Map(_) => Ok(()),
            _ => Err(AttestationError::Malformed {
                format,
                problem: "it must be a map",
            }),
        }
    }

    /// `alg`, an integer.
    pub(super) fn algorithm(&self, format: &'static str) -> Result<i128, AttestationError> {
        let value = self.statement.get("alg").and_then(Value::as_integer);
        value.ok_or(AttestationError::Malformed {
            format,
            problem: "`alg` must be an integer",
        })
    }

    /// A member that is a byte string.
    pub(super) fn bytes(
        &self,
        format: &'static str,
        member: &'static str,
        problem: &'static str,
    ) -> Result<&'a [u8], AttestationError> {
        let value = self.statement.get(member).and_then(Value::as_bytes);
        value.ok_or(AttestationError::Malformed { format, problem })
    }

    /// `sig`, a byte string.
    pub(super) fn signature(&self, format: &'static str) -> Result<&'a [u8], AttestationError> {
        self.bytes(format, "sig", "`sig` must be a byte string")
    }

    /// `x5c`, which must be there.
    pub(super) fn chain(
        &self,
        format: &'static str,
    ) -> Result<Vec<Cow<'a, [u8]>>, AttestationError> {
        let x5c = self.statement.get("x5c");
        let x5c = x5c.ok_or(AttestationError::Malformed {
            format,
            problem: "`x5c` is missing",
        })?;
        certificate_chain(format, x5c)
    }

    /// What `alg` of a statement means, if its signatures are verified. RS1 is for conformance tools, whose credentials may be
    /// keys for it.
    pub(super) fn scheme(&self, algorithm: i128) -> Result<StatementAlgorithm, AttestationError> {
        StatementAlgorithm::of(algorithm, self.policy.rs1_credentials)
    }
}

/// The algorithm of a statement's signature.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatementAlgorithm {
    pub(super) scheme: Scheme,
    fixed_curve: bool,
}

impl StatementAlgorithm {
    /// What an `alg` means where RS1 may be let through or not.
    pub(super) fn of(algorithm: i128, allow_rs1: bool) -> Result<Self, AttestationError> {
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
    pub(super) fn require_leaf_signature(
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
    pub(super) fn new(attestation_type: AttestationType, trust_path: Vec<Cow<'a, [u8]>>) -> Self {
        Self {
            attestation_type,
            trust_path,
            sha1: false,
            dateless_below: &[],
        }
    }

    /// The outcome for a statement that is not verified.
    pub(crate) fn absent() -> Self {
        Self::new(AttestationType::None, Vec::new())
    }
}
