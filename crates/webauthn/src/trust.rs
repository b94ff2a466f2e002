//! Trust in attestation certificates (WebAuthn 7.1 steps 23-24, RFC 5280 section 6).

use crate::Reason;
use crate::attestation::{AttestationPolicy, AttestationType};
use crate::authentication::Signal;
use crate::certificate::{Certificate, oid};
use serde::{Deserialize, Serialize};

/// A moment as seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(pub i64);

/// How far an attestation is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// There is no statement.
    None,
    /// The credential's own key signed: that says nothing about the authenticator.
    #[serde(rename = "self")]
    SelfAttested,
    /// The statement verifies; its chain was not judged, because no anchors were given.
    Unknown,
    /// The chain leads to one of the anchors.
    Trusted,
}

impl Trust {
    /// `none`, `self`, `unknown` or `trusted`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SelfAttested => "self",
            Self::Unknown => "unknown",
            Self::Trusted => "trusted",
        }
    }
}

/// Why a chain is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The policy does not accept this kind of attestation.
    #[error("the policy does not accept {0} attestation")]
    PolicyRefused(&'static str),
    /// The chain does not lead to an anchor.
    #[error("the attestation certificate is not trusted: {0}")]
    Untrusted(&'static str),
    /// A certificate has expired.
    #[error("certificate {index} of the chain had expired at that moment")]
    Expired {
        /// Position in the chain, the leaf is 0.
        index: usize,
    },
    /// A certificate is not valid yet.
    #[error("certificate {index} of the chain was not yet valid at that moment")]
    NotYetValid {
        /// Position in the chain, the leaf is 0.
        index: usize,
    },
}

impl TrustError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::PolicyRefused(_) => Reason::AttestationPolicyRefused,
            Self::Untrusted(_) => Reason::AttestationUntrusted,
            Self::Expired { .. } => Reason::CertificateExpired,
            Self::NotYetValid { .. } => Reason::CertificateNotYetValid,
        }
    }
}

/// Most signature checks of one judgement.
const MAX_SIGNATURE_CHECKS: usize = 32;

/// 7.1 steps 23-24: is the attestation acceptable to the policy, and how far is it trusted at the moment `at`?
pub(crate) fn judge(
    attestation_type: AttestationType,
    trust_path: &[&[u8]],
    policy: &AttestationPolicy,
    at: UnixSeconds,
    signals: &mut Vec<Signal>,
) -> Result<Trust, TrustError> {
    match attestation_type {
        AttestationType::None if policy.allow_none => return Ok(Trust::None),
        AttestationType::None => return Err(TrustError::PolicyRefused("no")),
        AttestationType::SelfAttestation if policy.allow_self => return Ok(Trust::SelfAttested),
        AttestationType::SelfAttestation => return Err(TrustError::PolicyRefused("self")),
        AttestationType::Basic | AttestationType::AttCa | AttestationType::AnonCa => {}
    }
    let path: Option<Vec<_>> = trust_path
        .iter()
        .map(|bytes| Certificate::parse(bytes))
        .collect();
    let path = path.ok_or(TrustError::Untrusted(
        "a certificate of the chain cannot be read",
    ))?;

    // A root that the statement brings along proves nothing. It is no more than another element of the path.
    if path
        .iter()
        .skip(1)
        .any(|certificate| certificate.subject == certificate.issuer)
    {
        if policy.refuse_root_in_path {
            return Err(TrustError::Untrusted(
                "the chain contains a root certificate",
            ));
        }
        signals.push(Signal::RootCertificateInPath);
    }
    if policy.trust_anchors.is_empty() {
        return if policy.allow_unknown_trust {
            Ok(Trust::Unknown)
        } else {
            Err(TrustError::PolicyRefused("unjudged"))
        };
    }
    lead_to_anchor(trust_path, &path, &policy.trust_anchors, at).map(|()| Trust::Trusted)
}

