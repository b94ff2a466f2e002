//! Attestation certificates for tests, written with a few lines of DER.

use super::Key;
use webauthn::cose::CoseAlgorithm;

pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        short @ 0..=0x7f => bytes.push(u8::try_from(short).unwrap()),
        middle @ 0x80..=0xff => bytes.extend([0x81, u8::try_from(middle).unwrap()]),
        long => {
            bytes.push(0x82);
            bytes.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    bytes.extend(content);
    bytes
}

pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// 1.3.6.1.4.1.45724.1.1.x
pub fn fido_oid(last: u8) -> Vec<u8> {
    vec![0x2b, 6, 1, 4, 1, 0x82, 0xe5, 0x1c, 1, 1, last]
}

pub fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let mark: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    sequence(&[&tlv(6, id), mark, &tlv(4, value)])
}

pub fn basic_constraints(ca: bool, path_length: Option<u8>) -> Vec<u8> {
    let ca: &[u8] = if ca { &[1, 1, 0xff] } else { &[] };
    let length = path_length
        .map(|length| tlv(2, &[length]))
        .unwrap_or_default();
    extension(&[0x55, 0x1d, 19], true, &sequence(&[ca, &length]))
}

/// Relative names: OID's last byte under 2.5.4, and the text.
pub type Name = Vec<(u8, &'static str)>;

pub fn attestation_subject() -> Name {
    vec![
        (6, "AA"),
        (10, "Vendor"),
        (11, "Authenticator Attestation"),
        (3, "Model 1"),
    ]
}

fn name(attributes: &Name) -> Vec<u8> {
    let relative: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(last, text)| {
            tlv(
                0x31,
                &sequence(&[&tlv(6, &[0x55, 4, *last]), &tlv(0x0c, text.as_bytes())]),
            )
        })
        .collect();
    tlv(0x30, &relative.concat())
}

/// Everything in a certificate that a test wants to bend.
#[derive(Clone)]
pub struct Spec {
    /// 2 is version 3.
    pub version: u8,
    pub subject: Name,
    pub issuer: Name,
    pub not_before: &'static str,
    pub not_after: &'static str,
    pub extensions: Vec<Vec<u8>>,
}

impl Spec {
    /// A leaf that fulfils 8.2.1.
    pub fn leaf() -> Self {
        Self {
            version: 2,
            subject: attestation_subject(),
            issuer: vec![(3, "Intermediate")],
            not_before: "20200101000000Z",
            not_after: "20491231235959Z",
            extensions: vec![
                basic_constraints(false, None),
                extension(&fido_oid(4), false, &tlv(4, &[0xaa; 16])),
            ],
        }
    }

    pub fn ca(subject: &'static str, issuer: &'static str) -> Self {
        Self {
            subject: vec![(3, subject)],
            issuer: vec![(3, issuer)],
            extensions: vec![
                basic_constraints(true, None),
                extension(&[0x55, 0x1d, 15], true, &[3, 2, 2, 4]),
            ],
            ..Self::leaf()
        }
    }

    /// The DER certificate for `key`, signed by `issuer`.
    pub fn issue(&self, key: &Key, issuer: &Key) -> Vec<u8> {
        let algorithm = signature_algorithm(issuer);
        let version = match self.version {
            0 => vec![],
            version => tlv(0xa0, &tlv(2, &[version])),
        };
        let validity = sequence(&[
            &tlv(0x18, self.not_before.as_bytes()),
            &tlv(0x18, self.not_after.as_bytes()),
        ]);
        let extensions = match &self.extensions[..] {
            [] => vec![],
            list => tlv(0xa3, &tlv(0x30, &list.concat())),
        };
        let signed = sequence(&[
            &version,
            &tlv(2, &[0x81]), // A negative serial number, as it occurs in the field.
            &algorithm,
            &name(&self.issuer),
            &validity,
            &name(&self.subject),
            &public_key_info(key),
            &extensions,
        ]);
        let signature = [&[0][..], &issuer.sign(&signed)].concat();
        sequence(&[&signed, &algorithm, &tlv(3, &signature)])
    }
}

fn signature_algorithm(key: &Key) -> Vec<u8> {
    match key.algorithm() {
        CoseAlgorithm::ES256 => sequence(&[&tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]),
        CoseAlgorithm::ES384 => sequence(&[&tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3])]),
        CoseAlgorithm::ES512 => sequence(&[&tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4])]),
        CoseAlgorithm::EDDSA => sequence(&[&tlv(6, &[0x2b, 0x65, 0x70])]),
        CoseAlgorithm::RS256 => sequence(&[
            &tlv(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]),
            &[5, 0],
        ]),
        other => panic!("{other}"),
    }
}

fn public_key_info(key: &Key) -> Vec<u8> {
    let algorithm = match key {
        Key::Ec(..) => {
            let curve: &[u8] = match key.public().len() {
                65 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
                97 => &[0x2b, 0x81, 4, 0, 34],
                _ => &[0x2b, 0x81, 4, 0, 35],
            };
            sequence(&[
                &tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]),
                &tlv(6, curve),
            ])
        }
        Key::Ed25519(..) => sequence(&[&tlv(6, &[0x2b, 0x65, 0x70])]),
        Key::Ed448(..) | Key::MlDsa(..) => panic!("no certificates for these keys here"),
        Key::Rsa(..) => sequence(&[
            &tlv(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]),
            &[5, 0],
        ]),
    };
    sequence(&[&algorithm, &tlv(3, &[&[0], key.public()].concat())])
}
