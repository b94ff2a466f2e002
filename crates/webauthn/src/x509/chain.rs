//! Certification paths: does a chain lead to a trust anchor (RFC 5280 section 6)?

use super::certificate::Certificate;
use super::oid;
use crate::Reason;
use crate::limits::{MAX_CERTIFICATE, MAX_CERTIFICATES, MAX_SIGNATURE_CHECKS};
use crate::time::UnixSeconds;
use crate::trace::{Passed, unrecorded};
use std::borrow::Cow;

/// The part of WebAuthn that asks for a path.
const SECTION: &str = "7.1 steps 23-24";

/// Why a chain does not lead to a trust anchor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A certificate breaks a rule for certificates of its place.
    #[error("the attestation certificate is not trusted: {0}")]
    Untrusted(&'static str),
    /// No anchor issued what the chain ends with.
    #[error(
        "the attestation certificate is not trusted: the chain does not lead to a trust anchor"
    )]
    NoAnchor,
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

impl ChainError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Untrusted(_)
            | Self::NoAnchor
            | Self::WrongOrder { .. }
            | Self::ForeignCertificate { .. }
            | Self::CertificateSignature { .. }
            | Self::TooMuchWork => Reason::AttestationUntrusted,
            Self::Expired { .. } => Reason::CertificateExpired,
            Self::NotYetValid { .. } => Reason::CertificateNotYetValid,
        }
    }
}

/// Whether these bytes can serve as a trust anchor or as an intermediate: they are one DER certificate that can be read.
/// Judgements ignore unreadable ones, so refuse them when they are configured.
pub fn is_certificate(der: &[u8]) -> bool {
    der.len() <= MAX_CERTIFICATE && Certificate::parse(der).is_some()
}

/// The last second in which a DER certificate is valid (`notAfter`), if it can be read.
pub fn last_second(der: &[u8]) -> Option<UnixSeconds> {
    let readable = der.len() <= MAX_CERTIFICATE;
    let certificate = readable.then(|| Certificate::parse(der)).flatten()?;
    Some(certificate.not_after)
}

/// Checks that this chain of DER certificates, the leaf first, leads to one of the roots. For chains of signers of metadata.
pub(crate) fn require_path(
    chain: &[Vec<u8>],
    roots: &[Vec<u8>],
    at: UnixSeconds,
) -> Result<(), ChainError> {
    let path = parse_all(chain.iter().map(|bytes| &bytes[..])).ok_or(ChainError::Untrusted(
        "a certificate of the chain cannot be read",
    ))?;
    let roots: Vec<_> = roots.iter().filter_map(|bytes| parse(bytes)).collect();
    lead_to_anchor(
        &path,
        &roots,
        &[],
        at,
        LeafDates::default(),
        &mut Budget::default(),
        &unrecorded,
    )
}

/// A certificate and its bytes.
#[derive(Debug)]
pub(crate) struct Link<'a> {
    bytes: Cow<'a, [u8]>,
    certificate: Certificate<'a>,
}

impl Link<'_> {
    /// The same link with bytes of its own.
    pub(super) fn into_owned(self) -> Link<'static> {
        Link {
            bytes: Cow::Owned(self.bytes.into_owned()),
            certificate: self.certificate.into_owned(),
        }
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }

    pub(super) fn may_be_issued_by(&self, other: &Self) -> bool {
        self.certificate.issuer == other.certificate.subject
    }

    pub(super) fn to_der(&self) -> Vec<u8> {
        self.bytes.to_vec()
    }

    pub(crate) fn is_root(&self) -> bool {
        self.certificate.subject == self.certificate.issuer
    }
}

/// `None` when one of them cannot be read.
pub(crate) fn parse_all<'a>(bytes: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Link<'a>>> {
    bytes.map(parse).collect()
}

pub(super) fn parse(bytes: &[u8]) -> Option<Link<'_>> {
    Some(Link {
        bytes: Cow::Borrowed(bytes),
        certificate: Certificate::parse(bytes)?,
    })
}

/// Signature checks that are left.
pub(crate) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_SIGNATURE_CHECKS)
    }
}

impl Budget {
    fn is_signed_by(
        &mut self,
        subject: &Certificate<'_>,
        issuer: &Certificate<'_>,
    ) -> Result<bool, ChainError> {
        self.0 = self.0.checked_sub(1).ok_or(ChainError::TooMuchWork)?;
        Ok(subject.is_signed_by(issuer))
    }
}

/// What the dates of the first certificate are worth.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LeafDates {
    /// How many seconds its validity may begin in the future.
    pub(crate) tolerance: i64,
    /// Public keys of anchors, as SHA-256 of their bits, below which its dates do not count.
    pub(crate) dateless_below: &'static [[u8; 32]],
}

