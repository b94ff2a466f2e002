//! Entries of a BLOB: one model of authenticators each (FIDO Metadata Service 3.1.1, Metadata Statements 3.1).

use super::dropped::{Notes, Part};
use super::members::{Member, Members, text_of};
use crate::Reason;
use crate::attestation::{AttestationType, MetadataPolicy};
use crate::cose::CoseAlgorithm;
use crate::credential::Aaguid;
use crate::limits::MAX_CERTIFICATE;
use crate::time::UnixSeconds;
use crate::x509::{Certificate, CertificateList};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt::Write as _;

/// Certificates in metadata is in standard base64, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What stands for a status that cannot be read: it may be any.
pub const UNREADABLE_STATUS: &str = "unreadable";

/// The status that may be limited to certificates.
const KEY_COMPROMISE: &str = "ATTESTATION_KEY_COMPROMISE";

/// Most certificates that one model's reports of compromised keys may name together before it is refused without comparing.
const MAX_COMPROMISED: usize = 64;

/// What the metadata says of one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    aaguid: Option<Aaguid>,
    aaguid_unreadable: bool,
    key_identifiers: Vec<[u8; 20]>,
    statuses: Vec<StatusReport>,
    rogue_list_url: Option<String>,
    rogue_list_hash: Option<String>,
    description: Option<String>,
    attestation_types: List<String>,
    algorithms: List<String>,
    roots: CertificateList,
    /// How many elements could not be read; a list that cannot be read counts as one.
    unreadable_roots: usize,
    key_protection: Vec<String>,
    key_restricted: Option<bool>,
    multi_device_credential_support: Option<String>,
}

/// One report of a model's history (`StatusReport`, 3.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusReport {
    /// `status`, in the words of the metadata; it may be a status that is not in the standard. [`UNREADABLE_STATUS`] when
    /// it cannot be read.
    pub status: String,
    /// The first moment of `effectiveDate`; `None` when there is no such date: in effect all the time.
    pub effective_from: Option<UnixSeconds>,
    /// The first moment of `sunsetDate`, from which on the report is over; `None`: it never is.
    pub over_from: Option<UnixSeconds>,
    /// A date is there and cannot be read. The report then counts against the model, as if that date were absent, and not for it.
    pub dates_unreadable: bool,
    /// Of a compromised attestation key: the DER certificates that the report is limited to. Empty: the whole model.
    #[serde(with = "crate::base64url::list")]
    pub certificates: Vec<Vec<u8>>,
}

impl StatusReport {
    /// One that may say anything, at any time.
    fn unreadable() -> Self {
        Self {
            status: UNREADABLE_STATUS.to_owned(),
            effective_from: None,
            over_from: None,
            dates_unreadable: false,
            certificates: Vec::new(),
        }
    }

    /// Whether its status cannot be read. Then it may be any status.
    pub fn is_unreadable(&self) -> bool {
        self.status == UNREADABLE_STATUS
    }

    /// Whether it is in effect at this moment. A report with an unreadable date is, unless its other date rules that out.
    pub fn is_in_effect(&self, at: UnixSeconds) -> bool {
        self.effective_from.is_none_or(|from| from <= at)
            && self.over_from.is_none_or(|end| at < end)
    }

