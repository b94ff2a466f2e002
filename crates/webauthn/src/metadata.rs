//! The FIDO Metadata Service (FIDO Metadata Service 3.1.1): what makers and certifiers say of authenticator models.
//!
//! A BLOB is fetched or loaded as bytes; [`Metadata::verify`] reads it or says why it is refused. A BLOB that is kept over a
//! restart is verified again at the moment when it was imported, because its signer's certificate is short-lived.

mod dropped;
mod entry;
mod members;

use crate::Reason;
use crate::credential::Aaguid;
use crate::json::{self, Limits};
use crate::jws::{self, Jws};
use crate::limits::MAX_CERTIFICATE;
use crate::time::{DAY, UnixSeconds};
use crate::x509::{
    Certificate, CertificateList, ChainError, is_revocation_list, require_path, revoked,
};
use dropped::Notes;
use entry::Read;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};

pub use dropped::{Dropped, DroppedPart, DroppedParts, MAX_NAMED, Part};
pub use entry::{AuthenticatorModel, Entry, ModelError, StatusReport, UNREADABLE_STATUS};

/// Most bytes of a BLOB.
pub const MAX_BLOB: usize = 32 * 1024 * 1024;
/// Most entries of a BLOB.
pub const MAX_ENTRIES: usize = 10_000;
/// Most certificates in the header of a BLOB.
pub const MAX_SIGNER_CERTIFICATES: usize = 10;
/// The host name in the certificate that signs the BLOBs of the FIDO Alliance.
pub const SIGNER_NAME: &str = "mds.fidoalliance.org";

/// The header holds certificates in base64 and little else.
const HEADER_LIMITS: Limits = Limits {
    depth: 4,
    members: 32,
    string: MAX_CERTIFICATE.div_ceil(3) * 4,
    elements: 32,
};

/// What a BLOB is verified against.
#[derive(Debug, Clone, Copy)]
pub struct BlobExpectation<'a> {
    /// DER certificates that the signer's chain must lead to.
    pub roots: &'a [Vec<u8>],
    /// DER revocation lists (RFC 5280 section 5): no certificate of the signer's chain may be on the list of its issuer. The
    /// operator keeps them fresh; their dates are not judged.
    pub revocation_lists: &'a [Vec<u8>],
    /// The host that the signer's certificate must be for, usually [`SIGNER_NAME`]; `None`: any signer below the roots will do.
    pub signer_name: Option<&'a str>,
    /// `no` of the BLOB that is in use, if there is one.
    pub previous_no: Option<u64>,
    /// The moment to judge certificates at.
    pub at: UnixSeconds,
}

/// Why a BLOB is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It is larger than [`MAX_BLOB`].
    #[error("the metadata has {0} bytes, more than {MAX_BLOB}")]
    TooLarge(usize),
    /// It has not the form of a BLOB.
    #[error("the metadata is malformed: {0}")]
    Malformed(&'static str),
    /// The signed payload has not the members that a BLOB needs.
    #[error("the payload of the metadata is malformed at line {line}, column {column}")]
    Payload {
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
    },
    /// The header names an algorithm that is not on our list, or none.
    #[error("the signature algorithm of the metadata is neither RS256 nor ES256")]
    Algorithm,
    /// The signer's certificate is for another host.
    #[error("the certificate that signed the metadata is not for the expected host")]
    SignerName,
    /// The signer's chain does not lead to a configured root.
    #[error("the signer of the metadata is not trusted: {0}")]
    Untrusted(ChainError),
    /// A certificate of the signer's chain is revoked.
    #[error(
        "the signer of the metadata is not trusted: certificate {index} of the chain is revoked"
    )]
    Revoked {
        /// Position in the chain, the leaf is 0.
        index: usize,
    },
    /// A revocation list cannot be read, so it is unknown which certificates it names.
    #[error("the revocation list {index} for the metadata cannot be read")]
    RevocationListUnreadable {
        /// Position among the lists.
        index: usize,
    },
    /// The signature does not verify.
    #[error("the signature of the metadata does not verify")]
    SignatureInvalid,
    /// They are older than those in use.
    #[error("the metadata has the number {found}, the metadata in use {previous}")]
    Rollback {
        /// `no` of the BLOB in use.
        previous: u64,
        /// `no` of this one.
        found: u64,
    },
}