impl LeafDates {
    fn require(self, leaf: &Certificate<'_>, at: UnixSeconds) -> Result<(), ChainError> {
        match require_validity(leaf, 0, at) {
            Err(ChainError::NotYetValid { .. })
                if leaf.not_before.0.saturating_sub(at.0) <= self.tolerance =>
            {
                Ok(())
            }
            judged => judged,
        }
    }

    fn count_below(self, anchor: &Certificate<'_>) -> bool {
        !self.dateless_below.contains(&anchor.key_digest())
    }
}

/// Walks the path in the order given until a certificate is an anchor or was issued by one; where the path has no issuer, the
/// known intermediates may. Without anchors no chain leads to one.
pub(crate) fn lead_to_anchor(
    path: &[Link<'_>],
    anchors: &[Link<'_>],
    known: &[Link<'_>],
    at: UnixSeconds,
    leaf_dates: LeafDates,
    budget: &mut Budget,
    passed: Passed<'_>,
) -> Result<(), ChainError> {
    let signed = |index: usize, issuer: &Certificate<'_>| {
        passed(SECTION, "certificate is signed by its issuer", &|| {
            format!("certificate {index} by {}", issuer.common_name())
        });
    };
    let [leaf, above @ ..] = path else {
        return Err(ChainError::Untrusted("the chain is empty"));
    };
    // Whether the leaf's dates count is known when its anchor is, so a fault of theirs may have to wait.
    let dates = leaf_dates.require(&leaf.certificate, at);
    let dates_below = |anchor: &Link<'_>| match &dates {
        Err(error) if leaf_dates.count_below(&anchor.certificate) => Err(error.clone()),
        _ => Ok(()),
    };
    if anchors.iter().all(|anchor| dates_below(anchor).is_err()) {
        dates.clone()?;
    }
    let anchored = |last: &Link<'_>, anchor: &Link<'_>| {
        dates_below(anchor)?;
        passed(SECTION, "chain leads to a trust anchor", &|| {
            format!(
                "{} is issued by, or is, the anchor {}",
                last.certificate.common_name(),
                anchor.certificate.common_name()
            )
        });
        Ok(())
    };
    let (mut current, mut above) = (leaf, above);
    // The path may grow by known intermediates to twice its limit, not for ever.
    for index in 0..2 * MAX_CERTIFICATES {
        let certificate = &current.certificate;
        if index > 0 {
            require_validity(certificate, index, at)?;
        }
        require_known_critical_extensions(certificate)?;
        if index > 0 || dates.is_ok() {
            passed(
                SECTION,
                "certificate of the chain is valid at the moment",
                &|| {
                    format!(
                        "certificate {index}, {}: from {} to {}",
                        certificate.common_name(),
                        certificate.not_before,
                        certificate.not_after
                    )
                },
            );
        }
        if let Some(anchor) = anchors.iter().find(|anchor| anchor.bytes == current.bytes) {
            require_continuation(current, above, path, budget)?;
            return anchored(current, anchor);
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
                    Ok(()) => {
                        require_continuation(current, above, path, budget)?;
                        return anchored(current, anchor);
                    }
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
                return Err(ChainError::CertificateSignature { index });
            }
            signed(index, &next.certificate);
            (current, above) = (next, rest);
            continue;
        }
        let mut issuer = None;
        for candidate in known.iter().filter(|candidate| {
            candidate.certificate.subject == certificate.issuer && candidate.bytes != current.bytes
        }) {
            if require_issuer(&candidate.certificate, index).is_ok()
                && require_validity(&candidate.certificate, index, at).is_ok()
                && budget.is_signed_by(certificate, &candidate.certificate)?
            {
                issuer = Some(candidate);
                break;
            }
        }
        current = issuer.ok_or_else(|| misfit(current, above, path))?;
        signed(index, &current.certificate);
    }
    Err(ChainError::NoAnchor)
}

