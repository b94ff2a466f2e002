//! A metadata service of the target's own: a key and a certificate that is its own anchor.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use std::sync::LazyLock;
use webauthn::base64url::encode;
use webauthn::metadata::{BlobExpectation, Metadata, MetadataError};

use crate::NOW;

struct Service {
    key: EcdsaKeyPair,
    roots: Vec<Vec<u8>>,
    header: String,
}

static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let certificate = certificate(key.public_key().as_ref());
    let url = encode(&certificate).replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - url.len() % 4) % 4);
    let header = encode(format!(r#"{{"alg":"ES256","x5c":["{url}{padding}"]}}"#).as_bytes());
    Service {
        key,
        roots: vec![certificate],
        header,
    }
});

/// A BLOB with any payload, signed.
pub fn sign(payload: &[u8]) -> String {
    let signed = format!("{}.{}", SERVICE.header, encode(payload));
    let signature = SERVICE.key.sign(&SystemRandom::new(), signed.as_bytes());
    format!(
        "{signed}.{}",
        encode(signature.expect("a signature").as_ref())
    )
}

/// The verdict on a BLOB.
pub fn verify(blob: &[u8]) -> Result<Metadata, MetadataError> {
    let expected = BlobExpectation {
        roots: &SERVICE.roots,
        revocation_lists: &[],
        signer_name: None,
        previous_no: None,
        at: NOW,
    };
    Metadata::verify(blob, &expected)
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        Ok(long) => out.extend([0x81, long]),
        Err(_) => {
            out.push(0x82);
            out.extend_from_slice(&(content.len() as u16).to_be_bytes());
        }
    }
    out.extend(content);
    out
}

/// A certificate for a point on P-256, valid from 2020 to 2049. Its signature is not verified: it is an anchor itself.
fn certificate(point: &[u8]) -> Vec<u8> {
    let ecdsa_with_sha256 = tlv(0x30, &[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
    let common_name = tlv(0x30, &[&[6, 3, 0x55, 4, 3], &tlv(0x0c, &[b"fuzz"])]);
    let name = tlv(0x30, &[&tlv(0x31, &[&common_name])]);
    let validity = tlv(
        0x30,
        &[
            &tlv(0x17, &[b"200101000000Z"]),
            &tlv(0x17, &[b"491231235959Z"]),
        ],
    );
    let key_type = tlv(
        0x30,
        &[
            &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1],
            &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
        ],
    );
    let key = tlv(0x30, &[&key_type, &tlv(3, &[&[0], point])]);
    let version = tlv(0xa0, &[&[2, 1, 2]]);
    let body = tlv(
        0x30,
        &[
            &version,
            &[2, 1, 1],
            &ecdsa_with_sha256,
            &name,
            &validity,
            &name,
            &key,
        ],
    );
    let no_signature = tlv(3, &[&[0, 0x30, 6, 2, 1, 1, 2, 1, 1]]);
    tlv(0x30, &[&body, &ecdsa_with_sha256, &no_signature])
}
