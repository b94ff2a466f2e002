//! Trust in attestation certificates (WebAuthn 7.1 steps 23-24, RFC 5280 section 6).

use crate::Reason;
use crate::attestation::{
    AttestationPolicy, AttestationType, Attested, CompoundPolicy, Format, MAX_CERTIFICATES,
};
use crate::authentication::Signal;
use crate::certificate::{Certificate, oid};
use serde::{Deserialize, Serialize};

/// A moment as seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(pub i64);

/// How far an attestation is trusted, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// A certificate breaks a rule for certificates of its place.
    #[error("the attestation certificate is not trusted: {0}")]
    Untrusted(&'static str),
    /// No anchor issued what the chain ends with.
    #[error(
        "the attestation certificate is not trusted: the chain does not lead to a trust anchor"
    )]
    NoAnchor,
    /// Conformance mode: the chain brings its root along.
    #[error("the attestation certificate is not trusted: the chain contains a root certificate")]
    RootInPath,
    /// The issuer of a certificate is in the chain, but not behind it.
    #[error(
        "the attestation certificate is not trusted: certificate {index} is not followed by its issuer's, which stands elsewhere in the chain"
    )]
    WrongOrder {
        /// Position in the chain, the leaf is 0.
        index: usize,
    },
    /// A certificate has nothing to do with the one before it.
    #[error(
        "the attestation certificate is not trusted: certificate {index} of the chain does not belong to it"
    )]
    ForeignCertificate {
        /// Position in the chain, the leaf is 0.
        index: usize,
    },
    /// A certificate was not signed by the next one, although the names agree.
    #[error(
        "the attestation certificate is not trusted: the signature of certificate {index} does not verify"
    )]
    CertificateSignature {
        /// Position in the chain, the leaf is 0.
        index: usize,
    },
    /// Judging the chain would take more signature checks than [`MAX_SIGNATURE_CHECKS`].
    #[error(
        "the attestation certificate is not trusted: judging it takes too many signature checks"
    )]
    TooMuchWork,
    /// A certificate has expired.
    #[error("certificate {index} of the chain had expired at that moment")]
    Expired {
        /// Position in the chain, the leaf is 0; the anchor comes after the last one.
        index: usize,
    },
    /// A certificate is not valid yet.
    #[error("certificate {index} of the chain was not yet valid at that moment")]
    NotYetValid {
        /// Position in the chain, the leaf is 0; the anchor comes after the last one.
        index: usize,
    },
}

impl TrustError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::PolicyRefused(_) => Reason::AttestationPolicyRefused,
            Self::Untrusted(_)
            | Self::NoAnchor
            | Self::RootInPath
            | Self::WrongOrder { .. }
            | Self::ForeignCertificate { .. }
            | Self::CertificateSignature { .. }
            | Self::TooMuchWork => Reason::AttestationUntrusted,
            Self::Expired { .. } => Reason::CertificateExpired,
            Self::NotYetValid { .. } => Reason::CertificateNotYetValid,
        }
    }
}

/// Most signature checks of one judgement.
pub const MAX_SIGNATURE_CHECKS: usize = 32;

/// 7.1 steps 23-24: is the attestation acceptable to the policy, and how far is it trusted at the moment `at`?
///
/// Several statements are all about the same data, so the most trusted of them speaks for the credential.
pub(crate) fn judge(
    format: Format,
    statements: &[Attested<'_>],
    policy: &AttestationPolicy,
    at: UnixSeconds,
    signals: &mut Vec<Signal>,
) -> Result<Trust, TrustError> {
    let mut budget = Budget(MAX_SIGNATURE_CHECKS);
    let judged = statements
        .iter()
        .map(|statement| judge_one(statement, policy, at, &mut budget, signals));
    if format == Format::Compound && policy.compound == CompoundPolicy::OneTrusted {
        return one_trusted(judged);
    }
    let trust: Result<Vec<_>, _> = judged.collect();
    trust?.into_iter().max().ok_or(TrustError::NoAnchor)
}

/// One of the statements must lead to an anchor, whatever becomes of the others, of which some may be gone already.
fn one_trusted(
    judged: impl Iterator<Item = Result<Trust, TrustError>>,
) -> Result<Trust, TrustError> {
    let mut first_error = None;
    for outcome in judged {
        match outcome {
            Ok(Trust::Trusted) => return Ok(Trust::Trusted),
            Ok(Trust::None | Trust::SelfAttested | Trust::Unknown) => {}
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    Err(first_error.unwrap_or(TrustError::NoAnchor))
}

fn judge_one(
    statement: &Attested<'_>,
    policy: &AttestationPolicy,
    at: UnixSeconds,
    budget: &mut Budget,
    signals: &mut Vec<Signal>,
) -> Result<Trust, TrustError> {
    match statement.attestation_type {
        AttestationType::None if policy.allow_none => return Ok(Trust::None),
        AttestationType::None => return Err(TrustError::PolicyRefused("no")),
        AttestationType::SelfAttestation if policy.allow_self => return Ok(Trust::SelfAttested),
        AttestationType::SelfAttestation => return Err(TrustError::PolicyRefused("self")),
        AttestationType::Basic
        | AttestationType::AttCa
        | AttestationType::AnonCa
        | AttestationType::Compound => {}
    }
    let path = parse_all(statement.trust_path.iter().map(|bytes| &bytes[..])).ok_or(
        TrustError::Untrusted("a certificate of the chain cannot be read"),
    )?;

    // A root that the statement brings along proves nothing. It is no more than another element of the path.
    if path.iter().skip(1).any(Link::is_root) {
        if policy.refuse_root_in_path {
            return Err(TrustError::RootInPath);
        }
        if !signals.contains(&Signal::RootCertificateInPath) {
            signals.push(Signal::RootCertificateInPath);
        }
    }
    if policy.trust_anchors.is_empty() {
        return if policy.allow_unknown_trust {
            Ok(Trust::Unknown)
        } else {
            Err(TrustError::PolicyRefused("unjudged"))
        };
    }
    lead_to_anchor(&path, policy, at, budget).map(|()| Trust::Trusted)
}

/// A certificate and its bytes.
struct Link<'a> {
    bytes: &'a [u8],
    certificate: Certificate<'a>,
}

impl Link<'_> {
    fn is_root(&self) -> bool {
        self.certificate.subject == self.certificate.issuer
    }
}

/// `None` when one of them cannot be read.
fn parse_all<'a>(bytes: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Link<'a>>> {
    bytes.map(parse).collect()
}

fn parse(bytes: &[u8]) -> Option<Link<'_>> {
    Some(Link {
        bytes,
        certificate: Certificate::parse(bytes)?,
    })
}

