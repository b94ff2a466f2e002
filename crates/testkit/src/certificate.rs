//! X.509 certificates (RFC 5280): a root authority, its intermediates and the leaf, true or with exactly the asked faults.

use crate::algorithm::{Algorithm, Hash};
use crate::der;
use crate::error::Error;
use crate::key::{Key, signature_identifier};
use crate::lies::{CertificateLies, ChainLies, ExtraExtension, IssuerLies, Lies, NameConstraints};
use crate::profile::{Chain, Curves, Encoding, IssuerNames, Validity};
use crate::random::random_bytes;

const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const KEY_USAGE: &str = "2.5.29.15";
const NAME_CONSTRAINTS: &str = "2.5.29.30";
const SUBJECT_ALTERNATIVE_NAME: &str = "2.5.29.17";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";

/// Attribute types of distinguished names (RFC 5280, appendix A).
pub(crate) const COMMON_NAME: &str = "2.5.4.3";
pub(crate) const COUNTRY: &str = "2.5.4.6";
pub(crate) const ORGANIZATION: &str = "2.5.4.10";
pub(crate) const ORGANIZATIONAL_UNIT: &str = "2.5.4.11";

/// A v3 extension.
#[derive(Clone)]
pub(crate) struct Extension {
    pub(crate) oid: String,
    pub(crate) critical: bool,
    /// What stands inside `extnValue`.
    pub(crate) value: Vec<u8>,
}

impl Extension {
    pub(crate) fn new(oid: &str, critical: bool, value: Vec<u8>) -> Self {
        Self {
            oid: oid.to_owned(),
            critical,
            value,
        }
    }

    fn der(&self, encoding: Encoding) -> Vec<u8> {
        let mut parts = vec![der::oid(&self.oid)];
        // DER leaves the default, false, out.
        if self.critical {
            parts.push(encoding.truth());
        }
        parts.push(der::octets(&self.value));
        der::sequence(&parts)
    }
}

/// The extension that says for which host a certificate is (RFC 5280 4.2.1.6).
pub(crate) fn host_name(host: &str) -> Extension {
    let names = der::sequence(&[der::tlv(0x82, host.as_bytes())]);
    Extension::new(SUBJECT_ALTERNATIVE_NAME, false, names)
}

/// `AttributeTypeAndValue` with an `UTF8String`, or, for the country, the `PrintableString` that it must be.
pub(crate) fn attribute(oid: &str, value: &str) -> Vec<u8> {
    let value = if oid == COUNTRY {
        der::printable(value)
    } else {
        der::utf8(value)
    };
    der::sequence(&[der::oid(oid), value])
}

/// A `Name` with one attribute in each relative name.
pub(crate) fn name(attributes: &[(&str, &str)]) -> Vec<u8> {
    let relative: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(oid, value)| der::set(&[attribute(oid, value)]))
        .collect();
    der::sequence(&relative)
}

/// SHA-1 of the `subjectPublicKey` bits in a `SubjectPublicKeyInfo` (method 1 of RFC 5280, 4.2.1.2).
fn key_identifier(spki: &[u8]) -> Vec<u8> {
    // The first byte of a BIT STRING counts its unused bits.
    let bits = der::elements(spki).get(1).copied().unwrap_or_default();
    Hash::Sha1.digest(bits.get(1..).unwrap_or_default())
}

/// The identifier by which metadata name an attestation key (`attestationCertificateKeyIdentifiers`): lower-case hex of SHA-1
/// over the `subjectPublicKey` bits of the certificate (DER). `None` when the bytes are no certificate.
pub fn certificate_key_identifier(certificate: &[u8]) -> Option<String> {
    let mut rest = certificate;
    let (_, mut content, _) = der::take(&mut rest)?;
    let (_, mut tbs, _) = der::take(&mut content)?;
    // version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo
    let mut spki = None;
    for _ in 0..7 {
        spki = der::take(&mut tbs);
    }
    Some(hex::encode(key_identifier(spki?.2)))
}

