//! Whatever an attestation covers cannot be changed by as much as a bit, and no change of any kind ends in a panic.

mod device;

use device::{Device, Format, of};
use proptest::prelude::*;
use webauthn::attestation::SafetyNetPolicy;

/// A trusted registration in each format that signs the authenticator data.
fn attested() -> Vec<Device> {
    [
        Format::PackedSelf,
        Format::PackedX5c,
        Format::Tpm,
        Format::AndroidKey,
        Format::Apple,
        Format::AndroidSafetynet,
        Format::Compound,
    ]
    .map(accepting)
    .into()
}

fn accepting(format: Format) -> Device {
    of(format)
        .profile(|profile| profile.chain.intermediates = 1)
        .policy(|policy| {
            policy.accept_test_tpm_vendor = true;
            policy.android_safetynet = SafetyNetPolicy::Accepted {
                max_age_seconds: None,
            };
        })
}

/// Where certificates signed with ECDSA and SHA-256 count the unused bits of their signature, which no signature covers and
/// nothing is made of.
fn unused_bits(object: &[u8]) -> Vec<usize> {
    // The algorithm, then a bit string of 60 to 73 bytes that holds a sequence.
    let algorithm = [&[0x30, 0x0a, 6, 8][..], &ECDSA_WITH_SHA256].concat();
    let follows = |end: usize| matches!(object[end..], [3, 60..=73, 0, 0x30, ..]);
    (algorithm.len()..object.len())
        .filter(|end| object[..*end].ends_with(&algorithm) && follows(*end))
        .map(|end| end + 2)
        .collect()
}

const ECDSA_WITH_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

#[test]
fn a_bit_flipped_in_any_byte_of_an_attestation_object_is_refused() {
    for device in attested() {
        let made = device.make();
        let object = made.attestation_object();
        assert!(made.verify_with(&object).is_ok());
        // The version of a SafetyNet statement is any text, and nothing covers it.
        let version = device.profile.safetynet.version.as_bytes();
        let free = object
            .windows(version.len())
            .position(|window| window == version)
            .map(|start| start..start + version.len());
        let unused_bits = unused_bits(&object);
        for position in 0..object.len() {
            let free = free.as_ref().is_some_and(|free| free.contains(&position));
            if free || unused_bits.contains(&position) {
                continue;
            }
            let mut changed = object.clone();
            changed[position] ^= 1 << (position % 8);
            assert!(
                made.verify_with(&changed).is_err(),
                "{:?}: byte {position} of {}",
                device.profile.format,
                object.len()
            );
        }
    }
}

#[test]
fn no_attestation_object_that_ends_early_or_late_is_accepted() {
    for device in attested() {
        let made = device.make();
        let object = made.attestation_object();
        for length in (0..object.len()).step_by(7) {
            assert!(made.verify_with(&object[..length]).is_err());
        }
        assert!(made.verify_with(&[&object[..], &[0]].concat()).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn tpm_structures_of_any_bytes_end_in_a_verdict(
        area in proptest::collection::vec(any::<u8>(), 0..200),
        info in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let device = accepting(Format::Tpm).key(device::Algorithm::ES256);
        let device = device.profile(|profile| {
            profile.attestation_algorithm = Some(device::Algorithm::ES256);
        });
        let with_area = device.clone().lie(|lies| lies.tpm.public_area = Some(area));
        prop_assert!(with_area.finish().is_err());
        let with_info = device.lie(|lies| lies.tpm.certificate_info = Some(info));
        prop_assert!(with_info.finish().is_err());
    }

    #[test]
    fn certificate_extensions_of_any_bytes_end_in_a_verdict(
        value in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        for format in [Format::AndroidKey, Format::Apple] {
            let value = value.clone();
            let device = accepting(format).lie(|lies| lies.attestation_extension = Some(value));
            prop_assert!(device.finish().is_err());
        }
    }

    #[test]
    fn safetynet_responses_of_any_text_end_in_a_verdict(response in "[A-Za-z0-9_.=-]{0,200}") {
        let device = accepting(Format::AndroidSafetynet).profile(|profile| {
            profile.attestation_algorithm = Some(device::Algorithm::ES256);
        });
        let device = device.lie(|lies| lies.safetynet.response = Some(response));
        prop_assert!(device.finish().is_err());
    }
}
