//! Section 8.4, Android key attestation, and 8.4.1, its certificates.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

mod device;

use device::{Algorithm, Device, Format, of};
use testkit::{AndroidKey, Authorizations, RootOfTrust};
use webauthn::Reason;
use webauthn::attestation::{AndroidKeyPolicy, AttestationType};
use webauthn::trust::Trust;

fn android() -> Device {
    of(Format::AndroidKey)
}

fn says(change: impl FnOnce(&mut AndroidKey)) -> Device {
    android().profile(|profile| change(&mut profile.android_key))
}

fn demanding(device: Device, change: impl FnOnce(&mut AndroidKeyPolicy)) -> Device {
    device.policy(|policy| change(&mut policy.android_key))
}

/// Everything that the default says in the hardware list, in the software list.
fn in_software(key: &mut AndroidKey) {
    key.software = std::mem::take(&mut key.tee);
    key.security_level = 0;
}

#[test]
fn a_key_of_the_key_store_succeeds() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::RS256] {
        let verified = android().key(algorithm).succeeds();
        assert_eq!(
            (
                verified.format(),
                verified.attestation_type(),
                verified.trust()
            ),
            ("android-key", AttestationType::Basic, Trust::Trusted)
        );
    }
}

#[test]
fn each_member_must_be_there() {
    for member in ["alg", "sig", "x5c"] {
        android()
            .lie(|lies| lies.without_statement_member = Some(member.to_owned()))
            .fails(Reason::AttestationStatementMalformed);
    }
}

#[test]
fn the_signature_must_verify_by_the_algorithm_named() {
    android()
        .lie(|lies| lies.tampered_signature = true)
        .fails(Reason::AttestationSignatureInvalid);
    android()
        .key(Algorithm::ES256)
        .lie(|lies| lies.statement_algorithm = Some(-257))
        .fails(Reason::CertificateRequirements);
}

#[test]
fn the_certificate_must_be_about_the_credentials_key() {
    for algorithm in [Algorithm::ES256, Algorithm::RS256] {
        android()
            .key(algorithm)
            .certificate(|certificate| certificate.other_key = true)
            .fails(Reason::AttestationKeyMismatch);
    }
}

#[test]
fn the_key_description_must_be_there_and_of_its_form() {
    android()
        .lie(|lies| lies.without_attestation_extension = true)
        .fails(Reason::AndroidKeyExtension);
    for other in [vec![], vec![0x30, 0], vec![0x30, 3, 2, 1, 3], vec![4, 0]] {
        android()
            .lie(|lies| lies.attestation_extension = Some(other))
            .fails(Reason::AndroidKeyExtension);
    }
}

#[test]
fn the_challenge_must_be_the_hash_of_the_client_data() {
    for other in [vec![], vec![0; 32]] {
        android()
            .lie(|lies| lies.attestation_challenge = Some(other))
            .fails(Reason::AndroidKeyChallenge);
    }
}

#[test]
fn all_applications_must_be_absent_from_both_lists() {
    says(|key| key.software.all_applications = true).fails(Reason::AndroidKeyAllApplications);
    says(|key| key.tee.all_applications = true).fails(Reason::AndroidKeyAllApplications);
}

#[test]
fn the_origin_must_be_generated() {
    says(|key| key.tee.origin = None).fails(Reason::AndroidKeyOrigin);
    for imported in [1, 2, 3] {
        says(|key| key.tee.origin = Some(imported)).fails(Reason::AndroidKeyOrigin);
        // Where both lists say something, both must hold.
        says(|key| key.software.origin = Some(imported)).fails(Reason::AndroidKeyOrigin);
    }
}

#[test]
fn the_purpose_must_include_signing() {
    says(|key| key.tee.purpose = None).fails(Reason::AndroidKeyPurpose);
    for other in [vec![], vec![3], vec![0, 1]] {
        says(|key| key.tee.purpose = Some(other.clone())).fails(Reason::AndroidKeyPurpose);
        says(|key| key.software.purpose = Some(other)).fails(Reason::AndroidKeyPurpose);
    }
}

#[test]
fn the_purpose_may_hold_more_unless_the_policy_wants_signing_only() {
    let also_verifies = says(|key| key.tee.purpose = Some(vec![2, 3]));
    let _ = also_verifies.succeeds();
    demanding(also_verifies, |policy| policy.only_signing = true).fails(Reason::AndroidKeyPurpose);
    let _ = demanding(android(), |policy| policy.only_signing = true).succeeds();
}

#[test]
fn what_software_enforces_counts_unless_the_policy_wants_a_trusted_environment() {
    let software = says(in_software);
    let _ = software.succeeds();
    demanding(software, |policy| policy.trusted_environment = true).fails(Reason::AndroidKeyOrigin);
    let half = says(|key| {
        key.software.purpose = key.tee.purpose.take();
    });
    let _ = half.succeeds();
    demanding(half, |policy| policy.trusted_environment = true).fails(Reason::AndroidKeyPurpose);
    for (level, accepted) in [(0, false), (1, true), (2, true), (3, false)] {
        let device = demanding(says(|key| key.security_level = level), |policy| {
            policy.trusted_environment = true;
        });
        if accepted {
            let _ = device.succeeds();
        } else {
            device.fails(Reason::AttestationPolicyRefused);
        }
    }
}

#[test]
fn the_policy_may_want_a_locked_device_whose_boot_was_verified() {
    let booted = |root: Option<RootOfTrust>| {
        demanding(says(|key| key.tee.root_of_trust = root), |policy| {
            policy.verified_boot = true;
        })
    };
    let _ = booted(Some(RootOfTrust::default())).succeeds();
    booted(None).fails(Reason::AttestationPolicyRefused);
    booted(Some(RootOfTrust {
        device_locked: false,
        ..RootOfTrust::default()
    }))
    .fails(Reason::AttestationPolicyRefused);
    for verified_boot_state in [1, 2, 3] {
        booted(Some(RootOfTrust {
            verified_boot_state,
            ..RootOfTrust::default()
        }))
        .fails(Reason::AttestationPolicyRefused);
    }
}