/// The serial number of a certificate (DER) as an INTEGER with its header.
fn serial_of(certificate: &[u8]) -> Option<Vec<u8>> {
    let mut rest = certificate;
    let (_, mut content, _) = der::take(&mut rest)?;
    let (_, mut tbs, _) = der::take(&mut content)?;
    der::take(&mut tbs)?;
    let (tag, serial, _) = der::take(&mut tbs)?;
    Some(der::tlv(tag, serial))
}

impl Encoding {
    /// TRUE.
    fn truth(self) -> Vec<u8> {
        der::tlv(0x01, &[self.true_octet])
    }

    /// A signature as a BIT STRING.
    fn signature(self, bytes: &[u8]) -> Vec<u8> {
        der::tlv(0x03, &[&[self.unused_bits], bytes].concat())
    }

    /// The `SubjectPublicKeyInfo` of a key.
    fn key_info(self, key: &Key) -> Vec<u8> {
        let named = key.spki();
        if self.curves == Curves::Named || named.len() != P256_KEY_INFO {
            return named;
        }
        // The point is last, and before it a byte for its form.
        let point = &named[P256_KEY_INFO - 64..];
        let generator = if self.curves == Curves::OtherGenerator {
            point.to_vec()
        } else {
            hex::decode(P256_GENERATOR).unwrap_or_default()
        };
        let number = |digits: &str| hex::decode(digits).unwrap_or_default();
        let positive = |digits: &str| der::tlv(0x02, &[&[0][..], &number(digits)].concat());
        let description = der::sequence(&[
            der::integer(1),
            der::sequence(&[der::oid("1.2.840.10045.1.1"), positive(P256_PRIME)]),
            der::sequence(&[der::octets(&number(P256_A)), der::octets(&number(P256_B))]),
            der::octets(&[&[4][..], &generator].concat()),
            positive(P256_ORDER),
            der::integer(1),
        ]);
        der::sequence(&[
            der::sequence(&[der::oid("1.2.840.10045.2.1"), description]),
            der::bits(&[&[4][..], point].concat()),
        ])
    }
}

/// Bytes of a `SubjectPublicKeyInfo` that names P-256, and of no other.
const P256_KEY_INFO: usize = 91;

/// The numbers of P-256 (NIST SP 800-186, section 3.2.1.3).
const P256_PRIME: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
const P256_A: &str = "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc";
const P256_B: &str = "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b";
const P256_GENERATOR: &str = concat!(
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
);
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// What is to be certified.
struct Template {
    /// As encoded: 2 means version 3.
    version: i64,
    /// The content of the INTEGER.
    serial: Vec<u8>,
    issuer: Vec<u8>,
    validity: Validity,
    subject: Vec<u8>,
    spki: Vec<u8>,
    extensions: Vec<Extension>,
}

impl Template {
    fn sign(
        &self,
        key: &Key,
        algorithm: Algorithm,
        encoding: Encoding,
        tampered: bool,
    ) -> Result<Vec<u8>, Error> {
        let identifier = signature_identifier(algorithm);
        let mut parts = vec![
            der::explicit(0, &der::integer(self.version)),
            der::tlv(2, &self.serial),
            identifier.clone(),
            self.issuer.clone(),
            der::sequence(&[
                der::time(self.validity.not_before),
                der::time(self.validity.not_after),
            ]),
            self.subject.clone(),
            self.spki.clone(),
        ];
        if !self.extensions.is_empty() {
            let extensions = self.extensions.iter().map(|one| one.der(encoding));
            let extensions: Vec<Vec<u8>> = extensions.collect();
            parts.push(der::explicit(3, &der::sequence(&extensions)));
        }
        let tbs = der::sequence(&parts);
        let mut signature = key.sign_as(algorithm, &tbs)?;
        if tampered && let Some(last) = signature.last_mut() {
            *last ^= 1;
        }
        Ok(der::sequence(&[
            tbs,
            identifier,
            encoding.signature(&signature),
        ]))
    }
}