impl MetadataError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::TooLarge(_)
            | Self::Malformed(_)
            | Self::Payload { .. }
            | Self::Algorithm
            | Self::SignerName => Reason::MetadataMalformed,
            Self::Untrusted(_)
            | Self::Revoked { .. }
            | Self::RevocationListUnreadable { .. }
            | Self::SignatureInvalid => Reason::MetadataUntrusted,
            Self::Rollback { .. } => Reason::MetadataRollback,
        }
    }
}

/// A verified BLOB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    no: u64,
    next_update: String,
    stale_from: UnixSeconds,
    legal_header: Option<String>,
    entries: Vec<Entry>,
    dropped: DroppedParts,
    uaf_entries: usize,
    by_aaguid: HashMap<Aaguid, Vec<usize>>,
    by_key_identifier: HashMap<[u8; 20], Vec<usize>>,
    /// There is an entry with an AAGUID that cannot be read, which is found by its key identifiers alone.
    hidden_aaguids: bool,
}

/// `MetadataBLOBPayload` (3.1.6); the entries are read one by one, so that a malformed one loses only itself.
#[derive(Deserialize)]
struct Payload<'a> {
    no: u64,
    #[serde(rename = "nextUpdate")]
    next_update: String,
    #[serde(rename = "legalHeader", borrow)]
    legal_header: Option<&'a RawValue>,
    #[serde(borrow)]
    entries: Vec<&'a RawValue>,
}

/// What metadata says of the models that one authenticator may be of: enough to judge its attestation again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excerpt {
    next_update: String,
    entries: Vec<Entry>,
}

impl Excerpt {
    /// Metadata with these entries and no others; `None` if `next_update` is no date.
    pub fn into_metadata(self) -> Option<Metadata> {
        let mut metadata = Metadata::empty(0, self.next_update)?;
        for (index, entry) in self.entries.into_iter().enumerate() {
            metadata.take(index, entry, Notes::default());
        }
        Some(metadata)
    }
}

impl Metadata {
    /// Without an entry; `None` if `next_update` is no date.
    fn empty(no: u64, next_update: String) -> Option<Self> {
        let last_day = UnixSeconds::of_date(&next_update)?;
        Some(Self {
            no,
            next_update,
            stale_from: UnixSeconds(last_day.0 + DAY),
            legal_header: None,
            entries: Vec::new(),
            dropped: DroppedParts::default(),
            uaf_entries: 0,
            by_aaguid: HashMap::new(),
            by_key_identifier: HashMap::new(),
            hidden_aaguids: false,
        })
    }

    /// What is said of the authenticator with this AAGUID and one of these attestation certificates. Of the roots there are those that a
    /// judgement of the chains may come to.
    pub(crate) fn excerpt(
        &self,
        (aaguid, is_u2f): (Aaguid, bool),
        leaves: &[&[u8]],
        (chains, known): (Option<&[&[u8]]>, &CertificateList),
    ) -> Excerpt {
        let mut found = self.find(aaguid, is_u2f, None);
        for leaf in leaves {
            for entry in self.find(aaguid, is_u2f, Some(leaf)) {
                if !found.iter().any(|known| std::ptr::eq(*known, entry)) {
                    found.push(entry);
                }
            }
        }
        let entries = found.into_iter().map(|entry| match chains {
            Some(chains) => entry.within_reach(chains, known),
            None => entry.clone(),
        });
        Excerpt {
            next_update: self.next_update.clone(),
            entries: entries.collect(),
        }
    }

