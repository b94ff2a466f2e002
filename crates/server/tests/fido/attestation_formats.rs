//! Each attestation statement format.

use domain::Reason;
use serde_json::json;
use testkit::{Algorithm, Format, Hash, Lies, Profile, Signer};

use crate::common::START;
use crate::support::{Binding, Device, lies};

/// What a case is about: the authenticator, what its maker says of it, and how it lies.
struct Case {
    attestation_type: &'static str,
    profile: Profile,
    lies: Lies,
    algorithms: Option<Vec<&'static str>>,
}

impl Case {
    fn new(attestation_type: &'static str, format: Format) -> Self {
        let mut profile = Profile::security_key().with_format(format);
        profile.safetynet.timestamp_ms = START;
        Self {
            attestation_type,
            profile,
            lies: Lies::default(),
            algorithms: None,
        }
    }

    fn profile(mut self, change: impl FnOnce(&mut Profile)) -> Self {
        change(&mut self.profile);
        self
    }

    fn intermediates(self, count: usize) -> Self {
        self.profile(|profile| profile.chain.intermediates = count)
    }

    fn lie(mut self, change: impl FnOnce(&mut Lies)) -> Self {
        self.lies = lies(change);
        self
    }

    async fn send(self) -> crate::common::Answer {
        let binding = Binding::new().await;
        let mut device = Device::new(self.attestation_type, self.profile);
        if let Some(algorithms) = self.algorithms {
            device.algorithms = algorithms;
        }
        binding.register(&mut device, &self.lies).await
    }

    async fn passes(self) {
        self.send().await.ok();
    }

    async fn fails(self, reason: Reason) {
        self.send().await.failed(reason);
    }
}

macro_rules! cases {
    ($($name:ident: $case:expr $(=> $reason:ident)?;)+) => {$(
        #[tokio::test]
        async fn $name() {
            cases!(@ $case $(, $reason)?);
        }
    )+};
    (@ $case:expr) => { $case.passes().await };
    (@ $case:expr, $reason:ident) => { $case.fails(Reason::$reason).await };
}

mod packed_full {
    use super::*;

    fn packed() -> Case {
        Case::new("basic_full", Format::PackedX5c)
    }

    cases! {
        a_leaf_only_passes: packed();
        a_leaf_and_intermediates_up_to_the_metadata_root_pass: packed().intermediates(2);
        an_unknown_fmt_fails: packed().lie(|lies| lies.format_name = Some("packed2".to_owned())) => AttestationFormatUnsupported;
        a_bad_signature_fails: packed().lie(|lies| lies.tampered_signature = true) => AttestationSignatureInvalid;
        // Without certificates it is a self attestation, and not signed with the credential's key.
        x5c_missing_fails: packed().lie(|lies| lies.without_statement_member = Some("x5c".to_owned())) => AttestationSignatureInvalid;
        x5c_that_is_not_an_array_fails: packed().lie(|lies| {
            lies.statement_members.insert("x5c".to_owned(), json!("text"));
        }) => AttestationStatementMalformed;
        x5c_that_is_empty_fails: packed().lie(|lies| {
            lies.statement_members.insert("x5c".to_owned(), json!([]));
        }) => AttestationStatementMalformed;
        an_expired_leaf_fails: packed().lie(|lies| lies.certificate.expired = true) => CertificateExpired;
        a_leaf_that_is_not_yet_valid_fails: packed().lie(|lies| lies.certificate.not_yet_valid = true) => CertificateNotYetValid;
        a_leaf_of_another_algorithm_than_in_the_metadata_fails: packed().profile(|profile| {
            profile.attestation_algorithm = Some(Algorithm::RS256);
        }) => AttestationAlgorithmMismatch;
        a_chain_that_cannot_be_verified_fails: packed().intermediates(1).lie(|lies| lies.issuer.tampered_signature = true) => AttestationUntrusted;
        a_chain_of_somebody_else_fails: packed().lie(|lies| lies.chain.foreign_root = true) => AttestationUntrusted;
        a_chain_that_includes_the_root_fails: packed().intermediates(1).lie(|lies| lies.chain.root_included = true) => AttestationUntrusted;
        a_chain_in_the_wrong_order_fails: packed().intermediates(2).lie(|lies| lies.chain.issuers_reversed = true) => AttestationUntrusted;
        an_expired_intermediate_fails: packed().intermediates(1).lie(|lies| lies.issuer.expired = true) => CertificateExpired;
        a_signature_that_is_not_by_the_leafs_key_fails: packed().lie(|lies| lies.signed_by = Signer::OtherKey) => AttestationSignatureInvalid;
        a_signature_by_the_credentials_key_fails: packed().profile(|profile| {
            profile.algorithms = vec![Algorithm::ES256];
        }).lie(|lies| lies.signed_by = Signer::CredentialKey) => AttestationSignatureInvalid;
    }
}