/// Signature checks that are left.
struct Budget(usize);

impl Budget {
    fn is_signed_by(
        &mut self,
        subject: &Certificate<'_>,
        issuer: &Certificate<'_>,
    ) -> Result<bool, TrustError> {
        self.0 = self.0.checked_sub(1).ok_or(TrustError::TooMuchWork)?;
        Ok(subject.is_signed_by(issuer))
    }
}

/// Walks the path in the order given until a certificate is an anchor or was issued by one; where the path has no issuer, the
/// known intermediates may.
fn lead_to_anchor(
    path: &[Link<'_>],
    policy: &AttestationPolicy,
    at: UnixSeconds,
    budget: &mut Budget,
) -> Result<(), TrustError> {
    // What the operator configured and cannot be read is no anchor.
    let anchors: Vec<_> = policy
        .trust_anchors
        .iter()
        .filter_map(|bytes| parse(bytes))
        .collect();
    let known: Vec<_> = policy
        .intermediates
        .iter()
        .filter_map(|bytes| parse(bytes))
        .collect();

    let [leaf, above @ ..] = path else {
        return Err(TrustError::Untrusted("the chain is empty"));
    };
    let (mut current, mut above) = (leaf, above);
    // The path may grow by known intermediates to twice its limit, not for ever.
    for index in 0..2 * MAX_CERTIFICATES {
        let certificate = &current.certificate;
        require_validity(certificate, index, at)?;
        require_known_critical_extensions(certificate)?;
        if anchors.iter().any(|anchor| anchor.bytes == current.bytes) {
            return require_continuation(current, above, path, budget);
        }
        // Roots get renewed with the same name and key, so an expired anchor does not end the search.
        let mut outdated = None;
        for anchor in anchors
            .iter()
            .filter(|anchor| anchor.certificate.subject == certificate.issuer)
        {
            if require_issuer(&anchor.certificate, index).is_ok()
                && budget.is_signed_by(certificate, &anchor.certificate)?
            {
                match require_validity(&anchor.certificate, index + 1, at) {
                    Ok(()) => return require_continuation(current, above, path, budget),
                    Err(error) => outdated = Some(error),
                }
            }
        }
        if let Some(error) = outdated {
            return Err(error);
        }

        if let [next, rest @ ..] = above
            && next.certificate.subject == certificate.issuer
        {
            require_issuer(&next.certificate, index)?;
            if !budget.is_signed_by(certificate, &next.certificate)? {
                return Err(TrustError::CertificateSignature { index });
            }
            (current, above) = (next, rest);
            continue;
        }
        let mut issuer = None;
        for candidate in known.iter().filter(|candidate| {
            candidate.certificate.subject == certificate.issuer && candidate.bytes != current.bytes
        }) {
            if require_issuer(&candidate.certificate, index).is_ok()
                && require_validity(&candidate.certificate, index + 1, at).is_ok()
                && budget.is_signed_by(certificate, &candidate.certificate)?
            {
                issuer = Some(candidate);
                break;
            }
        }
        current = issuer.ok_or_else(|| misfit(current, above, path))?;
    }
    Err(TrustError::NoAnchor)
}

/// Certificates that stand behind the anchor's place prove nothing and disprove nothing, but they must continue the chain.
fn require_continuation(
    last: &Link<'_>,
    above: &[Link<'_>],
    path: &[Link<'_>],
    budget: &mut Budget,
) -> Result<(), TrustError> {
    let (mut last, mut above) = (last, above);
    while let [next, rest @ ..] = above {
        if next.certificate.subject != last.certificate.issuer
            || !budget.is_signed_by(&last.certificate, &next.certificate)?
        {
            return Err(misfit(last, above, path));
        }
        (last, above) = (next, rest);
    }
    Ok(())
}

/// Why the chain does not go on from here.
fn misfit(last: &Link<'_>, above: &[Link<'_>], path: &[Link<'_>]) -> TrustError {
    if above.is_empty() {
        return TrustError::NoAnchor;
    }
    let index = path.len() - above.len();
    let elsewhere = path.iter().any(|link| {
        !link.is_root()
            && link.bytes != last.bytes
            && link.certificate.subject == last.certificate.issuer
    });
    if elsewhere {
        TrustError::WrongOrder {
            index: index.saturating_sub(1),
        }
    } else {
        TrustError::ForeignCertificate { index }
    }
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
    const KNOWN: [&[u8]; 5] = [
        oid::BASIC_CONSTRAINTS,
        oid::KEY_USAGE,
        oid::EXTENDED_KEY_USAGE,
        oid::SUBJECT_ALTERNATIVE_NAME,
        // Policies are not asked for, so any are fine. Certificates of TPMs mark them critical.
        oid::CERTIFICATE_POLICIES,
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