#[test]
fn a_root_of_trust_that_cannot_be_read_matters_where_the_policy_asks_for_it() {
    let wrapped = says(|key| {
        key.tee.root_of_trust = Some(RootOfTrust {
            wrapped: true,
            ..RootOfTrust::default()
        });
    });
    let _ = wrapped.succeeds();
    demanding(wrapped, |policy| policy.verified_boot = true)
        .fails(Reason::AttestationPolicyRefused);
}

#[test]
fn unknown_elements_of_the_lists_are_skipped() {
    let _ = says(|key| {
        key.tee.unknown_tag = true;
        key.software = Authorizations {
            unknown_tag: true,
            ..Authorizations::default()
        };
    })
    .succeeds();
}

mod malformed_lists_fail_closed {
    use super::*;

    fn tlv(tag: &[u8], content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("short elements only");
        assert!(length < 0x80);
        [tag, &[length], content].concat()
    }

    /// A key description with this list in the hardware's place. Its challenge is of another registration, so that one which
    /// can be read is refused for that.
    fn with(list: &[u8]) -> Device {
        described(&description(list, &[]))
    }

    fn described(description: &[u8]) -> Device {
        android().lie(|lies| lies.attestation_extension = Some(description.to_vec()))
    }

    fn description(list: &[u8], behind: &[u8]) -> Vec<u8> {
        let fields = [
            tlv(&[2], &[3]),
            tlv(&[0x0a], &[1]),
            tlv(&[2], &[4]),
            tlv(&[0x0a], &[1]),
            tlv(&[4], &[9; 4]),
            tlv(&[4], &[]),
            tlv(&[0x30], &[]),
            tlv(&[0x30], list),
            behind.to_vec(),
        ];
        tlv(&[0x30], &fields.concat())
    }

    #[test]
    fn descriptions_are_read_to_the_last_byte() {
        described(&description(&[], &[])).fails(Reason::AndroidKeyChallenge);
        described(&description(&[], &[5, 0])).fails(Reason::AndroidKeyExtension);
        described(&[description(&[], &[]), vec![5, 0]].concat()).fails(Reason::AndroidKeyExtension);
    }

    /// [600], [702] and [704].
    const ALL_APPLICATIONS: [u8; 3] = [0xbf, 0x84, 0x58];
    const ORIGIN: [u8; 3] = [0xbf, 0x85, 0x3e];
    const ROOT_OF_TRUST: [u8; 3] = [0xbf, 0x85, 0x40];

    #[test]
    fn lists_of_the_schema_can_be_read() {
        let sign = tlv(&[0xa1], &tlv(&[0x31], &tlv(&[2], &[2])));
        let generated = tlv(&ORIGIN, &tlv(&[2], &[0]));
        let rsa_exponent = tlv(&[0xbf, 0x81, 0x48], &tlv(&[2], &[1, 0, 1]));
        let old_root = [tlv(&[4], &[1]), tlv(&[1], &[0xff]), tlv(&[0x0a], &[0])].concat();
        let old_root = tlv(&ROOT_OF_TRUST, &tlv(&[0x30], &old_root));
        for list in [
            vec![],
            [sign, rsa_exponent, generated, old_root].concat(),
            // A root of trust that lacks something, or is something else.
            tlv(&ROOT_OF_TRUST, &[]),
            tlv(&ROOT_OF_TRUST, &tlv(&[0x30], &tlv(&[4], &[1]))),
            tlv(&ROOT_OF_TRUST, &tlv(&[4], &[1])),
            tlv(&ALL_APPLICATIONS, &[5, 0]),
        ] {
            with(&list).fails(Reason::AndroidKeyChallenge);
        }
    }

    #[test]
    fn known_elements_have_their_form_and_occur_once() {
        let generated = tlv(&ORIGIN, &tlv(&[2], &[0]));
        let purposes = |content: &[u8]| tlv(&[0xa1], content);
        for list in [
            // A purpose that is no set, a set of something else, and something behind it.
            purposes(&[]),
            purposes(&tlv(&[2], &[2])),
            purposes(&tlv(&[0x31], &tlv(&[4], &[2]))),
            purposes(&tlv(&[0x31], &tlv(&[2], &[0, 2]))),
            purposes(&[tlv(&[0x31], &[]), vec![5, 0]].concat()),
            // An origin of another type, and of another length.
            tlv(&ORIGIN, &tlv(&[4], &[0])),
            tlv(&ORIGIN, &tlv(&[2], &[])),
            tlv(&ORIGIN, &tlv(&[2], &[0x80])),
            tlv(&ORIGIN, &[tlv(&[2], &[0]), vec![5, 0]].concat()),
            // Twice, so that two readers could take different ones.
            [generated.clone(), generated.clone()].concat(),
            [
                tlv(&ALL_APPLICATIONS, &[5, 0]),
                tlv(&ALL_APPLICATIONS, &[5, 0]),
            ]
            .concat(),
            tlv(&ALL_APPLICATIONS, &[]),
            [
                tlv(&ROOT_OF_TRUST, &tlv(&[0x30], &[])),
                tlv(&ROOT_OF_TRUST, &tlv(&[0x30], &[])),
            ]
            .concat(),
            // Not under explicit tags, and cut off.
            tlv(&[2], &[0]),
            generated[..generated.len() - 1].to_vec(),
            vec![0xbf],
        ] {
            with(&list).fails(Reason::AndroidKeyExtension);
        }
    }
}
