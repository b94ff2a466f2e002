//! Entries of a BLOB: one model of authenticators each (FIDO Metadata Service 3.1.1, Metadata Statements 3.1).

use super::{MetadataPolicy, date};
use crate::attestation::{AttestationType, MAX_CERTIFICATE};
use crate::certificate::Certificate;
use crate::cose::CoseAlgorithm;
use crate::credential::Aaguid;
use crate::trust::{TrustError, UnixSeconds};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

/// Certificates in metadata are in standard base64, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The status that may be limited to certificates.
const KEY_COMPROMISE: &str = "ATTESTATION_KEY_COMPROMISE";

/// Most certificates that one model's reports of compromised keys may name together before it is refused without comparing.
const MAX_COMPROMISED: usize = 64;

/// What the metadata say of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    aaguid: Option<Aaguid>,
    key_identifiers: Vec<[u8; 20]>,
    statuses: Vec<StatusReport>,
    rogue_list_url: Option<String>,
    rogue_list_hash: Option<String>,
    description: Option<String>,
    attestation_types: Vec<String>,
    algorithms: Vec<String>,
    roots: Vec<Vec<u8>>,
    unreadable_roots: usize,
    key_protection: Vec<String>,
    key_restricted: Option<bool>,
    multi_device_credential_support: Option<String>,
}

/// One report of a model's history (`StatusReport`, 3.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// `status`, in the words of the metadata; it may be one that nobody knew when this was written.
    pub status: String,
    /// The first moment of `effectiveDate`; `None` when there is no such date: in effect all the time.
    pub effective_from: Option<UnixSeconds>,
    /// The first moment of `sunsetDate`, from which on the report is over; `None`: it never is.
    pub over_from: Option<UnixSeconds>,
    /// Of a compromised attestation key: the DER certificates that the report is limited to. Empty: the whole model.
    pub certificates: Vec<Vec<u8>>,
}

impl StatusReport {
    /// Is it in effect at this moment?
    pub fn is_in_effect(&self, at: UnixSeconds) -> bool {
        self.effective_from.is_none_or(|from| from <= at)
            && self.over_from.is_none_or(|end| at < end)
    }