    /// Whether the report is about an authenticator with this chain. A report that is limited to certificates is about chains that
    /// contain one of them or were issued by one.
    fn concerns(&self, chain: &[Certificate<'_>], bytes: &[&[u8]]) -> bool {
        if self.status != KEY_COMPROMISE || self.certificates.is_empty() {
            return true;
        }
        if self.certificates.len() > MAX_COMPROMISED {
            return true;
        }
        self.certificates.iter().any(|named| {
            if bytes.contains(&&named[..]) {
                return true;
            }
            // No certificate is kept that cannot be parsed.
            Certificate::parse(named).is_some_and(|issuer| {
                chain.iter().any(|certificate| {
                    certificate.issuer == issuer.subject && certificate.is_signed_by(&issuer)
                })
            })
        })
    }
}

/// Why the metadata of a model refuses an authenticator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The metadata reports something that the policy refuses.
    #[error("the metadata reports {status} of the authenticator model")]
    AuthenticatorStatus {
        /// The status in the words of the metadata, cut to 64 characters.
        status: String,
    },
    /// A demanded certification level is not there or not proven.
    #[error("a certification level is demanded: {0}")]
    CertificationLevel(&'static str),
    /// The metadata lists certificates for the model, of which none can be read.
    #[error(
        "the metadata lists {count} attestation root certificates for the authenticator model {model}, and none of them can be read"
    )]
    MetadataRootsUnreadable {
        /// What the metadata call the model: its AAGUID, or else its description.
        model: String,
        /// How many there are.
        count: usize,
    },
    /// The metadata lists types of attestation for the model, of which none can be read.
    #[error(
        "the metadata lists attestation types for the authenticator model {model}, and none of them can be read"
    )]
    AttestationTypesUnreadable {
        /// What the metadata call the model: its AAGUID, or else its description.
        model: String,
    },
    /// The model makes no attestations of this type.
    #[error("the metadata does not list {0} attestation for the authenticator model")]
    AttestationTypeNotListed(&'static str),
}

impl ModelError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::AuthenticatorStatus { .. } | Self::CertificationLevel(_) => {
                Reason::AuthenticatorStatusRefused
            }
            Self::MetadataRootsUnreadable { .. } => Reason::MetadataRootsUnreadable,
            Self::AttestationTypesUnreadable { .. } | Self::AttestationTypeNotListed(_) => {
                Reason::AttestationUntrusted
            }
        }
    }
}

/// What the metadata said of an authenticator when it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorModel {
    /// What the model is called.
    pub description: Option<String>,
    /// Its current status, in the words of the metadata.
    pub status: Option<String>,
    /// Its maker has better software for it.
    pub update_available: bool,
}

impl Entry {
    /// The AAGUID of a FIDO2 model, never zeros.
    pub fn aaguid(&self) -> Option<Aaguid> {
        self.aaguid
    }

    /// Identifiers of a U2F model's attestation keys: SHA-1 of the bits of `subjectPublicKey`.
    pub fn key_identifiers(&self) -> &[[u8; 20]] {
        &self.key_identifiers
    }

    /// `statusReports`, the newest last.
    pub fn statuses(&self) -> &[StatusReport] {
        &self.statuses
    }

    /// `rogueListURL` and `rogueListHash`, as they stand there; nothing follows from them.
    pub fn rogue_list(&self) -> (Option<&str>, Option<&str>) {
        (
            self.rogue_list_url.as_deref(),
            self.rogue_list_hash.as_deref(),
        )
    }

    /// `description` of the metadata statement.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// `attestationTypes` of the metadata statement.
    pub fn attestation_types(&self) -> &[String] {
        &self.attestation_types.readable
    }

    /// `authenticationAlgorithms` of the metadata statement, in the words of the FIDO registry: `secp256r1_ecdsa_sha256_raw` ...
    pub fn algorithms(&self) -> &[String] {
        &self.algorithms.readable
    }

    /// Whether this is one of the model's algorithms. An entry without algorithms allows all.
    pub(crate) fn lists_algorithm(&self, algorithm: CoseAlgorithm) -> bool {
        self.algorithms.is_empty()
            || self
                .algorithms
                .readable
                .iter()
                .any(|listed| registered(listed).contains(&algorithm))
    }

    /// `attestationRootCertificates` of the metadata statement, DER: roots, intermediates or attestation certificates.
    pub fn roots(&self) -> &[Vec<u8>] {
        &self.roots
    }

    /// The entry with those of its roots that a judgement of these chains may come to.
    pub(crate) fn within_reach(&self, chains: &[&[u8]], known: &CertificateList) -> Self {
        Self {
            roots: self.roots.within_reach(chains, known),
            ..self.clone()
        }
    }

