//! A decoder for attestation objects, and signature checks from the key's published form alone.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256K1_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, ML_DSA_44, ML_DSA_65, ML_DSA_87,
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use der::{Decode as _, Encode as _};
use minicbor::data::Type;
use minicbor::decode::Decoder;
use serde_json::{Value, json};
use x509_cert::Certificate;

use crate::algorithm::Algorithm;
use crate::authenticator::Authenticator;
use crate::encoding::{base64url, from_base64url};
use crate::lies::Lies;
use crate::profile::{Format, Profile};

pub(crate) const ORIGIN: &str = "https://login.acme.test";
pub(crate) const CHALLENGE: &str = "NjE2MjYzNjQ2NTY2Njc2ODY5NmE2YjZjNmQ2ZTZm";

/// Options that offer every algorithm.
pub(crate) fn creation_options() -> Value {
    let parameters: Vec<Value> = Algorithm::ALL
        .iter()
        .map(|algorithm| json!({"type": "public-key", "alg": algorithm.cose()}))
        .collect();
    json!({"publicKey": {
        "rp": {"id": "acme.test", "name": "Acme"},
        "user": {"id": base64url(b"YE00"), "name": "a", "displayName": "a"},
        "challenge": CHALLENGE,
        "pubKeyCredParams": parameters,
        "excludeCredentials": [],
    }})
}

pub(crate) fn request_options(allowed: &[&Value]) -> Value {
    let allowed: Vec<Value> = allowed
        .iter()
        .map(|id| json!({"type": "public-key", "id": id, "transports": []}))
        .collect();
    json!({"publicKey": {"challenge": CHALLENGE, "rpId": "acme.test", "allowCredentials": allowed}})
}

pub(crate) fn member(credential: &Value, name: &str) -> Vec<u8> {
    from_base64url(credential["response"][name].as_str().expect(name)).expect(name)
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// Any CBOR item that occurs here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
    Bool(bool),
    Array(Vec<Item>),
    Map(Vec<(Item, Item)>),
}

impl Item {
    /// Reads one item; indefinite lengths, tags and the rest of CBOR panic.
    fn read(cbor: &mut Decoder<'_>) -> Self {
        match cbor.datatype().unwrap() {
            Type::String => Self::Text(cbor.str().unwrap().to_owned()),
            Type::Bytes => Self::Bytes(cbor.bytes().unwrap().to_vec()),
            Type::Bool => Self::Bool(cbor.bool().unwrap()),
            Type::Array => {
                let length = cbor.array().unwrap().unwrap();
                Self::Array((0..length).map(|_| Self::read(cbor)).collect())
            }
            Type::Map => {
                let length = cbor.map().unwrap().unwrap();
                let members = (0..length).map(|_| (Self::read(cbor), Self::read(cbor)));
                Self::Map(members.collect())
            }
            _ => Self::Integer(cbor.i64().unwrap()),
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let mut cbor = Decoder::new(bytes);
        let item = Self::read(&mut cbor);
        assert_eq!(cbor.position(), bytes.len(), "bytes behind the item");
        item
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Map(members) = self else {
            panic!("{self:?} is no map")
        };
        let found = |(key, _): &&(Self, Self)| *key == Self::Text(name.to_owned());
        members.iter().find(found).map(|(_, value)| value)
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        let Self::Map(members) = self else {
            panic!("{self:?} is no map")
        };
        members.iter().map(|(key, _)| key.text()).collect()
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            other => panic!("{other:?} is no byte string"),
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            other => panic!("{other:?} is no array"),
        }
    }
}

/// An attestation object and the authenticator data in it, taken apart.
pub(crate) struct Parts {
    pub(crate) format: String,
    pub(crate) statement: Item,
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) client_data_hash: Vec<u8>,
    pub(crate) id: Vec<u8>,
    /// The COSE key, and the extension map if there is one.
    pub(crate) cose: Vec<u8>,
}

impl Parts {
    pub(crate) fn of(created: &Value) -> Self {
        let object = Item::decode(&member(created, "attestationObject"));
        assert_eq!(object.names(), ["fmt", "attStmt", "authData"]);
        let authenticator_data = object.get("authData").unwrap().bytes().to_vec();
        let length = u16::from_be_bytes([authenticator_data[53], authenticator_data[54]]);
        let end = 55 + usize::from(length);
        Self {
            format: object.get("fmt").unwrap().text().to_owned(),
            statement: object.get("attStmt").unwrap().clone(),
            client_data_hash: sha256(&member(created, "clientDataJSON")),
            id: authenticator_data[55..end].to_vec(),
            cose: authenticator_data[end..].to_vec(),
            authenticator_data,
        }
    }

    pub(crate) fn signed(&self) -> Vec<u8> {
        [&self.authenticator_data[..], &self.client_data_hash].concat()
    }

    pub(crate) fn algorithm(&self) -> Option<i64> {
        self.statement.get("alg").map(|alg| match alg {
            Item::Integer(number) => *number,
            other => panic!("{other:?} is no integer"),
        })
    }

    pub(crate) fn signature(&self) -> &[u8] {
        self.statement.get("sig").expect("sig").bytes()
    }

    /// `x5c` as DER.
    pub(crate) fn chain(&self) -> Vec<Vec<u8>> {
        chain_of(&self.statement)
    }
}

pub(crate) fn chain_of(statement: &Item) -> Vec<Vec<u8>> {
    match statement.get("x5c") {
        Some(x5c) => x5c.items().iter().map(|der| der.bytes().to_vec()).collect(),
        None => Vec::new(),
    }
}

