//! Trust in attestation certificates (WebAuthn 7.1 steps 23-24, RFC 5280 section 6).

use crate::Reason;
use crate::attestation::{
    AttestationPolicy, AttestationType, Attested, CompoundPolicy, Format, MAX_CERTIFICATE,
    MAX_CERTIFICATES, StatementPolicy,
};
use crate::authentication::Signal;
use crate::certificate::{Certificate, oid};
use crate::cose::CoseAlgorithm;
use crate::credential::Aaguid;
use crate::metadata::{AuthenticatorModel, Entry, Metadata, StaleMetadata, UnknownModels};
use crate::trace::Passed;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A moment as seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(pub i64);

impl fmt::Display for UnixSeconds {
    /// As RFC 3339 writes it, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        // Years are counted from March, so that the day of a leap year comes last; an era is 400 of them.
        let days = days.saturating_add(719_468);
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, carried) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        let year = year + era * 400 + carried;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

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
    /// The policy does not accept the authenticator model.
    #[error("the policy does not accept the authenticator model {0}")]
    ModelRefused(Aaguid),
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
    /// The policy cannot be applied without metadata, and there are none.
    #[error("the policy demands known authenticator models, and no metadata are loaded")]
    MetadataUnavailable,
    /// The metadata should have been renewed, and the policy does not put up with that.
    #[error("the metadata are stale, and the policy demands fresh ones")]
    MetadataStale,
    /// The metadata do not know the model, and the policy demands that they do.
    #[error("the metadata do not know the authenticator model")]
    AuthenticatorUnknown,
    /// The metadata report something that the policy refuses.
    #[error("the metadata report {status} of the authenticator model")]
    AuthenticatorStatus {
        /// The status in the words of the metadata, cut to 64 characters.
        status: String,
    },
    /// A demanded certification level is not there or not proven.
    #[error("a certification level is demanded: {0}")]
    CertificationLevel(&'static str),
    /// Conformance mode: the model does not sign with this algorithm.
    #[error("the metadata do not list the algorithm {0} for the authenticator model")]
    AlgorithmNotListed(CoseAlgorithm),
    /// The metadata list certificates for the model, of which none can be read.
    #[error(
        "the metadata list {count} attestation root certificates for the authenticator model {model}, and none of them can be read"
    )]
    MetadataRootsUnreadable {
        /// What the metadata call the model: its AAGUID, or else its description.
        model: String,
        /// How many there are.
        count: usize,
    },
    /// The metadata list types of attestation for the model, of which none can be read.
    #[error(
        "the metadata list attestation types for the authenticator model {model}, and none of them can be read"
    )]
    AttestationTypesUnreadable {
        /// What the metadata call the model: its AAGUID, or else its description.
        model: String,
    },
    /// The model makes no attestations of this type.
    #[error("the metadata do not list {0} attestation for the authenticator model")]
    AttestationTypeNotListed(&'static str),
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
            | Self::AttestationTypeNotListed(_)
            | Self::AttestationTypesUnreadable { .. }
            | Self::TooMuchWork => Reason::AttestationUntrusted,
            Self::MetadataRootsUnreadable { .. } => Reason::MetadataRootsUnreadable,
            Self::ModelRefused(_) => Reason::AuthenticatorModelRefused,
            Self::AlgorithmNotListed(_) => Reason::AttestationAlgorithmMismatch,
            Self::Expired { .. } => Reason::CertificateExpired,
            Self::NotYetValid { .. } => Reason::CertificateNotYetValid,
            Self::MetadataUnavailable => Reason::MetadataUnavailable,
            Self::MetadataStale => Reason::MetadataStale,
            Self::AuthenticatorUnknown => Reason::AuthenticatorUnknown,
            Self::AuthenticatorStatus { .. } | Self::CertificationLevel(_) => {
                Reason::AuthenticatorStatusRefused
            }
        }
    }
}

/// Where the specification asks for what this module does.
const SECTION: &str = "7.1 steps 23-24";

/// How many seconds a leaf's validity may begin in the future. Some are issued at the moment of the registration, and clocks
/// differ.
const LEAF_TOLERANCE: i64 = 5 * 60;

/// Most signature checks of one judgement.
pub const MAX_SIGNATURE_CHECKS: usize = 32;