    /// The same as trust anchors of the model.
    pub(crate) fn anchors(&self) -> &CertificateList {
        &self.roots
    }

    /// How many elements of `attestationRootCertificates` could not be read and are left out. A list or a statement that cannot
    /// be read counts as one.
    pub fn unreadable_roots(&self) -> usize {
        self.unreadable_roots
    }

    /// There is an `aaguid`, and neither it nor the one of the statement can be read.
    pub(super) fn hides_its_aaguid(&self) -> bool {
        self.aaguid_unreadable
    }

    /// `keyProtection` of the metadata statement: `hardware`, `secure_element` ...
    pub fn key_protection(&self) -> &[String] {
        &self.key_protection
    }

    /// `isKeyRestricted` of the metadata statement.
    pub fn is_key_restricted(&self) -> Option<bool> {
        self.key_restricted
    }

    /// `multiDeviceCredentialSupport` of the metadata statement: `unsupported`, `explicit`, `implicit`.
    pub fn multi_device_credential_support(&self) -> Option<&str> {
        self.multi_device_credential_support.as_deref()
    }

    /// What to call the model in a message.
    pub(super) fn name(&self) -> String {
        if let Some(aaguid) = self.aaguid {
            return aaguid.to_string();
        }
        let described = self.description.as_deref().map(shortened);
        described.unwrap_or_else(|| {
            let bytes = self.key_identifiers.first().into_iter().flatten();
            bytes.fold(String::new(), |mut digits, byte| {
                // Writing to a string cannot fail.
                let _ = write!(digits, "{byte:02x}");
                digits
            })
        })
    }

    /// The reports that are in effect at this moment, the newest last.
    pub fn in_effect(&self, at: UnixSeconds) -> impl DoubleEndedIterator<Item = &StatusReport> {
        self.statuses
            .iter()
            .filter(move |report| report.is_in_effect(at))
    }

    /// The current status: the newest report that is in effect at this moment.
    pub fn current_status(&self, at: UnixSeconds) -> Option<&StatusReport> {
        self.in_effect(at).next_back()
    }

    /// The report that refuses an authenticator of this model at this moment: any one in effect, however old.
    ///
    /// `chain` holds DER certificates, the leaf first. Without it, as for a stored credential that is judged again, reports
    /// that are limited to certificates refuse nothing. A report whose status cannot be read refuses as soon as the policy
    /// refuses any status, since it may be that one.
    pub fn refused_status(
        &self,
        chain: &[&[u8]],
        policy: &MetadataPolicy,
        at: UnixSeconds,
    ) -> Option<&StatusReport> {
        let parsed: Vec<_> = chain
            .iter()
            .filter_map(|bytes| Certificate::parse(bytes))
            .collect();
        self.in_effect(at).find(|report| {
            let refused = if report.is_unreadable() {
                !policy.refused_statuses.is_empty()
            } else {
                policy.refused_statuses.contains(&report.status)
            };
            refused && report.concerns(&parsed, chain)
        })
    }

    /// Whether the model has one of the demanded certification levels at this moment.
    ///
    /// Certifications by FIDO and after FIPS 140 are two scales, and the current level of each counts. Reports of another
    /// kind, an available update for example, change no level.
    fn has_required_level(&self, policy: &MetadataPolicy, at: UnixSeconds) -> bool {
        let required = |status: &str| policy.required_levels.iter().any(|level| level == status);
        [Scale::Fido, Scale::Fips].into_iter().any(|scale| {
            let mut current = self.may_be_current_on(scale, at).peekable();
            current.peek().is_some() && current.all(|status| status.is_some_and(required))
        })
    }

    /// The certification levels that the model has for certain at this moment: the current one by FIDO and the current one
    /// after FIPS 140.
    pub fn certification_levels(&self, at: UnixSeconds) -> impl Iterator<Item = &str> {
        [Scale::Fido, Scale::Fips]
            .into_iter()
            .filter_map(move |scale| {
                let mut current = self.may_be_current_on(scale, at);
                let one = current.next()??;
                current.next().is_none().then_some(one)
            })
            .filter(|status| status.contains("_CERTIFIED_L") || *status == "FIDO_CERTIFIED")
    }

