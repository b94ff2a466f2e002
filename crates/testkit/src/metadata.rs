//! Metadata BLOBs of our own making (FIDO Metadata Service 3.1.1), signed under a root of our own.

use serde_json::{Map, Value, json};

use crate::algorithm::Algorithm;
use crate::certificate::{Authority, COMMON_NAME, Leaf, host_name, name};
use crate::encoding::{base64, from_base64, from_base64url};
use crate::error::Error;
use crate::jws;
use crate::key::Key;
use crate::lies::Lies;
use crate::profile::Chain;

/// A `MetadataBLOBPayload` (section 3.1.6).
#[derive(Clone, Debug)]
pub struct Blob {
    /// `no`: the serial number of this edition.
    pub no: i64,
    /// `nextUpdate`, a date such as `2026-12-31`, verbatim.
    pub next_update: String,
    /// `legalHeader`.
    pub legal_header: String,
    /// `entries`, in order.
    pub entries: Vec<Entry>,
    /// Elements of `entries` behind those, verbatim, for the malformed and the unknown.
    pub raw_entries: Vec<Value>,
    /// Further members of the payload; one of the same name replaces the true one.
    pub extra: Map<String, Value>,
}

impl Default for Blob {
    fn default() -> Self {
        Self {
            no: 1,
            next_update: "2099-12-31".to_owned(),
            legal_header: "For tests only.".to_owned(),
            entries: Vec::new(),
            raw_entries: Vec::new(),
            extra: Map::new(),
        }
    }
}

impl Blob {
    /// The first edition, with `entries`.
    pub fn of(entries: Vec<Entry>) -> Self {
        Self {
            entries,
            ..Self::default()
        }
    }

    /// The payload as JSON.
    pub fn payload(&self) -> Value {
        let entries: Vec<Value> = self
            .entries
            .iter()
            .map(Entry::json)
            .chain(self.raw_entries.iter().cloned())
            .collect();
        let mut payload = json!({
            "legalHeader": self.legal_header,
            "no": self.no,
            "nextUpdate": self.next_update,
            "entries": entries,
        });
        extend(&mut payload, &self.extra);
        payload
    }
}

/// A `MetadataBLOBPayloadEntry` with its metadata statement: one model of authenticators.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `aaguid`, of FIDO2 models.
    pub aaguid: Option<[u8; 16]>,
    /// `attestationCertificateKeyIdentifiers`, of U2F models; see [`crate::certificate_key_identifier`].
    pub key_identifiers: Vec<String>,
    /// `description` of the statement.
    pub description: String,
    /// `attestationTypes` of the statement: `basic_full`, `basic_surrogate`, `attca`, `anonca` ...
    pub attestation_types: Vec<String>,
    /// `attestationRootCertificates` of the statement, DER.
    pub roots: Vec<Vec<u8>>,
    /// `statusReports`, oldest first.
    pub statuses: Vec<Status>,
    /// Further members of the entry; one of the same name replaces the true one.
    pub extra: Map<String, Value>,
    /// The same for the metadata statement.
    pub extra_statement: Map<String, Value>,
}

impl Entry {
    /// A certified FIDO2 model whose attestation leads to `root` (DER).
    pub fn fido2(aaguid: [u8; 16], root: Vec<u8>) -> Self {
        Self {
            aaguid: Some(aaguid),
            key_identifiers: Vec::new(),
            description: "passkeyd testkit".to_owned(),
            attestation_types: vec!["basic_full".to_owned()],
            roots: vec![root],
            statuses: vec![Status::new("FIDO_CERTIFIED_L1", "2020-01-01")],
            extra: Map::new(),
            extra_statement: Map::new(),
        }
    }

    /// A certified U2F model with the attestation keys `key_identifiers`, whose certificates lead to `root` (DER).
    pub fn u2f(key_identifiers: Vec<String>, root: Vec<u8>) -> Self {
        Self {
            aaguid: None,
            key_identifiers,
            ..Self::fido2([0; 16], root)
        }
    }

    /// The same model with another history.
    #[must_use]
    pub fn with_statuses(self, statuses: Vec<Status>) -> Self {
        Self { statuses, ..self }
    }

    fn json(&self) -> Value {
        let roots: Vec<String> = self.roots.iter().map(|root| base64(root)).collect();
        let (family, aaguid) = match self.aaguid {
            Some(aaguid) => ("fido2", Some(hyphenated(aaguid))),
            None => ("u2f", None),
        };
        let mut statement = json!({
            "description": self.description,
            "authenticatorVersion": 1,
            "protocolFamily": family,
            "schema": 3,
            "upv": [{"major": 1, "minor": 1}],
            "authenticationAlgorithms": ["secp256r1_ecdsa_sha256_raw"],
            "publicKeyAlgAndEncodings": ["cose"],
            "attestationTypes": self.attestation_types,
            "userVerificationDetails": [[{"userVerificationMethod": "presence_internal"}]],
            "keyProtection": ["hardware"],
            "matcherProtection": ["on_chip"],
            "attachmentHint": ["external"],
            "tcDisplay": [],
            "attestationRootCertificates": roots,
        });
        let statuses: Vec<Value> = self.statuses.iter().map(Status::json).collect();
        let mut entry = json!({
            "statusReports": statuses,
            "timeOfLastStatusChange": "2020-01-01",
        });
        let mut identity = Map::new();
        if let Some(aaguid) = aaguid {
            identity.insert("aaguid".to_owned(), aaguid.into());
        }
        if !self.key_identifiers.is_empty() {
            let name = "attestationCertificateKeyIdentifiers";
            identity.insert(name.to_owned(), json!(self.key_identifiers));
        }
        extend(&mut statement, &identity);
        extend(&mut statement, &self.extra_statement);
        extend(&mut entry, &identity);
        entry["metadataStatement"] = statement;
        extend(&mut entry, &self.extra);
        entry
    }
}

