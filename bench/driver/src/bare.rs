//! The check that no server can leave out: one signature of an authentication, and nothing else.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ML_DSA_44, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::passkey::{Algorithm, Key, authenticator_data};
use crate::process;

/// What the loop measured.
#[derive(Serialize, Deserialize)]
pub struct Bare {
    /// Signatures that were checked.
    pub checks: u64,
    /// CPU time of one check, in microseconds.
    pub cpu_us: f64,
    /// Wall-clock time of one check, in microseconds.
    pub wall_us: f64,
}

/// Checks one signature again and again for about `seconds`.
pub fn run(algorithm: Algorithm, seconds: f64) -> Result<Bare, Failure> {
    let key = Key::generate(algorithm)?;
    // Authenticator data and the digest of the client data.
    let mut message = authenticator_data(0).to_vec();
    message.extend([7; 32]);
    let signature = key.sign(&message)?;
    let public = key.public();

    let cpu = process::usage(std::process::id())?.cpu;
    let start = Instant::now();
    let mut checks = 0;
    while start.elapsed().as_secs_f64() < seconds {
        for _ in 0..100 {
            check(&key, black_box(public), black_box(&message), &signature)
                .map_err(|_| "the signature does not verify")?;
        }
        checks += 100;
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / checks as f64;
    Ok(Bare {
        checks,
        cpu_us: each(process::usage(std::process::id())?.cpu.saturating_sub(cpu)),
        wall_us: each(start.elapsed()),
    })
}

fn check(key: &Key, public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Unspecified> {
    match key {
        Key::Es256(..) => {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public).verify(message, signature)
        }
        Key::Eddsa(_) => UnparsedPublicKey::new(&ED25519, public).verify(message, signature),
        Key::MlDsa44(_) => UnparsedPublicKey::new(&ML_DSA_44, public).verify(message, signature),
        // As they are in the DER of a key of 2048 bits.
        Key::Rs256(..) => PublicKeyComponents {
            n: &public[9..265],
            e: &public[267..],
        }
        .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
    }
}