    /// What may be the current status on this scale, the newest first: one, unless something cannot be read. A report with an
    /// unreadable date may be in effect, so what it follows may be current still. `None` stands for what is unknown: a
    /// status that cannot be read, or the absence of one.
    fn may_be_current_on(
        &self,
        scale: Scale,
        at: UnixSeconds,
    ) -> impl Iterator<Item = Option<&str>> {
        let mut newest_first = self
            .in_effect(at)
            .rev()
            .filter(move |report| {
                report.is_unreadable() || Scale::of(&report.status) == Some(scale)
            })
            .peekable();
        let mut settled = newest_first.peek().is_none();
        std::iter::from_fn(move || {
            if settled {
                return None;
            }
            let Some(report) = newest_first.next() else {
                settled = true;
                return Some(None);
            };
            settled = !report.dates_unreadable;
            Some((!report.is_unreadable()).then_some(report.status.as_str()))
        })
    }

    /// Checks that an attestation of this type and with this chain (DER certificates, the leaf first) is one that the metadata
    /// lists, and that the model is acceptable at this moment.
    ///
    /// # Errors
    /// [`ModelError::AuthenticatorStatus`], [`ModelError::CertificationLevel`], [`ModelError::MetadataRootsUnreadable`],
    /// [`ModelError::AttestationTypesUnreadable`] or [`ModelError::AttestationTypeNotListed`].
    pub fn judge(
        &self,
        attestation_type: AttestationType,
        chain: &[&[u8]],
        policy: &MetadataPolicy,
        at: UnixSeconds,
    ) -> Result<AuthenticatorModel, ModelError> {
        if let Some(report) = self.refused_status(chain, policy, at) {
            return Err(ModelError::AuthenticatorStatus {
                status: shortened(&report.status),
            });
        }
        if !policy.required_levels.is_empty() && !self.has_required_level(policy, at) {
            return Err(ModelError::CertificationLevel(
                "the model does not have a demanded one",
            ));
        }
        let leads_to_roots = !matches!(
            attestation_type,
            AttestationType::None | AttestationType::SelfAttestation
        );
        if leads_to_roots && self.roots.is_empty() && self.unreadable_roots > 0 {
            return Err(ModelError::MetadataRootsUnreadable {
                model: self.name(),
                count: self.unreadable_roots,
            });
        }
        if !self.lists(attestation_type) {
            let types = &self.attestation_types;
            if types.readable.is_empty() {
                return Err(ModelError::AttestationTypesUnreadable { model: self.name() });
            }
            return Err(ModelError::AttestationTypeNotListed(
                attestation_type.as_str(),
            ));
        }
        Ok(AuthenticatorModel {
            description: self.description.clone(),
            status: self
                .current_status(at)
                .map(|report| shortened(&report.status)),
            update_available: self
                .in_effect(at)
                .any(|report| report.status == "UPDATE_AVAILABLE"),
        })
    }

    /// Whether the model makes attestations of this type. Absent attestation always passes, and so does an entry without types.
    fn lists(&self, attestation_type: AttestationType) -> bool {
        let fitting: &[&str] = match attestation_type {
            AttestationType::None | AttestationType::Compound => return true,
            AttestationType::SelfAttestation => &["basic_surrogate"],
            // Formats with a certificate of the model do not show who issued it.
            AttestationType::Basic => &["basic_full", "attca", "anonca"],
            AttestationType::AttCa => &["attca"],
            AttestationType::AnonCa => &["anonca"],
        };
        self.attestation_types.is_empty()
            || self
                .attestation_types
                .readable
                .iter()
                .any(|listed| fitting.contains(&listed.as_str()))
    }
}