/// A `StatusReport`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// `status`, an `AuthenticatorStatus` or anything else.
    pub status: String,
    /// `effectiveDate`, a date such as `2020-01-01`.
    pub effective_date: Option<String>,
    /// `sunsetDate`, likewise.
    pub sunset_date: Option<String>,
    /// `certificate` that a report of a compromised key may name, DER.
    pub certificate: Option<Vec<u8>>,
}

impl Status {
    /// `status`, in effect since `date`.
    pub fn new(status: &str, date: &str) -> Self {
        Self {
            status: status.to_owned(),
            effective_date: Some(date.to_owned()),
            sunset_date: None,
            certificate: None,
        }
    }

    fn json(&self) -> Value {
        let mut report = json!({"status": self.status});
        let members = [
            ("effectiveDate", self.effective_date.clone()),
            ("sunsetDate", self.sunset_date.clone()),
            ("certificate", self.certificate.as_deref().map(base64)),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                report[name] = value.into();
            }
        }
        report
    }
}

/// The service that signs BLOBs: a root, as many intermediates as wanted, and a signing certificate for `mds.fidoalliance.org`.
pub struct Service {
    authority: Authority,
    chain: Chain,
    key: Key,
}

/// What is wrong with a signed BLOB. The default is a flawless one.
#[derive(Clone, Debug, Default)]
pub struct BlobLies {
    /// Another `alg` in the header.
    pub header_algorithm: Option<String>,
    /// No `x5c` in the header.
    pub without_x5c: bool,
    /// `x5c` as this value.
    pub x5c: Option<Value>,
    /// Another host in the signing certificate.
    pub host: Option<String>,
    /// Validity, signature, usages ... of the signing certificate, and of those above it.
    pub certificates: Lies,
    /// One bit of the signature is flipped.
    pub tampered_signature: bool,
}

impl Service {
    /// A service with a signing key of `algorithm` (`ES256` or `RS256`) under one intermediate.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for other algorithms, [`Error::Crypto`].
    pub fn new(algorithm: Algorithm) -> Result<Self, Error> {
        Self::with_chain(
            algorithm,
            Chain {
                intermediates: 1,
                ..Chain::default()
            },
        )
    }

    /// A service whose certificates are as `chain` says.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for an algorithm or a chain that cannot be, [`Error::Crypto`].
    pub fn with_chain(algorithm: Algorithm, chain: Chain) -> Result<Self, Error> {
        Ok(Self {
            authority: Authority::found(&chain)?,
            chain,
            key: Key::generate(algorithm)?,
        })
    }

    /// The root certificate (DER), to be given to a verifier.
    pub fn root(&self) -> &[u8] {
        self.authority.root()
    }

    /// `blob` as it is served: a web signature in compact form.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn sign(&self, blob: &Blob) -> Result<String, Error> {
        self.sign_with_lies(blob, &BlobLies::default())
    }

    /// The same with faults.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn sign_with_lies(&self, blob: &Blob, lies: &BlobLies) -> Result<String, Error> {
        self.sign_payload(&blob.payload().to_string(), lies)
    }

    /// A payload that is this text, whatever it is.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn sign_text(&self, payload: &str) -> Result<String, Error> {
        self.sign_payload(payload, &BlobLies::default())
    }

    fn sign_payload(&self, payload: &str, lies: &BlobLies) -> Result<String, Error> {
        let host = lies.host.as_deref().unwrap_or("mds.fidoalliance.org");
        let leaf = Leaf {
            subject: name(&[(COMMON_NAME, host)]),
            extended_key_usage: vec!["1.3.6.1.5.5.7.3.1"],
            extensions: vec![host_name(host)],
        };
        let certificates =
            self.authority
                .certify(&self.key, &leaf, &self.chain, &lies.certificates)?;
        let claimed = lies.header_algorithm.as_deref();
        let mut header = jws::header(&self.key, &certificates, claimed)?;
        if let Some(other) = &lies.x5c {
            header["x5c"] = other.clone();
        }
        if lies.without_x5c {
            crate::json::without(&mut header, "x5c");
        }
        let signature_lies = Lies {
            tampered_signature: lies.tampered_signature,
            ..Lies::default()
        };
        jws::compact(&self.key, &header, payload, |signature| {
            signature_lies.distort_signature(signature)
        })
    }

    /// The root's certificate revocation list (DER), with these certificates (DER) on it.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn revocation_list(&self, certificates: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
        self.authority.revocation_list(certificates)
    }
}

/// The certificates (DER, the leaf first) in the header of a signed BLOB; `None` when it is none.
pub fn signer_certificates(blob: &str) -> Option<Vec<Vec<u8>>> {
    let header = from_base64url(blob.split('.').next()?)?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    let certificates = header.get("x5c")?.as_array()?.iter();
    certificates
        .map(|text| from_base64(text.as_str()?))
        .collect()
}

fn extend(object: &mut Value, members: &Map<String, Value>) {
    for (name, value) in members {
        object[name.as_str()] = value.clone();
    }
}

/// An AAGUID in the form of metadata: 8-4-4-4-12 hex digits.
fn hyphenated(aaguid: [u8; 16]) -> String {
    let text = hex::encode(aaguid);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts
        .map(|range| text.get(range).unwrap_or_default().to_owned())
        .join("-")
}