mod packed_self {
    use super::*;

    fn packed() -> Case {
        Case::new("basic_surrogate", Format::PackedSelf)
    }

    cases! {
        it_passes: packed();
        a_bad_signature_fails: packed().lie(|lies| lies.tampered_signature = true) => AttestationSignatureInvalid;
        self_where_the_metadata_know_full_fails: Case::new("basic_full", Format::PackedSelf) => AttestationUntrusted;
        an_unknown_fmt_fails: packed().lie(|lies| lies.format_name = Some("packed2".to_owned())) => AttestationFormatUnsupported;
    }
}

mod none {
    use super::*;

    cases! {
        none_with_an_empty_statement_passes: Case::new("basic_full", Format::None);
        none_with_a_packed_statement_fails: Case::new("basic_full", Format::PackedX5c).lie(|lies| {
            lies.format_name = Some("none".to_owned());
        }) => AttestationStatementMalformed;
    }
}

mod fido_u2f {
    use super::*;

    fn u2f() -> Case {
        Case::new("basic_full", Format::FidoU2f).profile(|profile| *profile = Profile::u2f())
    }

    cases! {
        it_passes: u2f();
        an_aaguid_that_is_not_zero_fails: u2f().lie(|lies| lies.aaguid = Some([7; 16])) => AaguidNotZero;
        a_bad_signature_fails: u2f().lie(|lies| lies.tampered_signature = true) => AttestationSignatureInvalid;
    }
}

mod tpm {
    use super::*;

    fn tpm() -> Case {
        Case::new("attca", Format::Tpm)
            .profile(|profile| profile.algorithms = vec![Algorithm::RS256])
    }

    cases! {
        sha_256_passes: tpm();
        sha_1_passes: tpm().profile(|profile| {
            profile.attestation_algorithm = Some(Algorithm::RS1);
            profile.tpm.name_algorithm = Hash::Sha1;
        });
        another_name_alg_passes: tpm().profile(|profile| profile.tpm.name_algorithm = Hash::Sha384);
        certificates_in_the_wrong_order_fail: tpm().intermediates(1).lie(|lies| lies.chain.leaf_last = true) => CertificateRequirements;
        an_extra_data_that_is_not_the_hash_fails: tpm().lie(|lies| lies.tpm.extra_data = Some(vec![7; 32])) => TpmExtraData;
        a_magic_that_is_not_ff544347_fails: tpm().lie(|lies| lies.tpm.magic = Some(0xff54_4348)) => TpmMagic;
        a_unique_that_is_not_the_new_key_fails: tpm().lie(|lies| lies.tpm.other_key = true) => TpmPubareaKeyMismatch;
    }
}

mod android_key {
    use super::*;

    fn android_key() -> Case {
        Case::new("basic_full", Format::AndroidKey)
    }

    cases! {
        it_passes: android_key();
        a_wrong_client_data_hash_in_the_leaf_fails: android_key().lie(|lies| {
            lies.attestation_challenge = Some(vec![7; 32]);
        }) => AndroidKeyChallenge;
        another_public_key_in_the_leaf_fails: android_key().lie(|lies| lies.certificate.other_key = true) => AttestationKeyMismatch;
        certificates_in_the_wrong_order_fail: android_key().intermediates(1).lie(|lies| {
            lies.chain.leaf_last = true;
        }) => AttestationSignatureInvalid;
    }
}

mod android_safetynet {
    use super::*;

    fn safetynet() -> Case {
        Case::new("basic_full", Format::AndroidSafetynet)
    }

    fn at(timestamp_ms: i64) -> Case {
        safetynet().profile(|profile| profile.safetynet.timestamp_ms = timestamp_ms)
    }

    cases! {
        it_passes: safetynet();
        a_minute_ago_passes: at(START - 59_000);
        an_empty_ver_fails: safetynet().profile(|profile| profile.safetynet.version.clear()) => SafetynetVersion;
        an_empty_response_fails: safetynet().lie(|lies| lies.safetynet.response = Some(String::new())) => SafetynetMalformed;
        a_wrong_nonce_fails: safetynet().lie(|lies| lies.safetynet.nonce = Some("AAAA".to_owned())) => SafetynetNonce;
        an_empty_x5c_fails: safetynet().lie(|lies| lies.safetynet.without_certificates = true) => SafetynetMalformed;
        a_cts_profile_match_that_is_false_fails: safetynet().profile(|profile| {
            profile.safetynet.cts_profile_match = false;
        }) => SafetynetCtsProfile;
        a_timestamp_in_the_future_fails: at(START + 60_000) => SafetynetTimestamp;
        a_timestamp_older_than_a_minute_fails: at(START - 61_000) => SafetynetTimestamp;
    }
}