    /// Verifies a BLOB, a JSON Web Signature in compact form (3.1.7, 3.2). White space around it is no part of it.
    ///
    /// A BLOB with the number of the one in use is accepted: it is nothing new. Whether the BLOB should have been renewed
    /// already is not judged here: see [`Metadata::is_stale`].
    ///
    /// # Errors
    /// [`MetadataError`]; never because of a single entry, see [`Metadata::dropped`].
    pub fn verify(blob: &[u8], expected: &BlobExpectation<'_>) -> Result<Self, MetadataError> {
        if blob.len() > MAX_BLOB {
            return Err(MetadataError::TooLarge(blob.len()));
        }
        let malformed = MetadataError::Malformed;
        let blob = Jws::parse(blob.trim_ascii()).map_err(malformed)?;
        let header = json::parse(&blob.header, &HEADER_LIMITS)
            .map_err(|_| malformed("its header is not JSON"))?;
        let header = header
            .as_object()
            .ok_or(malformed("its header is not an object"))?;
        let algorithm = header.get("alg").and_then(json::Value::as_str);
        if !matches!(algorithm, Some("RS256" | "ES256")) {
            return Err(MetadataError::Algorithm);
        }
        // RFC 7515 4.1.11: what is critical must be understood, and nothing is.
        if header.get("crit").is_some() {
            return Err(malformed("its header has critical extensions"));
        }
        let chain = jws::certificates(header, MAX_SIGNER_CERTIFICATES).map_err(malformed)?;
        let signer = chain.first().and_then(|bytes| Certificate::parse(bytes));
        let signer = signer.ok_or(malformed("the signer's certificate cannot be read"))?;

        require_path(&chain, expected.roots, expected.at).map_err(MetadataError::Untrusted)?;
        let mut lists = expected.revocation_lists.iter();
        if let Some(index) = lists.position(|list| !is_revocation_list(list)) {
            return Err(MetadataError::RevocationListUnreadable { index });
        }
        if let Some(index) = revoked(&chain, expected.roots, expected.revocation_lists) {
            return Err(MetadataError::Revoked { index });
        }
        if expected
            .signer_name
            .is_some_and(|name| !signer.is_for_host(name))
        {
            return Err(MetadataError::SignerName);
        }
        if !blob.is_signed_by(&signer, header) {
            return Err(MetadataError::SignatureInvalid);
        }

        // Nothing of the payload was read before this point.
        let payload: Payload<'_> =
            serde_json::from_slice(&blob.payload).map_err(|error| MetadataError::Payload {
                line: error.line(),
                column: error.column(),
            })?;
        if let Some(previous) = expected.previous_no
            && payload.no < previous
        {
            return Err(MetadataError::Rollback {
                previous,
                found: payload.no,
            });
        }
        Self::index(payload)
    }

    fn index(payload: Payload<'_>) -> Result<Self, MetadataError> {
        if payload.entries.len() > MAX_ENTRIES {
            return Err(MetadataError::Malformed("it has too many entries"));
        }
        let mut metadata = Self::empty(payload.no, payload.next_update)
            .ok_or(MetadataError::Malformed("`nextUpdate` is no date"))?;
        metadata.legal_header = payload.legal_header.and_then(|raw| {
            let text = members::text_of(raw);
            if text.is_none() {
                let header = Dropped {
                    entry: None,
                    model: None,
                    place: "legalHeader".to_owned(),
                    why: "it is not a string",
                    count: 1,
                };
                metadata.dropped.add(Part::Member, header);
            }
            text
        });
        for (index, raw) in payload.entries.into_iter().enumerate() {
            let mut notes = Notes::default();
            match entry::read(raw.get(), &mut notes) {
                Read::Model(entry) => metadata.take(index, *entry, notes),
                Read::Uaf => metadata.uaf_entries += 1,
                Read::Lost { name, why } => {
                    let mut lost = Notes::default();
                    lost.add(Part::Entry, String::new, why);
                    metadata.dropped.add_notes(index, name.as_deref(), lost);
                }
            }
        }
        Ok(metadata)
    }

