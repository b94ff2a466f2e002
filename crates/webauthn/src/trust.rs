//! Trust in attestation certificates (WebAuthn 7.1 steps 23-24, RFC 5280 section 6).

use crate::Reason;
use crate::attestation::{
    AttestationPolicy, AttestationType, Attested, CompoundPolicy, Format, StaleMetadata,
    StatementPolicy, UnknownModels,
};
use crate::cose::CoseAlgorithm;
use crate::credential::Aaguid;
use crate::metadata::{AuthenticatorModel, Entry, Metadata, ModelError};
use crate::signal::Signal;
use crate::time::UnixSeconds;
use crate::trace::Passed;
use crate::x509::{Budget, ChainError, LeafDates, Link, lead_to_anchor, parse_all};
use serde::{Deserialize, Serialize};

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
    #[error("the policy does not accept attestation of the kind `{0}`")]
    PolicyRefused(&'static str),
    /// The policy does not accept the authenticator model.
    #[error("the policy does not accept the authenticator model {0}")]
    ModelRefused(Aaguid),
    /// The chain does not lead to a trust anchor.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The metadata of the model refuses the authenticator.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Conformance mode: the chain brings its root along.
    #[error("the attestation certificate is not trusted: the chain contains a root certificate")]
    RootInPath,
    /// The policy cannot be applied without metadata, and there are none.
    #[error("the policy demands known authenticator models, and no metadata is loaded")]
    MetadataUnavailable,
    /// The metadata is stale, and the policy demands fresh metadata.
    #[error("the metadata is stale, and the policy demands fresh metadata")]
    MetadataStale,
    /// The metadata does not know the model, and the policy demands that it does.
    #[error("the metadata does not know the authenticator model")]
    AuthenticatorUnknown,
    /// Conformance mode: the model does not sign with this algorithm.
    #[error("the metadata does not list the algorithm {0} for the authenticator model")]
    AlgorithmNotListed(CoseAlgorithm),
}

impl TrustError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::PolicyRefused(_) => Reason::AttestationPolicyRefused,
            Self::ModelRefused(_) => Reason::AuthenticatorModelRefused,
            Self::Chain(error) => error.reason(),
            Self::Model(error) => error.reason(),
            Self::RootInPath => Reason::AttestationUntrusted,
            Self::MetadataUnavailable => Reason::MetadataUnavailable,
            Self::MetadataStale => Reason::MetadataStale,
            Self::AuthenticatorUnknown => Reason::AuthenticatorUnknown,
            Self::AlgorithmNotListed(_) => Reason::AttestationAlgorithmMismatch,
        }
    }
}

/// How many seconds a leaf's validity may begin in the future. Some are issued at the moment of the registration, and clocks
/// differ.
pub(crate) const LEAF_TOLERANCE: i64 = 5 * 60;

/// What is known about authenticators at the moment of a judgement. It is no part of the policy that a ceremony freezes: what
/// becomes known between the beginning of a ceremony and its end counts.
#[derive(Debug, Clone, Copy)]
pub struct TrustFacts<'a> {
    /// The metadata in use; `None` when there is none.
    pub metadata: Option<&'a Metadata>,
}

impl TrustFacts<'_> {
    /// No metadata: authenticators are judged by the anchors of the policy alone.
    pub const NO_METADATA: Self = Self { metadata: None };
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

/// How far an attestation is trusted, and what the metadata says of the model.
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
/// A statement that was not asked for, and that cannot be judged without metadata, counts as absent.
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
    let mut budget = Budget::default();
    let judged = statements
        .iter()
        .map(|statement| question.judge_one(statement, &mut budget, signals, passed));
    let judgement =
        if question.format == Format::Compound && policy.compound == CompoundPolicy::OneTrusted {
            one_trusted(judged)?
        } else {
            let judgements: Result<Vec<_>, _> = judged.collect();
            let most_trusted = judgements?.into_iter().max_by_key(|one| one.trust);
            most_trusted.ok_or(ChainError::NoAnchor)?
        };
    // A level is the model's, and an authenticator proves only by its chain that it is of that model.
    let proven = judgement.trust == Trust::Trusted && judgement.model.is_some();
    if !policy.metadata.required_levels.is_empty() && !proven {
        let unproven = "the attestation does not prove the model";
        return Err(ModelError::CertificationLevel(unproven).into());
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

/// One of the statements must lead to an anchor, whatever the outcome of the others. Some may have failed before.
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
    Err(first_error.unwrap_or(ChainError::NoAnchor.into()))
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
            AttestationType::None => return Err(TrustError::PolicyRefused("none")),
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
            .map(|entry| entry.anchors())
            .filter(|anchors| !anchors.is_empty())
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
        let path = parse_all(chain.into_iter()).ok_or(ChainError::Untrusted(
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
        // An entry without roots cannot prove that this chain is the model's.
        if anchors.is_empty() && !entries.is_empty() && !path.is_empty() {
            return Err(ChainError::Untrusted(
                "the metadata of the authenticator model holds no root certificate",
            )
            .into());
        }
        let trust = if !anchors.is_empty() {
            for anchors in &anchors {
                lead_to_anchor(
                    &path,
                    anchors.readable(),
                    policy.intermediates.readable(),
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

    /// What the metadata says of the model. Absent attestation need not be of a known one.
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