/// Certificates that stand behind the anchor's place prove nothing and disprove nothing, but they must continue the chain.
fn require_continuation(
    last: &Link<'_>,
    above: &[Link<'_>],
    path: &[Link<'_>],
    budget: &mut Budget,
) -> Result<(), ChainError> {
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
fn misfit(last: &Link<'_>, above: &[Link<'_>], path: &[Link<'_>]) -> ChainError {
    if above.is_empty() {
        return ChainError::NoAnchor;
    }
    let index = path.len() - above.len();
    let elsewhere = path.iter().any(|link| {
        !link.is_root()
            && link.bytes != last.bytes
            && link.certificate.subject == last.certificate.issuer
    });
    if elsewhere {
        ChainError::WrongOrder {
            index: index.saturating_sub(1),
        }
    } else {
        ChainError::ForeignCertificate { index }
    }
}

fn require_validity(
    certificate: &Certificate<'_>,
    index: usize,
    at: UnixSeconds,
) -> Result<(), ChainError> {
    if at < certificate.not_before {
        Err(ChainError::NotYetValid { index })
    } else if at > certificate.not_after {
        Err(ChainError::Expired { index })
    } else {
        Ok(())
    }
}

/// An issuer is a CA, may sign certificates, and allows this many intermediate certificates below it.
fn require_issuer(issuer: &Certificate<'_>, intermediates_below: usize) -> Result<(), ChainError> {
    let constraints = issuer
        .basic_constraints()
        .ok()
        .flatten()
        .unwrap_or_default();
    if !constraints.ca {
        return Err(ChainError::Untrusted("an issuer is not a CA"));
    }
    if constraints
        .path_length
        .is_some_and(|most| usize::from(most) < intermediates_below)
    {
        return Err(ChainError::Untrusted(
            "an issuer's chain is longer than it allows",
        ));
    }
    if !issuer.may_sign_certificates() {
        return Err(ChainError::Untrusted(
            "an issuer's key may not sign certificates",
        ));
    }
    require_known_critical_extensions(issuer)
}

/// RFC 5280 4.2: what is critical and not understood is refused; that includes name constraints.
fn require_known_critical_extensions(certificate: &Certificate<'_>) -> Result<(), ChainError> {
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
        .any(|extension| extension.critical && !KNOWN.contains(&&*extension.id))
    {
        return Err(ChainError::Untrusted(
            "a certificate has a critical extension that is not understood",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod limbo;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::LEAF_TOLERANCE;
    use testkit::metadata::{Blob, Service, signer_certificates};
    use testkit::{Algorithm, Chain, Validity};

    const NOW: UnixSeconds = UnixSeconds(1_767_225_600);

    /// A chain whose leaf has these dates, and its root.
    fn chain(not_before: i64, not_after: i64) -> (Vec<Vec<u8>>, Vec<u8>) {
        let chain = Chain {
            intermediates: 1,
            leaf: Validity {
                not_before,
                not_after,
            },
            ..Chain::default()
        };
        let service = Service::with_chain(Algorithm::ES256, chain).unwrap();
        let blob = service.sign(&Blob::default()).unwrap();
        (signer_certificates(&blob).unwrap(), service.root().to_vec())
    }

    fn judged(chain: &[Vec<u8>], roots: &[&[u8]], dates: LeafDates) -> Result<(), ChainError> {
        let path = parse_all(chain.iter().map(|bytes| &bytes[..])).unwrap();
        let roots = parse_all(roots.iter().copied()).unwrap();
        let mut budget = Budget::default();
        lead_to_anchor(&path, &roots, &[], NOW, dates, &mut budget, &unrecorded)
    }

    #[test]
    fn the_dates_of_a_leaf_do_not_count_below_the_keys_that_are_named() {
        let (expired, root) = chain(0, 1_600_000_000);
        let (_, other) = chain(0, 1_600_000_000);
        let below = |root: &[u8]| LeafDates {
            dateless_below: vec![Certificate::parse(root).unwrap().key_digest()].leak(),
            ..LeafDates::default()
        };
        assert_eq!(judged(&expired, &[&root], below(&root)), Ok(()));
        let by_date = Err(ChainError::Expired { index: 0 });
        assert_eq!(judged(&expired, &[&root], LeafDates::default()), by_date);
        assert_eq!(judged(&expired, &[&root], below(&other)), by_date);
        // One of the named keys is an anchor too, but the chain leads to another.
        assert_eq!(judged(&expired, &[&root, &other], below(&other)), by_date);
        assert_eq!(judged(&expired, &[&other, &root], below(&root)), Ok(()));
        assert_eq!(
            judged(&expired, &[&other], below(&other)),
            Err(ChainError::NoAnchor)
        );
        let (early, root) = chain(4_000_000_000, 4_100_000_000);
        assert_eq!(judged(&early, &[&root], below(&root)), Ok(()));
    }

    #[test]
    fn a_leaf_may_begin_as_far_in_the_future_as_clocks_may_differ() {
        let tolerant = LeafDates {
            tolerance: LEAF_TOLERANCE,
            ..LeafDates::default()
        };
        for (ahead, accepted) in [(0, true), (1, true), (300, true), (301, false)] {
            let (leaf, root) = chain(NOW.0 + ahead, NOW.0 + 1_000);
            let verdict = judged(&leaf, &[&root], tolerant);
            assert_eq!(verdict.is_ok(), accepted, "{ahead}");
            assert_eq!(require_path(&leaf, &[root], NOW).is_ok(), ahead == 0);
        }
        // There is none at the end.
        let (expired, root) = chain(0, NOW.0 - 1);
        assert_eq!(
            judged(&expired, &[&root], tolerant),
            Err(ChainError::Expired { index: 0 })
        );
    }
}