/// A random serial number: 16 bytes, positive.
fn serial() -> Result<Vec<u8>, Error> {
    let mut bytes = random_bytes(16)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(bytes)
}

/// A key that signs certificates, under its name.
struct Issuer {
    key: Key,
    common_name: String,
}

impl Issuer {
    fn new(chain: &Chain, common_name: String) -> Result<Self, Error> {
        Ok(Self {
            key: Key::generate(chain.algorithm)?,
            common_name,
        })
    }

    /// As the issuer writes its own name.
    fn name(&self) -> Vec<u8> {
        name(&[
            (ORGANIZATION, "passkeyd testkit"),
            (COMMON_NAME, &self.common_name),
        ])
    }

    /// As the certificates that it signs write it.
    fn name_in(&self, encoding: Encoding) -> Vec<u8> {
        match encoding.issuer_names {
            IssuerNames::Same => self.name(),
            IssuerNames::Alike => {
                let capital = self.common_name.to_uppercase().replace(' ', "  ");
                let relatives = [(ORGANIZATION, "PASSKEYD  TESTKIT"), (COMMON_NAME, &capital)].map(
                    |(kind, text)| {
                        let attribute = der::sequence(&[der::oid(kind), der::printable(text)]);
                        der::set(&[attribute])
                    },
                );
                der::sequence(&relatives)
            }
            IssuerNames::Other => name(&[
                (ORGANIZATION, "passkeyd testkit"),
                (COMMON_NAME, &format!("{} other", self.common_name)),
            ]),
        }
    }

    fn key_identifier(&self) -> Vec<u8> {
        key_identifier(&self.key.spki())
    }
}

/// The maker's certification authority: a self-signed root.
pub(crate) struct Authority {
    chain: Chain,
    issuer: Issuer,
    root: Vec<u8>,
}

/// The authorities that were founded so far: one for each kind of root that was asked for.
#[derive(Default)]
pub(crate) struct Authorities(Vec<Authority>);

impl Authorities {
    /// The authority for chains like `chain`, which is founded at the first use.
    pub(crate) fn of(&mut self, chain: &Chain) -> Result<&Authority, Error> {
        let same = |held: &Authority| {
            held.chain.algorithm == chain.algorithm
                && held.chain.root == chain.root
                && held.chain.encoding == chain.encoding
        };
        let at = if let Some(at) = self.0.iter().position(same) {
            at
        } else {
            self.0.push(Authority::found(chain)?);
            self.0.len() - 1
        };
        Ok(&self.0[at])
    }
}

/// What the leaf of a chain should say, lies aside.
pub(crate) struct Leaf {
    /// A `Name`.
    pub(crate) subject: Vec<u8>,
    /// Dotted object identifiers; none leaves the extension out.
    pub(crate) extended_key_usage: Vec<&'static str>,
    /// Extensions that the format demands.
    pub(crate) extensions: Vec<Extension>,
}

impl Authority {
    pub(crate) fn found(chain: &Chain) -> Result<Self, Error> {
        let issuer = Issuer::new(chain, "passkeyd testkit attestation root".to_owned())?;
        let encoding = chain.encoding;
        let root = Template {
            version: 2,
            serial: serial()?,
            issuer: issuer.name_in(encoding),
            validity: chain.root,
            subject: issuer.name(),
            spki: encoding.key_info(&issuer.key),
            extensions: authority_extensions(&issuer, None, encoding, &IssuerLies::default()),
        }
        .sign(&issuer.key, chain.algorithm, encoding, false)?;
        Ok(Self {
            chain: *chain,
            issuer,
            root,
        })
    }

    /// The root certificate, DER.
    pub(crate) fn root(&self) -> &[u8] {
        &self.root
    }