    /// Of several entries about a model none is lost: an attestation must satisfy every one of them.
    fn take(&mut self, index: usize, entry: Entry, mut notes: Notes) {
        let known_aaguid = entry
            .aaguid()
            .is_some_and(|aaguid| self.by_aaguid.contains_key(&aaguid));
        let known_key = entry
            .key_identifiers()
            .iter()
            .any(|identifier| self.by_key_identifier.contains_key(identifier));
        if known_aaguid || known_key {
            let why = "another entry is about the same model, and both count";
            notes.add(Part::SecondEntry, String::new, why);
        }
        self.dropped.add_notes(index, Some(&entry.name()), notes);
        let place = self.entries.len();
        if let Some(aaguid) = entry.aaguid() {
            self.by_aaguid.entry(aaguid).or_default().push(place);
        }
        for identifier in entry.key_identifiers() {
            let places = self.by_key_identifier.entry(*identifier).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
        self.hidden_aaguids |= entry.hides_its_aaguid();
        self.entries.push(entry);
    }

    /// `no`: the number of this BLOB, greater with each new one.
    pub fn no(&self) -> u64 {
        self.no
    }

    /// `nextUpdate`: the day by which a newer BLOB is due, as `2026-12-31`.
    pub fn next_update(&self) -> &str {
        &self.next_update
    }

    /// `legalHeader`, if there is one.
    pub fn legal_header(&self) -> Option<&str> {
        self.legal_header.as_deref()
    }

    /// The entries about FIDO2 and U2F models, in the order of the BLOB.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What could not be read. The models of entries of which nothing can be read count as unknown.
    pub fn dropped(&self) -> &DroppedParts {
        &self.dropped
    }

    /// How many entries are about UAF models, which are of no use here.
    pub fn uaf_entries(&self) -> usize {
        self.uaf_entries
    }

    /// Whether `nextUpdate` is over at this moment.
    pub fn is_stale(&self, at: UnixSeconds) -> bool {
        at >= self.stale_from
    }

    /// The entries about the model with this AAGUID, usually one; none for the AAGUID of zeros.
    pub fn by_aaguid(&self, aaguid: Aaguid) -> impl Iterator<Item = &Entry> {
        self.at(self.by_aaguid.get(&aaguid))
    }

    /// The entries about the model whose attestation certificates have this key: SHA-1 of the bits of `subjectPublicKey`.
    pub fn by_key_identifier<'m>(
        &'m self,
        identifier: &[u8; 20],
    ) -> impl Iterator<Item = &'m Entry> + use<'m> {
        self.at(self.by_key_identifier.get(identifier))
    }

    fn at(&self, places: Option<&Vec<usize>>) -> impl Iterator<Item = &Entry> {
        let places = places.map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|place| self.entries.get(*place))
    }

    /// The entries about the authenticator with this AAGUID and attestation certificate. Where there are several, each counts.
    ///
    /// U2F models, and those that hide their AAGUID, are found by their certificate: by its key, or by its AAGUID extension. By
    /// its key are also found the entries whose own AAGUID cannot be read.
    pub(crate) fn find(&self, aaguid: Aaguid, is_u2f: bool, leaf: Option<&[u8]>) -> Vec<&Entry> {
        let mut found: Vec<_> = self.by_aaguid(aaguid).collect();
        let by_certificate = is_u2f || aaguid.is_zero();
        if !by_certificate && !self.hidden_aaguids {
            return found;
        }
        let Some(leaf) = leaf.and_then(Certificate::parse) else {
            return found;
        };
        let key = leaf.key_identifier();
        let by_key = self
            .by_key_identifier(&key)
            .filter(|entry| by_certificate || entry.hides_its_aaguid());
        let extension = leaf.fido_aaguid().filter(|_| by_certificate);
        let by_extension = extension
            .into_iter()
            .flat_map(|named| self.by_aaguid(named));
        for entry in by_key.chain(by_extension) {
            if !found.iter().any(|known| std::ptr::eq(*known, entry)) {
                found.push(entry);
            }
        }
        found
    }
}

/// What to call the maker of credentials with this AAGUID: the operator's own name for it, or else the description in the
/// metadata. Software providers are seldom in the metadata. The AAGUID of zeros has no name.
pub fn provider_name<'a>(
    aaguid: Aaguid,
    configured: &'a BTreeMap<Aaguid, String>,
    metadata: Option<&'a Metadata>,
) -> Option<&'a str> {
    if aaguid.is_zero() {
        return None;
    }
    match configured.get(&aaguid) {
        Some(name) => Some(name),
        None => metadata?.by_aaguid(aaguid).find_map(Entry::description),
    }
}