/// The COSE identifiers of an algorithm of the FIDO registry (FIDO Registry of Predefined Values 2.2, 3.6.1).
fn registered(name: &str) -> &'static [CoseAlgorithm] {
    use CoseAlgorithm as A;
    match name {
        "secp256r1_ecdsa_sha256_raw" | "secp256r1_ecdsa_sha256_der" => &[A::ES256, A::ESP256],
        "secp256k1_ecdsa_sha256_raw" | "secp256k1_ecdsa_sha256_der" => &[A::ES256K],
        "secp384r1_ecdsa_sha384_raw" => &[A::ES384, A::ESP384],
        "secp521r1_ecdsa_sha512_raw" => &[A::ES512, A::ESP512],
        "ed25519_eddsa_sha512_raw" => &[A::EDDSA, A::ED25519],
        "ed448_eddsa_sha512_raw" => &[A::ED448],
        "rsassa_pss_sha256_raw" | "rsassa_pss_sha256_der" => &[A::PS256],
        "rsassa_pss_sha384_raw" => &[A::PS384],
        "rsassa_pss_sha512_raw" => &[A::PS512],
        "rsa_emsa_pkcs1_sha256_raw" | "rsa_emsa_pkcs1_sha256_der" | "rsassa_pkcsv15_sha256_raw" => {
            &[A::RS256]
        }
        "rsassa_pkcsv15_sha384_raw" => &[A::RS384],
        "rsassa_pkcsv15_sha512_raw" => &[A::RS512],
        "rsassa_pkcsv15_sha1_raw" => &[A::RS1],
        _ => &[],
    }
}

/// What a certification status measures.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    Fido,
    Fips,
}

impl Scale {
    fn of(status: &str) -> Option<Self> {
        match status {
            "NOT_FIDO_CERTIFIED" | "SELF_ASSERTION_SUBMITTED" | "RETIRED" | "REVOKED" => {
                Some(Self::Fido)
            }
            _ if status.starts_with("FIDO_CERTIFIED") => Some(Self::Fido),
            _ if status.starts_with("FIPS140_CERTIFIED") => Some(Self::Fips),
            _ => None,
        }
    }
}

/// Enough of a status for messages.
fn shortened(status: &str) -> String {
    status.chars().take(64).collect()
}

/// What an element of `entries` is.
pub(super) enum Read {
    /// An entry about a FIDO2 or U2F model.
    Model(Box<Entry>),
    /// One about a UAF model.
    Uaf,
    /// Nothing in it says which model it is about.
    Lost {
        /// What it calls itself.
        name: Option<String>,
        /// What is wrong.
        why: &'static str,
    },
}

const AAGUID: &str = "aaguid";
const KEY_IDENTIFIERS: &str = "attestationCertificateKeyIdentifiers";
const STATEMENT: &str = "metadataStatement";
const REPORTS: &str = "statusReports";

/// The place of a member of the statement.
fn in_statement(name: &str) -> String {
    format!("{STATEMENT}.{name}")
}