/// Registers with `profile` and `lies`, and takes the answer apart; the root comes along.
pub(crate) fn register(profile: Profile, lies: &Lies) -> (Parts, Vec<u8>) {
    let mut device = Authenticator::new(profile);
    let created = device.create(&creation_options(), ORIGIN, lies).unwrap();
    (Parts::of(&created), device.attestation_root().unwrap())
}

/// The same without lies, in `format`.
pub(crate) fn register_in(format: Format) -> (Parts, Vec<u8>) {
    register(Profile::default().with_format(format), &Lies::default())
}

/// Checks `signature` under the COSE algorithm `algorithm` with the bits of a `subjectPublicKey`.
pub(crate) fn verifies_raw(algorithm: i64, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let with: &'static dyn VerificationAlgorithm = match algorithm {
        -7 | -9 => &ECDSA_P256_SHA256_ASN1,
        -35 | -51 => &ECDSA_P384_SHA384_ASN1,
        -36 | -52 => &ECDSA_P521_SHA512_ASN1,
        -47 => &ECDSA_P256K1_SHA256_ASN1,
        -8 | -19 => &ED25519,
        -48 => &ML_DSA_44,
        -49 => &ML_DSA_65,
        -50 => &ML_DSA_87,
        -53 => {
            let key = ed448_goldilocks::VerifyingKey::from_bytes(key.try_into().unwrap()).unwrap();
            let signature = ed448_goldilocks::Signature::from_slice(signature).unwrap();
            return key.verify_raw(&signature, message).is_ok();
        }
        rsa => rsa_parameters(rsa),
    };
    let key = UnparsedPublicKey::new(with, key);
    key.verify(message, signature).is_ok()
}

fn rsa_parameters(algorithm: i64) -> &'static RsaParameters {
    match algorithm {
        -257 => &RSA_PKCS1_2048_8192_SHA256,
        -258 => &RSA_PKCS1_2048_8192_SHA384,
        -259 => &RSA_PKCS1_2048_8192_SHA512,
        -37 => &RSA_PSS_2048_8192_SHA256,
        -38 => &RSA_PSS_2048_8192_SHA384,
        -39 => &RSA_PSS_2048_8192_SHA512,
        -65_535 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        other => panic!("algorithm {other}"),
    }
}

/// Checks `signature` with the COSE key alone.
pub(crate) fn verifies(cose: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Item::Map(members) = Item::decode(cose) else {
        panic!("a COSE key is a map")
    };
    let (mut numbers, mut strings) = (Vec::new(), Vec::new());
    for (label, value) in &members {
        match (label, value) {
            (Item::Integer(label), Item::Integer(value)) => numbers.push((*label, *value)),
            (Item::Integer(label), Item::Bytes(value)) => strings.push((*label, &value[..])),
            other => panic!("member {other:?}"),
        }
    }
    let raw = |algorithm, key: &[u8]| verifies_raw(algorithm, key, message, signature);
    match (&numbers[..], &strings[..]) {
        (
            [(1, 2), (3, algorithm @ (-7 | -9)), (-1, 1)]
            | [(1, 2), (3, algorithm @ (-35 | -51)), (-1, 2)]
            | [(1, 2), (3, algorithm @ (-36 | -52)), (-1, 3)]
            | [(1, 2), (3, algorithm @ -47), (-1, 8)],
            [(-2, x), (-3, y)],
        ) => raw(*algorithm, &[&[4], *x, *y].concat()),
        (
            [(1, 1), (3, algorithm @ (-8 | -19)), (-1, 6)]
            | [(1, 1), (3, algorithm @ -53), (-1, 7)],
            [(-2, key)],
        )
        | ([(1, 7), (3, algorithm @ -50..=-48)], [(-1, key)]) => raw(*algorithm, key),
        ([(1, 3), (3, algorithm)], [(-1, n), (-2, e)]) => RsaPublicKeyComponents { n, e }
            .verify(rsa_parameters(*algorithm), message, signature)
            .is_ok(),
        other => panic!("COSE key {other:?}"),
    }
}

pub(crate) fn assertion_verifies(cose: &[u8], credential: &Value) -> bool {
    let mut message = member(credential, "authenticatorData");
    message.extend(sha256(&member(credential, "clientDataJSON")));
    verifies(cose, &message, &member(credential, "signature"))
}

pub(crate) fn parse(certificate: &[u8]) -> Certificate {
    Certificate::from_der(certificate).unwrap()
}

/// The bits of a certificate's `subjectPublicKey`.
pub(crate) fn key_of(certificate: &[u8]) -> Vec<u8> {
    let certificate = parse(certificate);
    let spki = certificate.tbs_certificate().subject_public_key_info();
    spki.subject_public_key.raw_bytes().to_vec()
}

/// The content of the extension `oid` and whether it is critical.
pub(crate) fn extension(certificate: &[u8], oid: &str) -> Option<(bool, Vec<u8>)> {
    let certificate = parse(certificate);
    let extensions = certificate.tbs_certificate().extensions()?;
    let found = extensions.iter().find(|one| one.extn_id.to_string() == oid);
    found.map(|one| (one.critical, one.extn_value.as_bytes().to_vec()))
}

/// Whether `issuer` signed `certificate` under the COSE algorithm `algorithm` and both agree on the name between them.
pub(crate) fn signed_by(certificate: &[u8], issuer: &[u8], algorithm: i64) -> bool {
    let (certificate, issuer_key) = (parse(certificate), key_of(issuer));
    let tbs = certificate.tbs_certificate();
    *tbs.issuer() == *parse(issuer).tbs_certificate().subject()
        && tbs.signature() == certificate.signature_algorithm()
        && verifies_raw(
            algorithm,
            &issuer_key,
            &tbs.to_der().unwrap(),
            certificate.signature().raw_bytes(),
        )
}