/// Walks the path in the order given until a certificate is an anchor or was issued by one.
fn lead_to_anchor(
    encoded: &[&[u8]],
    path: &[Certificate<'_>],
    anchors: &[Vec<u8>],
    at: UnixSeconds,
) -> Result<(), TrustError> {
    let parsed: Vec<_> = anchors
        .iter()
        .filter_map(|bytes| Certificate::parse(bytes))
        .collect();
    let mut checks = 0;
    let mut is_issued = |subject: &Certificate<'_>, issuer: &Certificate<'_>| {
        checks += 1;
        checks <= MAX_SIGNATURE_CHECKS && subject.is_signed_by(issuer)
    };
    for (index, (certificate, bytes)) in path.iter().zip(encoded).enumerate() {
        require_validity(certificate, index, at)?;
        require_known_critical_extensions(certificate)?;
        if anchors.iter().any(|anchor| anchor == bytes) {
            return Ok(());
        }
        // Roots get renewed with the same name and key, so an expired anchor does not end the search.
        let mut outdated = None;
        for anchor in parsed
            .iter()
            .filter(|anchor| anchor.subject == certificate.issuer)
        {
            if require_issuer(anchor, index).is_ok() && is_issued(certificate, anchor) {
                match require_validity(anchor, index + 1, at) {
                    Ok(()) => return Ok(()),
                    Err(error) => outdated = Some(error),
                }
            }
        }
        if let Some(error) = outdated {
            return Err(error);
        }
        let Some(issuer) = path.get(index + 1) else {
            return Err(TrustError::Untrusted(
                "the chain does not lead to a trust anchor",
            ));
        };
        if certificate.issuer != issuer.subject {
            return Err(TrustError::Untrusted(
                "a certificate is not followed by its issuer's",
            ));
        }
        require_issuer(issuer, index)?;
        if !is_issued(certificate, issuer) {
            return Err(TrustError::Untrusted(
                "the signature of a certificate does not verify",
            ));
        }
    }
    Err(TrustError::Untrusted("the chain is empty"))
}

fn require_validity(
    certificate: &Certificate<'_>,
    index: usize,
    at: UnixSeconds,
) -> Result<(), TrustError> {
    if at < certificate.not_before {
        Err(TrustError::NotYetValid { index })
    } else if at > certificate.not_after {
        Err(TrustError::Expired { index })
    } else {
        Ok(())
    }
}

/// An issuer is a CA, may sign certificates, and allows this many intermediate certificates below it.
fn require_issuer(issuer: &Certificate<'_>, intermediates_below: usize) -> Result<(), TrustError> {
    let constraints = issuer
        .basic_constraints()
        .ok()
        .flatten()
        .unwrap_or_default();
    if !constraints.ca {
        return Err(TrustError::Untrusted("an issuer is not a CA"));
    }
    if constraints
        .path_length
        .is_some_and(|most| usize::from(most) < intermediates_below)
    {
        return Err(TrustError::Untrusted(
            "an issuer's chain is longer than it allows",
        ));
    }
    if !issuer.may_sign_certificates() {
        return Err(TrustError::Untrusted(
            "an issuer's key may not sign certificates",
        ));
    }
    require_known_critical_extensions(issuer)
}

/// RFC 5280 4.2: what is critical and not understood is refused; that includes name constraints.
fn require_known_critical_extensions(certificate: &Certificate<'_>) -> Result<(), TrustError> {
    const KNOWN: [&[u8]; 4] = [
        oid::BASIC_CONSTRAINTS,
        oid::KEY_USAGE,
        oid::EXTENDED_KEY_USAGE,
        oid::SUBJECT_ALTERNATIVE_NAME,
    ];
    if certificate
        .extensions
        .iter()
        .any(|extension| extension.critical && !KNOWN.contains(&extension.id))
    {
        return Err(TrustError::Untrusted(
            "a certificate has a critical extension that is not understood",
        ));
    }
    Ok(())
}