/// Reads an entry (`MetadataBLOBPayloadEntry`, 3.1.1). Unknown members and values are no fault. What cannot be read
/// is noted, and the rest of the entry is kept: a lost entry is also a lost warning.
pub(super) fn read(text: &str, notes: &mut Notes) -> Read {
    let Some(members) = Members::read(text) else {
        let why = "it is not an object";
        return Read::Lost { name: None, why };
    };
    let statement = Statement::read(&members, notes);
    let description = statement.text("description", notes);
    let identity = Identity::read(&members, statement.members(), notes);
    if identity.aaguid.is_none() && identity.key_identifiers.is_empty() {
        let unread = notes
            .why(Part::Aaguid)
            .or_else(|| notes.why(Part::KeyIdentifier));
        if unread.is_none() && matches!(members.text("aaid"), Member::Read(_)) {
            return Read::Uaf;
        }
        let aaguid = match members.text(AAGUID) {
            Member::Read(text) => Some(shortened(&text)),
            Member::Absent | Member::Unreadable(_) => None,
        };
        return Read::Lost {
            name: aaguid.or(description.as_deref().map(shortened)),
            why: unread.unwrap_or("it names no model"),
        };
    }

    let statuses = match members.list(REPORTS) {
        Member::Read(reports) => reports
            .into_iter()
            .enumerate()
            .map(|(index, report)| status_report(report, index, notes))
            .collect(),
        Member::Absent => lost_history("it is missing", notes),
        Member::Unreadable(why) => lost_history(why, notes),
    };
    let mut rogue_list = |name: &str| {
        let place = || name.to_owned();
        read_or_note(members.text(name), Part::Member, place, notes)
    };
    let rogue_list_url = rogue_list("rogueListURL");
    let rogue_list_hash = rogue_list("rogueListHash");
    let roots = statement.list(
        "attestationRootCertificates",
        Part::RootCertificate,
        certificate,
        notes,
    );
    Read::Model(Box::new(Entry {
        aaguid: identity.aaguid,
        aaguid_unreadable: identity.aaguid_unreadable,
        key_identifiers: identity.key_identifiers,
        statuses,
        rogue_list_url,
        rogue_list_hash,
        description,
        attestation_types: statement.list("attestationTypes", Part::AttestationType, string, notes),
        algorithms: statement.list("authenticationAlgorithms", Part::Algorithm, string, notes),
        roots: roots.readable.into(),
        unreadable_roots: roots.unreadable,
        key_protection: statement
            .list("keyProtection", Part::Member, string, notes)
            .readable,
        key_restricted: statement.boolean("isKeyRestricted", notes),
        multi_device_credential_support: statement.text("multiDeviceCredentialSupport", notes),
    }))
}

/// The metadata statement of an entry. Section 3.1.1 allows an entry without one; every published entry has it.
/// Without it the attestations of the model are unknown, so it counts as unreadable.
enum Statement<'a> {
    Unreadable,
    Read(Members<'a>),
}

impl<'a> Statement<'a> {
    fn read(members: &Members<'a>, notes: &mut Notes) -> Self {
        let read = match members.get(STATEMENT) {
            Member::Absent => Err("it is missing"),
            Member::Unreadable(why) => Err(why),
            Member::Read(raw) => Members::read(raw.get()).ok_or("it is not an object"),
        };
        read.map_or_else(
            |why| {
                notes.add(Part::Statement, || STATEMENT.to_owned(), why);
                Self::Unreadable
            },
            Self::Read,
        )
    }

    fn members(&self) -> Option<&Members<'a>> {
        match self {
            Self::Read(members) => Some(members),
            Self::Unreadable => None,
        }
    }

    fn text(&self, name: &str, notes: &mut Notes) -> Option<String> {
        let member = self.members()?.text(name);
        read_or_note(member, Part::Member, || in_statement(name), notes)
    }

    fn boolean(&self, name: &str, notes: &mut Notes) -> Option<bool> {
        let member = self.members()?.boolean(name);
        read_or_note(member, Part::Member, || in_statement(name), notes)
    }

    /// Every statement has these lists, so one without lacks something.
    fn list<T>(
        &self,
        name: &str,
        part: Part,
        element: impl Fn(&RawValue) -> Result<T, &'static str>,
        notes: &mut Notes,
    ) -> List<T> {
        let elements = match self {
            Self::Unreadable => return List::of(1),
            Self::Read(members) => match members.list(name) {
                Member::Read(elements) => Ok(elements),
                Member::Absent => Err("it is missing"),
                Member::Unreadable(why) => Err(why),
            },
        };
        let elements = match elements {
            Ok(elements) => elements,
            Err(why) => {
                notes.add(part, || in_statement(name), why);
                return List::of(1);
            }
        };
        let mut list = List::of(0);
        for (index, raw) in elements.into_iter().enumerate() {
            match element(raw) {
                Ok(read) => list.readable.push(read),
                Err(why) => {
                    list.unreadable += 1;
                    notes.add(part, || format!("{}[{index}]", in_statement(name)), why);
                }
            }
        }
        list
    }
}

