//! Section 8.5, the responses of Android's withdrawn `SafetyNet` service.

mod device;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use device::{Algorithm, Device, Format, NOW, of};
use serde_json::json;
use testkit::SafetyNetLies;
use webauthn::attestation::{AttestationType, SafetyNetPolicy};
use webauthn::base64url::encode;
use webauthn::trust::Trust;
use webauthn::{Reason, UnixSeconds};

fn safetynet() -> Device {
    of(Format::AndroidSafetynet).policy(|policy| {
        policy.android_safetynet = SafetyNetPolicy::Accepted {
            max_age_seconds: None,
        };
    })
}

fn says(change: impl FnOnce(&mut SafetyNetLies)) -> Device {
    safetynet().lie(|lies| change(&mut lies.safetynet))
}

#[test]
fn the_format_is_not_supported_unless_the_policy_accepts_it() {
    of(Format::AndroidSafetynet).fails(Reason::AttestationFormatUnsupported);
}

#[test]
fn a_response_of_the_service_succeeds() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        let verified = safetynet()
            .profile(|profile| profile.attestation_algorithm = Some(algorithm))
            .succeeds();
        assert_eq!(
            (
                verified.format(),
                verified.attestation_type(),
                verified.trust()
            ),
            ("android-safetynet", AttestationType::Basic, Trust::Trusted)
        );
    }
}

#[test]
fn the_statement_names_a_version() {
    safetynet()
        .lie(|lies| lies.without_statement_member = Some("ver".to_owned()))
        .fails(Reason::SafetynetVersion);
    safetynet()
        .profile(|profile| profile.safetynet.version = String::new())
        .fails(Reason::SafetynetVersion);
}

#[test]
fn the_response_is_a_compact_jws() {
    safetynet()
        .lie(|lies| lies.without_statement_member = Some("response".to_owned()))
        .fails(Reason::AttestationStatementMalformed);
    for other in [
        "",
        ".",
        "..",
        "e30.e30",
        "e30.e30.AA.AA",
        "e30=.e30.AA",
        "W10.e30.AA",
        "e30.W10.AA",
        "e30.e30.AA",
        "eyJ4NWMiOltdfQ.e30.AA",
        "eyJ4NWMiOlsiKiJdfQ.e30.AA",
        "eyJhIjoxLCJhIjoxfQ.e30.AA",
    ] {
        says(|lies| lies.response = Some(other.to_owned())).fails(Reason::SafetynetMalformed);
    }

    // Six certificates, and one of 8 KiB, are as much as there may be.
    for (count, length, reason) in [
        (6, 3, Reason::AttestationStatementMalformed),
        (7, 3, Reason::SafetynetMalformed),
        (1, 8 * 1024, Reason::AttestationStatementMalformed),
        (1, 8 * 1024 + 1, Reason::SafetynetMalformed),
    ] {
        let x5c = vec![STANDARD.encode(vec![0; length]); count];
        let header = encode(json!({ "x5c": x5c }).to_string().as_bytes());
        says(|lies| lies.response = Some(format!("{header}.e30.AA"))).fails(reason);
    }
}

#[test]
fn the_certificate_is_for_exactly_the_host_of_the_service() {
    for host in [
        "attest.android.com.evil.test",
        "xattest.android.com",
        "*.android.com",
        "ATTEST.android.com",
        "",
    ] {
        safetynet()
            .certificate(|certificate| certificate.host = Some(host.to_owned()))
            .fails(Reason::SafetynetHost);
    }
}

#[test]
fn a_certificate_without_alternative_names_is_judged_by_its_common_name() {
    let common_name = |host: &str| {
        safetynet().certificate(|certificate| {
            certificate.without_alternative_name = true;
            certificate.host = Some(host.to_owned());
        })
    };
    assert_eq!(
        common_name("attest.android.com").succeeds().trust(),
        Trust::Trusted
    );
    for host in ["attest.android.com.evil.test", "ATTEST.android.com", ""] {
        common_name(host).fails(Reason::SafetynetHost);
    }
    // Where there are alternative names, the common name says nothing: another host, and none at all.
    let other = [&[0x30, 9, 0x82, 7][..], b"evil.de"].concat();
    for names in [other, vec![0x30, 0]] {
        let extension = testkit::ExtraExtension {
            oid: "2.5.29.17".to_owned(),
            critical: false,
            value: testkit::Bytes(names),
        };
        common_name("attest.android.com")
            .certificate(|certificate| certificate.extra_extensions = vec![extension])
            .fails(Reason::SafetynetHost);
    }
}

#[test]
fn the_signature_verifies_by_an_algorithm_that_fits_the_key() {
    safetynet()
        .lie(|lies| lies.tampered_signature = true)
        .fails(Reason::AttestationSignatureInvalid);
    for algorithm in ["none", "ES256", "HS256", "RS512", "rs256", ""] {
        says(|lies| lies.header_algorithm = Some(algorithm.to_owned()))
            .fails(Reason::AttestationSignatureInvalid);
    }
}

#[test]
fn the_nonce_is_the_hash_of_this_registration_in_standard_base64() {
    for nonce in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
        says(|lies| lies.nonce = Some(nonce.to_owned())).fails(Reason::SafetynetNonce);
    }
}

#[test]
fn the_device_passed_the_compatibility_tests() {
    safetynet()
        .profile(|profile| profile.safetynet.cts_profile_match = false)
        .fails(Reason::SafetynetCtsProfile);
    says(|lies| lies.without_cts_profile_match = true).fails(Reason::SafetynetCtsProfile);
}

#[test]
fn the_time_is_judged_where_the_policy_says_so() {
    let after = |seconds: i64, max_age_seconds| {
        let mut device = safetynet().policy(|policy| {
            policy.android_safetynet = SafetyNetPolicy::Accepted { max_age_seconds };
        });
        // The testkit's response is of 2026-01-01.
        device.at = UnixSeconds(NOW.0 + seconds);
        device
    };
    for accepted in [0, 60] {
        let _ = after(accepted, Some(60)).succeeds();
    }
    for refused in [-1, 61] {
        after(refused, Some(60)).fails(Reason::SafetynetTimestamp);
        let _ = after(refused, None).succeeds();
    }
}

#[test]
fn the_chain_is_judged_like_any_other() {
    safetynet()
        .lie(|lies| lies.chain.foreign_root = true)
        .fails(Reason::AttestationUntrusted);
    safetynet()
        .certificate(|certificate| certificate.expired = true)
        .fails(Reason::CertificateExpired);
}