    /// The revocation list of the root (RFC 5280 section 5), with these certificates (DER) on it.
    pub(crate) fn revocation_list(&self, certificates: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
        let identifier = signature_identifier(self.chain.algorithm);
        let (since, until) = (self.chain.root.not_before, self.chain.root.not_after);
        let entries: Vec<Vec<u8>> = certificates
            .iter()
            .filter_map(|certificate| serial_of(certificate))
            .map(|serial| der::sequence(&[serial, der::time(since)]))
            .collect();
        let mut parts = vec![
            der::integer(1),
            identifier.clone(),
            self.issuer.name_in(self.chain.encoding),
            der::time(since),
            der::time(until),
        ];
        if !entries.is_empty() {
            parts.push(der::sequence(&entries));
        }
        let list = der::sequence(&parts);
        let signature = self.issuer.key.sign_as(self.chain.algorithm, &list)?;
        Ok(der::sequence(&[
            list,
            identifier,
            self.chain.encoding.signature(&signature),
        ]))
    }

    /// The certificates for `key`, leaf first and root not included, as `chain` and `lies` want them.
    pub(crate) fn certify(
        &self,
        key: &Key,
        leaf: &Leaf,
        chain: &Chain,
        lies: &Lies,
    ) -> Result<Vec<Vec<u8>>, Error> {
        if lies.chain.foreign_root {
            let other = Self::found(chain)?;
            let mut honest = lies.clone();
            honest.chain.foreign_root = false;
            honest.chain.root_included = true;
            return other.certify(key, leaf, chain, &honest);
        }
        // From the root down, the signer of the next one always last.
        let mut below: Vec<Issuer> = Vec::new();
        let mut certificates = Vec::new();
        for number in 1..=chain.intermediates {
            let above = below.last().unwrap_or(&self.issuer);
            let own = Issuer::new(chain, format!("passkeyd testkit intermediate {number}"))?;
            let encoding = chain.encoding;
            let mut told = IssuerLies::default();
            if number == chain.intermediates {
                told = lies.issuer.clone();
            }
            if number == 1 && lies.chain.top_path_length_zero {
                told.path_length = Some(0);
            }
            let template = Template {
                version: 2,
                serial: serial()?,
                issuer: above.name_in(encoding),
                validity: told.validity(Validity::default()),
                subject: own.name(),
                spki: encoding.key_info(&own.key),
                extensions: authority_extensions(&own, Some(above), encoding, &told),
            };
            let tampered = told.tampered_signature;
            certificates.insert(
                0,
                template.sign(&above.key, chain.algorithm, encoding, tampered)?,
            );
            below.push(own);
        }
        let above = below.last().unwrap_or(&self.issuer);
        certificates.insert(
            0,
            leaf_certificate(key, leaf, above, chain, &lies.certificate)?,
        );
        arrange(certificates, &self.root, chain, &lies.chain)
    }
}

fn leaf_certificate(
    key: &Key,
    leaf: &Leaf,
    above: &Issuer,
    chain: &Chain,
    lies: &CertificateLies,
) -> Result<Vec<u8>, Error> {
    let mut extensions = Vec::new();
    if lies.authority {
        let value = der::sequence(&[der::boolean(true)]);
        extensions.push(Extension::new(BASIC_CONSTRAINTS, true, value));
    } else if !lies.without_basic_constraints {
        extensions.push(Extension::new(BASIC_CONSTRAINTS, true, der::sequence(&[])));
    }
    let usages: Vec<&str> = match &lies.extended_key_usage {
        Some(others) => others.iter().map(String::as_str).collect(),
        None => leaf.extended_key_usage.clone(),
    };
    if !usages.is_empty() {
        let usages: Vec<Vec<u8>> = usages.into_iter().map(der::oid).collect();
        extensions.push(Extension::new(
            EXTENDED_KEY_USAGE,
            false,
            der::sequence(&usages),
        ));
    }
    extensions.push(authority_key_identifier(above));
    extensions.extend(leaf.extensions.iter().cloned());
    extensions.extend(
        lies.extra_extensions
            .iter()
            .map(ExtraExtension::to_extension),
    );
    let algorithm = if lies.sha1_signature {
        Algorithm::RS1
    } else {
        chain.algorithm
    };
    Template {
        version: lies.version.map_or(2, |version| i64::from(version) - 1),
        serial: match &lies.serial {
            Some(other) => other.clone(),
            None => serial()?,
        },
        issuer: if lies.wrong_issuer {
            name(&[(COMMON_NAME, "somebody else")])
        } else {
            above.name_in(chain.encoding)
        },
        validity: lies.validity(chain.leaf),
        subject: leaf.subject.clone(),
        spki: chain.encoding.key_info(key),
        extensions,
    }
    .sign(
        &above.key,
        algorithm,
        chain.encoding,
        lies.tampered_signature,
    )
}

