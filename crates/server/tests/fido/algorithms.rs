//! `packed` self attestation by each algorithm.

use domain::Reason;
use testkit::{Algorithm, Format, Lies, Profile};

use crate::support::{Binding, Device};

async fn passes(algorithm: Algorithm, listed: &'static str) {
    let binding = Binding::new().await;
    let profile = Profile::security_key()
        .with_format(Format::PackedSelf)
        .with_algorithm(algorithm);
    let mut device = Device::new("basic_surrogate", profile);
    device.algorithms = vec![listed];
    binding.register(&mut device, &Lies::default()).await.ok();
    // And it signs in.
    let reply = binding
        .sign_in(&mut device.authenticator, "preferred", &Lies::default())
        .await;
    reply.ok();
}

macro_rules! algorithms {
    ($($name:ident => $algorithm:ident, $listed:literal;)+) => {$(
        #[tokio::test]
        async fn $name() {
            passes(Algorithm::$algorithm, $listed).await;
        }
    )+};
}

mod self_attestation {
    use super::*;

    algorithms! {
        mandatory_rs256 => RS256, "rsassa_pkcsv15_sha256_raw";
        mandatory_rs1 => RS1, "rsassa_pkcsv15_sha1_raw";
        mandatory_es256 => ES256, "secp256r1_ecdsa_sha256_raw";
        optional_es256k => ES256K, "secp256k1_ecdsa_sha256_raw";
        optional_ps256 => PS256, "rsassa_pss_sha256_raw";
        optional_ps384 => PS384, "rsassa_pss_sha384_raw";
        optional_ps512 => PS512, "rsassa_pss_sha512_raw";
        optional_rs384 => RS384, "rsassa_pkcsv15_sha384_raw";
        optional_rs512 => RS512, "rsassa_pkcsv15_sha512_raw";
        optional_es384 => ES384, "secp384r1_ecdsa_sha384_raw";
        optional_es512 => ES512, "secp521r1_ecdsa_sha512_raw";
        optional_eddsa => EdDSA, "ed25519_eddsa_sha512_raw";
    }

    #[tokio::test]
    async fn an_algorithm_that_the_metadata_do_not_list_fails() {
        let binding = Binding::new().await;
        let profile = Profile::security_key()
            .with_format(Format::PackedSelf)
            .with_algorithm(Algorithm::EdDSA);
        let mut device = Device::new("basic_surrogate", profile);
        let reply = binding.register(&mut device, &Lies::default()).await;
        reply.failed(Reason::AttestationAlgorithmMismatch);
    }
}
