//! Responses that would be expensive to judge if nothing bounded the work, and the limit that ends each.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, and each binary uses another part"
)]

use crate::common::certificates::Spec;
use crate::common::{Key, Registration, Statement};
use minicbor::Encoder;
use webauthn::cbor::{MAX_CONTAINER_ITEMS, MAX_DEPTH};
use webauthn::cose::{CoseAlgorithm, MAX_RSA_BITS};
use webauthn::limits::{MAX_CERTIFICATE, MAX_CERTIFICATES, MAX_SIGNATURE_CHECKS};

/// A hostile response.
pub struct Hostile {
    pub name: &'static str,
    /// What the refusal must say: the number of the limit stands in it where there is one.
    pub says: String,
    pub registration: Registration,
}

fn statement(name: &'static str, says: String, bytes: Vec<u8>) -> Hostile {
    let registration = Registration {
        statement: Statement::Raw(bytes),
        ..Registration::new()
    };
    Hostile {
        name,
        says,
        registration,
    }
}

fn chain(name: &'static str, says: String, x5c: Vec<Vec<u8>>) -> Hostile {
    let registration = Registration {
        format: "packed".into(),
        statement: Statement::Basic {
            alg: CoseAlgorithm::ES256.0,
            signer: Key::es256(),
            x5c,
        },
        ..Registration::new()
    };
    Hostile {
        name,
        says,
        registration,
    }
}

/// A COSE key for RS256 with a modulus of so many bytes.
fn rsa_key(modulus: usize) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.map(4).unwrap();
    encoder.u8(1).unwrap().u8(3).unwrap();
    encoder.u8(3).unwrap().i16(-257).unwrap();
    encoder.i8(-1).unwrap().bytes(&vec![0xff; modulus]).unwrap();
    encoder.i8(-2).unwrap().bytes(&[1, 0, 1]).unwrap();
    encoder.into_writer()
}

/// A chain whose issuers all have one name, so that every anchor has to be tried.
fn many_anchors() -> Hostile {
    let (signer, issuer, other) = (Key::es256(), Key::es256(), Key::es256());
    let ca = Spec::ca("Intermediate", "Intermediate");
    let mut registration = Registration {
        format: "packed".into(),
        statement: Statement::Basic {
            alg: CoseAlgorithm::ES256.0,
            x5c: vec![Spec::leaf().issue(&signer, &issuer)],
            signer,
        },
        ..Registration::new()
    };
    registration.expected.attestation.trust_anchors =
        vec![ca.issue(&other, &other); MAX_SIGNATURE_CHECKS + 1].into();
    Hostile {
        name: "one issuer name, many anchors",
        says: "too many signature checks".into(),
        registration,
    }
}

/// All of them.
pub fn all() -> Vec<Hostile> {
    let deep = "[".repeat(2_000) + &"]".repeat(2_000);
    let certificate = Spec::leaf().issue(&Key::es256(), &Key::es256());
    vec![
        statement(
            "CBOR of 10,000 levels",
            format!("deeper than {MAX_DEPTH} levels"),
            vec![0x81; 10_000],
        ),
        statement(
            "CBOR array of 2^63 elements",
            format!("more than {MAX_CONTAINER_ITEMS} elements"),
            vec![0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ),
        statement(
            "CBOR map of 2^63 elements",
            format!("more than {MAX_CONTAINER_ITEMS} elements"),
            vec![0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ),
        statement(
            "CBOR byte string of 2^63 bytes",
            "ends inside an item".into(),
            vec![0x5b, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ),
        chain(
            "100 small certificates",
            format!("more than {MAX_CONTAINER_ITEMS} elements"),
            vec![vec![0x30, 0]; 100],
        ),
        chain(
            "as many certificates as the CBOR may hold",
            format!("more than {MAX_CERTIFICATES} certificates"),
            vec![certificate; 60],
        ),
        chain(
            "a certificate of 9 kB",
            "too large".into(),
            vec![vec![0x30; MAX_CERTIFICATE + 1]],
        ),
        Hostile {
            name: "RSA-16384",
            says: format!("2048 to {MAX_RSA_BITS} bits"),
            registration: Registration {
                cose_key: rsa_key(2_048),
                ..Registration::with_key(Key::new(CoseAlgorithm::RS256))
            },
        },
        Hostile {
            name: "client data of 2,000 levels",
            says: "deep".into(),
            registration: Registration {
                client_data_bytes: Some(deep.into_bytes()),
                ..Registration::new()
            },
        },
        many_anchors(),
    ]
}