    /// Does the report speak of an authenticator with this chain? One that is limited to certificates speaks of chains that
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
            // `read` keeps no certificate that cannot be parsed.
            Certificate::parse(named).is_some_and(|issuer| {
                chain.iter().any(|certificate| {
                    certificate.issuer == issuer.subject && certificate.is_signed_by(&issuer)
                })
            })
        })
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
        &self.attestation_types
    }

    /// `authenticationAlgorithms` of the metadata statement, in the words of the FIDO registry: `secp256r1_ecdsa_sha256_raw` ...
    pub fn algorithms(&self) -> &[String] {
        &self.algorithms
    }

    /// Is this one of the model's algorithms? An entry that lists none rules none out.
    pub(crate) fn lists_algorithm(&self, algorithm: CoseAlgorithm) -> bool {
        self.algorithms.is_empty()
            || self
                .algorithms
                .iter()
                .any(|listed| registered(listed).contains(&algorithm))
    }

    /// `attestationRootCertificates` of the metadata statement, DER: roots, intermediates or attestation certificates.
    pub fn roots(&self) -> &[Vec<u8>] {
        &self.roots
    }

    /// How many elements of `attestationRootCertificates` could not be read and are left out.
    pub fn unreadable_roots(&self) -> usize {
        self.unreadable_roots
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

    /// What to call the entry in a message.
    pub(super) fn name(&self) -> Option<String> {
        let aaguid = self.aaguid.map(|aaguid| aaguid.to_string());
        aaguid.or_else(|| self.description.clone())
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
    /// that are limited to certificates refuse nothing.
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
            policy.refused_statuses.contains(&report.status) && report.concerns(&parsed, chain)
        })
    }

    /// Does the model have one of the demanded certification levels at this moment?
    ///
    /// Certifications by FIDO and after FIPS 140 are two scales, and the current level of each counts. Reports of another
    /// kind, an available update for example, change no level.
    fn has_required_level(&self, policy: &MetadataPolicy, at: UnixSeconds) -> bool {
        [Scale::Fido, Scale::Fips].into_iter().any(|scale| {
            let current = self.current_on(scale, at);
            current.is_some_and(|status| policy.required_levels.iter().any(|level| level == status))
        })
    }

    /// The certification levels that the model has at this moment: the current one by FIDO and the current one after FIPS 140.
    pub fn certification_levels(&self, at: UnixSeconds) -> impl Iterator<Item = &str> {
        [Scale::Fido, Scale::Fips]
            .into_iter()
            .filter_map(move |scale| self.current_on(scale, at))
            .filter(|status| status.contains("_CERTIFIED_L") || *status == "FIDO_CERTIFIED")
    }

    fn current_on(&self, scale: Scale, at: UnixSeconds) -> Option<&str> {
        self.in_effect(at)
            .rfind(|report| Scale::of(&report.status) == Some(scale))
            .map(|report| &*report.status)
    }

    /// Is an attestation of this type and with this chain (DER certificates, the leaf first) what the metadata lead to expect,
    /// and is the model acceptable at this moment?
    ///
    /// # Errors
    /// [`TrustError::AuthenticatorStatus`], [`TrustError::CertificationLevel`] or [`TrustError::AttestationTypeNotListed`].
    pub fn judge(
        &self,
        attestation_type: AttestationType,
        chain: &[&[u8]],
        policy: &MetadataPolicy,
        at: UnixSeconds,
    ) -> Result<AuthenticatorModel, TrustError> {
        if let Some(report) = self.refused_status(chain, policy, at) {
            return Err(TrustError::AuthenticatorStatus {
                status: shortened(&report.status),
            });
        }
        if !policy.required_levels.is_empty() && !self.has_required_level(policy, at) {
            return Err(TrustError::CertificationLevel(
                "the model does not have a demanded one",
            ));
        }
        if !self.lists(attestation_type) {
            return Err(TrustError::AttestationTypeNotListed(
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

    /// Does the model make attestations of this type? Absent attestation is no claim, and an entry without types makes none.
    fn lists(&self, attestation_type: AttestationType) -> bool {
        let fitting: &[&str] = match attestation_type {
            AttestationType::None | AttestationType::Compound => return true,
            AttestationType::SelfAttestation => &["basic_surrogate"],
            // Formats with a certificate of the model do not tell who issued it.
            AttestationType::Basic => &["basic_full", "attca", "anonca"],
            AttestationType::AttCa => &["attca"],
            AttestationType::AnonCa => &["anonca"],
        };
        self.attestation_types.is_empty()
            || self
                .attestation_types
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

/// An entry that tells nothing about a FIDO2 or U2F model.
pub(super) enum Unusable {
    /// It is about a UAF model.
    Uaf,
    /// It cannot be read.
    Malformed {
        /// What it calls itself.
        name: Option<String>,
        /// What is wrong.
        problem: &'static str,
    },
}

/// Reads an entry (`MetadataBLOBPayloadEntry`, 3.1.1). Members and values that nobody knows are no fault; where an entry can be
/// kept without a part, it is, since a lost entry is also a lost warning.
pub(super) fn read(text: &str) -> Result<Entry, Unusable> {
    let entry = serde_json::from_str::<Value>(text).map_err(|_| Unusable::Malformed {
        name: None,
        problem: "it is not JSON",
    })?;
    let name = || {
        let name = match text_of(&entry, "aaguid") {
            Some(aaguid) => Some(aaguid),
            None => text_of(entry.get("metadataStatement")?, "description"),
        };
        name.map(|name| shortened(&name))
    };
    let malformed = |problem| Unusable::Malformed {
        name: name(),
        problem,
    };
    if !entry.is_object() {
        return Err(malformed("it is not an object"));
    }

    let aaguid = match text_of(&entry, "aaguid") {
        Some(text) => Some(
            text.parse::<Aaguid>()
                .map_err(|_| malformed("`aaguid` is none"))?,
        ),
        None if entry.get("aaguid").is_some_and(|value| !value.is_null()) => {
            return Err(malformed("`aaguid` is not a string"));
        }
        None => None,
    };
    let aaguid = aaguid.filter(|aaguid| !aaguid.is_zero());
    let key_identifiers: Vec<_> = texts_of(&entry, "attestationCertificateKeyIdentifiers")
        .iter()
        .filter_map(|text| key_identifier(text))
        .collect();
    if aaguid.is_none() && key_identifiers.is_empty() {
        return Err(if text_of(&entry, "aaid").is_some() {
            Unusable::Uaf
        } else {
            malformed("it names no model")
        });
    }

    let reports = entry.get("statusReports").and_then(Value::as_array);
    let statuses = reports
        .ok_or_else(|| malformed("`statusReports` is not an array"))?
        .iter()
        .map(status_report)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| malformed("a status report has no status"))?;

    // An entry may come without a statement (3.1.1); a broken one says as little.
    let none = Value::Null;
    let statement = entry.get("metadataStatement").unwrap_or(&none);
    let roots: Vec<_> = list_of(statement, "attestationRootCertificates")
        .iter()
        .map(|root| root.as_str().and_then(certificate))
        .collect();
    let unreadable_roots = roots.iter().filter(|root| root.is_none()).count();
    Ok(Entry {
        aaguid,
        key_identifiers,
        statuses,
        rogue_list_url: text_of(&entry, "rogueListURL"),
        rogue_list_hash: text_of(&entry, "rogueListHash"),
        description: text_of(statement, "description"),
        attestation_types: texts_of(statement, "attestationTypes"),
        algorithms: texts_of(statement, "authenticationAlgorithms"),
        roots: roots.into_iter().flatten().collect(),
        unreadable_roots,
        key_protection: texts_of(statement, "keyProtection"),
        key_restricted: statement.get("isKeyRestricted").and_then(Value::as_bool),
        multi_device_credential_support: text_of(statement, "multiDeviceCredentialSupport"),
    })
}

fn status_report(report: &Value) -> Option<StatusReport> {
    let status = text_of(report, "status")?;
    let day = |name| text_of(report, name).and_then(|text| date(&text));
    let named: Vec<_> = ["certificate", "batchCertificate"]
        .into_iter()
        .filter_map(|name| report.get(name))
        .filter(|value| !value.is_null())
        .flat_map(|value| match value {
            Value::Array(elements) => elements.iter().collect(),
            other => vec![other],
        })
        .map(|value| value.as_str().and_then(certificate))
        .collect();
    // When it cannot be told which keys are compromised, all of them may be.
    let certificates = named.into_iter().collect::<Option<_>>().unwrap_or_default();
    Some(StatusReport {
        status,
        effective_from: day("effectiveDate"),
        over_from: day("sunsetDate"),
        certificates,
    })
}

/// A certificate in standard base64, among which white space may stand.
fn certificate(text: &str) -> Option<Vec<u8>> {
    let text: String = text
        .chars()
        .filter(|character| !character.is_ascii_whitespace())
        .collect();
    let bytes = BASE64.decode(text).ok()?;
    (bytes.len() <= MAX_CERTIFICATE && Certificate::parse(&bytes).is_some()).then_some(bytes)
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

fn text_of(object: &Value, name: &str) -> Option<String> {
    object.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn list_of<'v>(object: &'v Value, name: &str) -> &'v [Value] {
    let list = object.get(name).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// The strings of a list; anything else in it is left out.
fn texts_of(object: &Value, name: &str) -> Vec<String> {
    list_of(object, name)
        .iter()
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}