/// What the member says, if it can be read.
fn read_or_note<T>(
    member: Member<T>,
    part: Part,
    place: impl FnOnce() -> String,
    notes: &mut Notes,
) -> Option<T> {
    match member {
        Member::Read(value) => Some(value),
        Member::Absent => None,
        Member::Unreadable(why) => {
            notes.add(part, place, why);
            None
        }
    }
}

/// Which model an entry is about.
struct Identity {
    aaguid: Option<Aaguid>,
    aaguid_unreadable: bool,
    key_identifiers: Vec<[u8; 20]>,
}

impl Identity {
    /// The statement repeats what identifies the entry (Metadata Statements 3.1, section 3), and speaks where the entry cannot
    /// be read.
    fn read(members: &Members<'_>, statement: Option<&Members<'_>>, notes: &mut Notes) -> Self {
        let parsed = |member: Member<String>| match member {
            Member::Read(text) => match text.parse::<Aaguid>() {
                Ok(aaguid) => Member::Read(aaguid),
                Err(_) => Member::Unreadable("it is no AAGUID"),
            },
            Member::Absent => Member::Absent,
            Member::Unreadable(why) => Member::Unreadable(why),
        };
        let repeated = || match statement.map(|statement| parsed(statement.text(AAGUID))) {
            Some(Member::Read(aaguid)) => Some(aaguid),
            _ => None,
        };
        let mut aaguid_unreadable = false;
        let aaguid = match parsed(members.text(AAGUID)) {
            Member::Read(aaguid) => {
                if repeated().is_some_and(|repeated| repeated != aaguid) {
                    let why = "it is not the entry's, which counts";
                    notes.add(Part::Aaguid, || in_statement(AAGUID), why);
                }
                Some(aaguid)
            }
            Member::Absent => repeated(),
            Member::Unreadable(why) => {
                notes.add(Part::Aaguid, || AAGUID.to_owned(), why);
                let repeated = repeated();
                aaguid_unreadable = repeated.is_none();
                repeated
            }
        };
        let aaguid = aaguid.filter(|aaguid| !aaguid.is_zero());

        let (mut key_identifiers, whole) = key_identifiers(members, Some(notes));
        if (!whole || (aaguid.is_none() && key_identifiers.is_empty()))
            && let Some(statement) = statement
        {
            for repeated in self::key_identifiers(statement, None).0 {
                if !key_identifiers.contains(&repeated) {
                    key_identifiers.push(repeated);
                }
            }
        }
        Self {
            aaguid,
            aaguid_unreadable,
            key_identifiers,
        }
    }
}

/// The key identifiers of an object, and whether all of them can be read.
fn key_identifiers(of: &Members<'_>, mut notes: Option<&mut Notes>) -> (Vec<[u8; 20]>, bool) {
    let mut whole = true;
    let mut unreadable = |place: &dyn Fn() -> String, why| {
        whole = false;
        if let Some(notes) = &mut notes {
            notes.add(Part::KeyIdentifier, place, why);
        }
    };
    let mut identifiers = Vec::new();
    match of.list(KEY_IDENTIFIERS) {
        Member::Absent => {}
        Member::Unreadable(why) => unreadable(&|| KEY_IDENTIFIERS.to_owned(), why),
        Member::Read(elements) => {
            for (index, raw) in elements.into_iter().enumerate() {
                match text_of(raw).and_then(|text| key_identifier(&text)) {
                    Some(identifier) => identifiers.push(identifier),
                    None => unreadable(
                        &|| format!("{KEY_IDENTIFIERS}[{index}]"),
                        "it is not 40 hexadecimal digits",
                    ),
                }
            }
        }
    }
    (identifiers, whole)
}

/// A list in the statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List<T> {
    readable: Vec<T>,
    /// How many elements cannot be read; a list that cannot be read counts as one.
    unreadable: usize,
}