/// What is known about authenticators at the moment of a judgement. It is no part of the policy that a ceremony freezes: what
/// becomes known between the beginning of a ceremony and its end counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrustFacts<'a> {
    /// The metadata in use; `None`: there are none.
    pub metadata: Option<&'a Metadata>,
}

/// What a judgement is about.
pub(crate) struct Question<'q> {
    pub(crate) format: Format,
    pub(crate) aaguid: Aaguid,
    /// `alg` of the statement, in formats where it is the algorithm of an authenticator.
    pub(crate) algorithm: Option<CoseAlgorithm>,
    pub(crate) policy: &'q AttestationPolicy,
    pub(crate) facts: &'q TrustFacts<'q>,
    pub(crate) at: UnixSeconds,
}

/// How far an attestation is trusted, and what the metadata say of the model.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) trust: Trust,
    pub(crate) model: Option<AuthenticatorModel>,
    /// How many anchors there were to lead to: the model's own, or the policy's.
    pub(crate) anchors: usize,
    /// The statement was not asked for and could not be judged, so it counted as absent.
    pub(crate) as_absent: bool,
}

/// 7.1 steps 23-24: is the attestation acceptable to the policy, and how far is it trusted?
///
/// A statement that nobody asked for, and that cannot be judged for want of metadata, is judged as an absent one.
pub(crate) fn judge(
    question: &Question<'_>,
    statements: &[Attested<'_>],
    signals: &mut Vec<Signal>,
    passed: Passed<'_>,
) -> Result<Judgement, TrustError> {
    let noticed = signals.len();
    match judge_all(question, statements, signals, passed) {
        Err(
            TrustError::MetadataUnavailable
            | TrustError::MetadataStale
            | TrustError::AuthenticatorUnknown,
        ) if question.policy.statement == StatementPolicy::Volunteered => {
            signals.truncate(noticed);
            let without = Question {
                format: Format::None,
                algorithm: None,
                ..*question
            };
            let judgement = judge_all(&without, &[Attested::absent()], signals, passed)?;
            Ok(Judgement {
                as_absent: true,
                ..judgement
            })
        }
        judged => judged,
    }
}

/// Several statements are all about the same data, so the most trusted of them speaks for the credential.
fn judge_all(
    question: &Question<'_>,
    statements: &[Attested<'_>],
    signals: &mut Vec<Signal>,
    passed: Passed<'_>,
) -> Result<Judgement, TrustError> {
    let policy = question.policy;
    if !policy.models.accepts(question.aaguid) {
        return Err(TrustError::ModelRefused(question.aaguid));
    }
    let mut budget = Budget(MAX_SIGNATURE_CHECKS);
    let judged = statements
        .iter()
        .map(|statement| question.judge_one(statement, &mut budget, signals, passed));
    let judgement =
        if question.format == Format::Compound && policy.compound == CompoundPolicy::OneTrusted {
            one_trusted(judged)?
        } else {
            let judgements: Result<Vec<_>, _> = judged.collect();
            let most_trusted = judgements?.into_iter().max_by_key(|one| one.trust);
            most_trusted.ok_or(TrustError::NoAnchor)?
        };
    // A level is the model's, and an authenticator proves only by its chain that it is of that model.
    let proven = judgement.trust == Trust::Trusted && judgement.model.is_some();
    if !policy.metadata.required_levels.is_empty() && !proven {
        return Err(TrustError::CertificationLevel(
            "the attestation does not prove the model",
        ));
    }
    if judgement
        .model
        .as_ref()
        .is_some_and(|model| model.update_available)
    {
        signals.push(Signal::AuthenticatorUpdateAvailable);
    }
    Ok(judgement)
}

/// One of the statements must lead to an anchor, whatever becomes of the others, of which some may be gone already.
fn one_trusted(
    judged: impl Iterator<Item = Result<Judgement, TrustError>>,
) -> Result<Judgement, TrustError> {
    let mut first_error = None;
    for outcome in judged {
        match outcome {
            Ok(judgement) if judgement.trust == Trust::Trusted => return Ok(judgement),
            Ok(_) => {}
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    Err(first_error.unwrap_or(TrustError::NoAnchor))
}

impl Question<'_> {
    fn judge_one(
        &self,
        statement: &Attested<'_>,
        budget: &mut Budget,
        signals: &mut Vec<Signal>,
        passed: Passed<'_>,
    ) -> Result<Judgement, TrustError> {
        let policy = self.policy;
        let without_chain = match statement.attestation_type {
            AttestationType::None if policy.allow_none => Some(Trust::None),
            AttestationType::None => return Err(TrustError::PolicyRefused("no")),
            AttestationType::SelfAttestation if policy.allow_self => Some(Trust::SelfAttested),
            AttestationType::SelfAttestation => return Err(TrustError::PolicyRefused("self")),
            AttestationType::Basic
            | AttestationType::AttCa
            | AttestationType::AnonCa
            | AttestationType::Compound => None,
        };
        let entries = self.entries(statement)?;
        let chain: Vec<_> = statement
            .trust_path
            .iter()
            .map(|bytes| &bytes[..])
            .collect();
        let mut model: Option<AuthenticatorModel> = None;
        for entry in &entries {
            let judged = entry.judge(
                statement.attestation_type,
                &chain,
                &policy.metadata,
                self.at,
            )?;
            if policy.algorithm_must_be_listed
                && let Some(algorithm) = self.algorithm
                && !entry.lists_algorithm(algorithm)
            {
                return Err(TrustError::AlgorithmNotListed(algorithm));
            }
            match &mut model {
                Some(first) => first.update_available |= judged.update_available,
                None => model = Some(judged),
            }
        }
        // A model with anchors of its own leads to them and to no other; if several entries have some, to those of each.
        let mut anchors: Vec<_> = entries
            .iter()
            .map(|entry| entry.roots())
            .filter(|roots| !roots.is_empty())
            .collect();
        if anchors.is_empty() && !policy.trust_anchors.is_empty() {
            anchors.push(&policy.trust_anchors);
        }
        let judgement = |trust| Judgement {
            trust,
            model,
            anchors: anchors.iter().map(|anchors| anchors.len()).sum(),
            as_absent: false,
        };
        if let Some(trust) = without_chain {
            return Ok(judgement(trust));
        }
        let path = parse_all(chain.into_iter()).ok_or(TrustError::Untrusted(
            "a certificate of the chain cannot be read",
        ))?;

        // A root that the statement brings along proves nothing. It is no more than another element of the path.
        if path.iter().skip(1).any(Link::is_root) {
            if policy.refuse_root_in_path {
                return Err(TrustError::RootInPath);
            }
            if !signals.contains(&Signal::RootCertificateInPath) {
                signals.push(Signal::RootCertificateInPath);
            }
        }
        // Who knows the model and names no root of it cannot say that this chain is the model's.
        if anchors.is_empty() && !entries.is_empty() && !path.is_empty() {
            return Err(TrustError::Untrusted(
                "the metadata of the authenticator model holds no root certificate",
            ));
        }
        let trust = if !anchors.is_empty() {
            for anchors in &anchors {
                lead_to_anchor(
                    &path,
                    anchors,
                    &policy.intermediates,
                    self.at,
                    LeafDates {
                        tolerance: LEAF_TOLERANCE,
                        dateless_below: statement.dateless_below,
                    },
                    budget,
                    passed,
                )?;
            }
            Trust::Trusted
        } else if policy.allow_unknown_trust {
            Trust::Unknown
        } else {
            return Err(TrustError::PolicyRefused("unjudged"));
        };
        Ok(judgement(trust))
    }

    /// What the metadata say of the model. Absent attestation need not be of a known one.
    fn entries(&self, statement: &Attested<'_>) -> Result<Vec<&Entry>, TrustError> {
        let policy = &self.policy.metadata;
        let attests = statement.attestation_type != AttestationType::None;
        let Some(metadata) = self.facts.metadata else {
            return if policy.needs_metadata() && attests {
                Err(TrustError::MetadataUnavailable)
            } else {
                Ok(Vec::new())
            };
        };
        if attests && policy.stale == StaleMetadata::Refuse && metadata.is_stale(self.at) {
            return Err(TrustError::MetadataStale);
        }
        let leaf = statement.trust_path.first().map(|bytes| &bytes[..]);
        let entries = metadata.find(self.aaguid, self.format == Format::FidoU2f, leaf);
        if entries.is_empty() && policy.unknown_models == UnknownModels::Refuse && attests {
            return Err(TrustError::AuthenticatorUnknown);
        }
        Ok(entries)
    }
}

/// Can these bytes serve as a trust anchor or as an intermediate: are they one DER certificate that can be read? Judgements
/// pass over what cannot, so it is best refused when it is configured.
pub fn is_certificate(der: &[u8]) -> bool {
    der.len() <= MAX_CERTIFICATE && Certificate::parse(der).is_some()
}

/// Does this chain of DER certificates, the leaf first, lead to one of the roots? For chains that are no attestation.
pub(crate) fn require_path(
    chain: &[Vec<u8>],
    roots: &[Vec<u8>],
    at: UnixSeconds,
) -> Result<(), TrustError> {
    let path = parse_all(chain.iter().map(|bytes| &bytes[..])).ok_or(TrustError::Untrusted(
        "a certificate of the chain cannot be read",
    ))?;
    lead_to_anchor(
        &path,
        roots,
        &[],
        at,
        LeafDates::default(),
        &mut Budget(MAX_SIGNATURE_CHECKS),
        &|_, _, _| {},
    )
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

/// What the dates of the first certificate are worth.
#[derive(Debug, Clone, Copy, Default)]
struct LeafDates {
    /// How many seconds its validity may begin in the future.
    tolerance: i64,
    /// Public keys of anchors, as SHA-256 of their bits, below which its dates do not count.
    dateless_below: &'static [[u8; 32]],
}

impl LeafDates {
    fn require(self, leaf: &Certificate<'_>, at: UnixSeconds) -> Result<(), TrustError> {
        match require_validity(leaf, 0, at) {
            Err(TrustError::NotYetValid { .. })
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
/// known intermediates may.
fn lead_to_anchor(
    path: &[Link<'_>],
    anchors: &[Vec<u8>],
    intermediates: &[Vec<u8>],
    at: UnixSeconds,
    leaf_dates: LeafDates,
    budget: &mut Budget,
    passed: Passed<'_>,
) -> Result<(), TrustError> {
    // An anchor that cannot be read is none. The list still counts as one with anchors, so a chain needs another of them.
    let anchors: Vec<_> = anchors.iter().filter_map(|bytes| parse(bytes)).collect();
    let known: Vec<_> = intermediates
        .iter()
        .filter_map(|bytes| parse(bytes))
        .collect();

    let signed = |index: usize, issuer: &Certificate<'_>| {
        passed(SECTION, "certificate is signed by its issuer", &|| {
            format!("certificate {index} by {}", issuer.common_name())
        });
    };
    let [leaf, above @ ..] = path else {
        return Err(TrustError::Untrusted("the chain is empty"));
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
                return Err(TrustError::CertificateSignature { index });
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

#[cfg(test)]
mod tests {
    use super::*;
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

    fn judged(chain: &[Vec<u8>], roots: &[&[u8]], dates: LeafDates) -> Result<(), TrustError> {
        let path = parse_all(chain.iter().map(|bytes| &bytes[..])).unwrap();
        let roots: Vec<_> = roots.iter().map(|root| root.to_vec()).collect();
        let mut budget = Budget(MAX_SIGNATURE_CHECKS);
        lead_to_anchor(&path, &roots, &[], NOW, dates, &mut budget, &|_, _, _| {})
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
        let by_date = Err(TrustError::Expired { index: 0 });
        assert_eq!(judged(&expired, &[&root], LeafDates::default()), by_date);
        assert_eq!(judged(&expired, &[&root], below(&other)), by_date);
        // One of the named keys is an anchor too, but the chain leads to another.
        assert_eq!(judged(&expired, &[&root, &other], below(&other)), by_date);
        assert_eq!(judged(&expired, &[&other, &root], below(&root)), Ok(()));
        assert_eq!(
            judged(&expired, &[&other], below(&other)),
            Err(TrustError::NoAnchor)
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
            Err(TrustError::Expired { index: 0 })
        );
    }

    #[test]
    fn moments_are_written_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (45_296, "1970-01-01T12:34:56Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(UnixSeconds(seconds).to_string(), text);
        }
    }
}