/// The extensions of a certificate that signs certificates; a root names no authority above it.
fn authority_extensions(
    own: &Issuer,
    above: Option<&Issuer>,
    encoding: Encoding,
    lies: &IssuerLies,
) -> Vec<Extension> {
    let mut extensions = Vec::new();
    if !lies.without_basic_constraints {
        let mut constraints = Vec::new();
        if !lies.not_authority {
            constraints.push(encoding.truth());
        }
        if let Some(length) = lies.path_length {
            constraints.push(der::integer(i64::from(length)));
        }
        let value = der::sequence(&constraints);
        extensions.push(Extension::new(BASIC_CONSTRAINTS, true, value));
    }
    if !lies.without_key_usage {
        // A BIT STRING: keyCertSign is bit 5, digitalSignature bit 0.
        let bits: &[u8] = if lies.without_cert_sign {
            &[0x03, 2, 7, 0x80]
        } else {
            &[0x03, 2, 2, 0x04]
        };
        extensions.push(Extension::new(KEY_USAGE, true, bits.to_vec()));
    }
    if let Some(constraints) = &lies.name_constraints {
        extensions.push(name_constraints(constraints));
    }
    let identifier = der::octets(&own.key_identifier());
    extensions.push(Extension::new(SUBJECT_KEY_IDENTIFIER, false, identifier));
    extensions.extend(above.map(authority_key_identifier));
    extensions.extend(
        lies.extra_extensions
            .iter()
            .map(ExtraExtension::to_extension),
    );
    extensions
}

fn authority_key_identifier(above: &Issuer) -> Extension {
    let value = der::sequence(&[der::tlv(0x80, &above.key_identifier())]);
    Extension::new(AUTHORITY_KEY_IDENTIFIER, false, value)
}

fn name_constraints(constraints: &NameConstraints) -> Extension {
    let subtrees = |tag: u8, countries: &[String]| {
        let trees: Vec<Vec<u8>> = countries
            .iter()
            .map(|country| der::sequence(&[der::explicit(4, &name(&[(COUNTRY, country)]))]))
            .collect();
        if trees.is_empty() {
            Vec::new()
        } else {
            der::tlv(tag, &trees.concat())
        }
    };
    let value = der::sequence(&[
        subtrees(0xa0, &constraints.permitted_countries),
        subtrees(0xa1, &constraints.excluded_countries),
    ]);
    Extension::new(NAME_CONSTRAINTS, true, value)
}

/// Puts the finished certificates, leaf first, into the order and company that the lies want.
fn arrange(
    mut certificates: Vec<Vec<u8>>,
    root: &[u8],
    chain: &Chain,
    lies: &ChainLies,
) -> Result<Vec<Vec<u8>>, Error> {
    if lies.without_intermediates {
        certificates.truncate(1);
    }
    if lies.root_included {
        certificates.push(root.to_vec());
    }
    if lies.issuers_reversed {
        certificates[1..].reverse();
    }
    if lies.leaf_last {
        certificates.rotate_left(1);
    }
    for _ in 0..lies.extra_certificates {
        certificates.push(Authority::found(chain)?.root);
    }
    certificates.extend(lies.extra_elements.iter().map(|extra| extra.0.clone()));
    Ok(certificates)
}