impl<T> List<T> {
    /// One of which this much is known to be unreadable, and nothing else is known.
    fn of(unreadable: usize) -> Self {
        Self {
            readable: Vec::new(),
            unreadable,
        }
    }

    /// Whether the list has no element, readable or not.
    fn is_empty(&self) -> bool {
        self.readable.is_empty() && self.unreadable == 0
    }
}

/// The reports of a model whose history cannot be read: one report that may say anything.
fn lost_history(why: &'static str, notes: &mut Notes) -> Vec<StatusReport> {
    notes.add(Part::StatusReport, || REPORTS.to_owned(), why);
    vec![StatusReport::unreadable()]
}

fn status_report(raw: &RawValue, index: usize, notes: &mut Notes) -> StatusReport {
    let place = |name: &str| format!("{REPORTS}[{index}]{name}");
    let Some(report) = Members::read(raw.get()) else {
        notes.add(Part::StatusReport, || place(""), "it is not an object");
        return StatusReport::unreadable();
    };
    let status = match report.text("status") {
        Member::Read(text) if !text.is_empty() => Ok(text),
        Member::Read(_) => Err("it is empty"),
        Member::Absent => Err("it is missing"),
        Member::Unreadable(why) => Err(why),
    };
    let status = status.unwrap_or_else(|why| {
        notes.add(Part::StatusReport, || place(".status"), why);
        UNREADABLE_STATUS.to_owned()
    });
    let mut dates_unreadable = false;
    let mut day = |name: &str| {
        let why = match report.text(name) {
            Member::Absent => return None,
            Member::Unreadable(why) => why,
            Member::Read(text) => match UnixSeconds::of_date(&text) {
                Some(day) => return Some(day),
                None => "it is no date of the form 2026-12-31",
            },
        };
        dates_unreadable = true;
        notes.add(Part::StatusDate, || place(&format!(".{name}")), why);
        None
    };
    let (effective_from, over_from) = (day("effectiveDate"), day("sunsetDate"));
    StatusReport {
        status,
        effective_from,
        over_from,
        dates_unreadable,
        certificates: named_certificates(&report, &place, notes),
    }
}

/// The certificates that a report is limited to. When it is unknown which keys are compromised, all of them may be, and the
/// report is limited to none.
fn named_certificates(
    report: &Members<'_>,
    place: &dyn Fn(&str) -> String,
    notes: &mut Notes,
) -> Vec<Vec<u8>> {
    let mut certificates = Vec::new();
    let mut whole = true;
    for name in ["certificate", "batchCertificate"] {
        let read = match report.get(name) {
            Member::Absent => continue,
            Member::Unreadable(why) => Err(why),
            // 3.1.3 has one, and services are known that list several.
            Member::Read(raw) => match report.list(name) {
                Member::Read(elements) => elements.into_iter().map(certificate).collect(),
                _ => certificate(raw).map(|one| vec![one]),
            },
        };
        match read {
            Ok(read) => certificates.extend(read),
            Err(why) => {
                whole = false;
                notes.add(Part::StatusCertificate, || place(&format!(".{name}")), why);
            }
        }
    }
    if whole { certificates } else { Vec::new() }
}

fn string(raw: &RawValue) -> Result<String, &'static str> {
    text_of(raw).ok_or("it is not a string")
}

/// A certificate in standard base64, among which white space may stand.
fn certificate(raw: &RawValue) -> Result<Vec<u8>, &'static str> {
    let text: String = string(raw)?
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .collect();
    let bytes = BASE64.decode(text).map_err(|_| "it is not base64")?;
    if bytes.len() > MAX_CERTIFICATE {
        return Err("it is longer than a certificate may be");
    }
    match Certificate::parse(&bytes) {
        Some(_) => Ok(bytes),
        None => Err("it is no X.509 certificate that can be read"),
    }
}

/// 40 hexadecimal digits.
fn key_identifier(text: &str) -> Option<[u8; 20]> {
    if text.len() != 40 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut identifier = [0; 20];
    for (at, byte) in identifier.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(identifier)
}
