//! The check that no server can leave out: one ES256 signature of an authentication, and nothing else.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::passkey::{Key, authenticator_data};
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
pub fn run(seconds: f64) -> Result<Bare, Failure> {
    let key = Key::generate()?;
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
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, black_box(public))
                .verify(black_box(&message), &signature)
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
