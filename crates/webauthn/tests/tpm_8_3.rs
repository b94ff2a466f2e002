//! Section 8.3, TPM attestation, and 8.3.1, its certificates.

mod device;

use device::{Algorithm, CertificateLies, Device, Format, of};
use testkit::{Hash, Profile, TpmAttribute, TpmLies};
use webauthn::Reason;
use webauthn::attestation::AttestationType;
use webauthn::signal::Signal;
use webauthn::trust::Trust;

fn tpm() -> Device {
    of(Format::Tpm).policy(|policy| policy.accept_test_tpm_vendor = true)
}

fn says(change: impl FnOnce(&mut TpmLies)) -> Device {
    tpm().lie(|lies| change(&mut lies.tpm))
}

mod the_statement {
    use super::*;

    #[test]
    fn of_rsa_and_elliptic_curve_keys_succeeds() {
        for algorithm in [
            Algorithm::RS256,
            Algorithm::PS256,
            Algorithm::ES256,
            Algorithm::ES384,
            Algorithm::ES512,
        ] {
            let verified = tpm().key(algorithm).succeeds();
            assert_eq!(
                (
                    verified.format(),
                    verified.attestation_type(),
                    verified.trust()
                ),
                ("tpm", AttestationType::AttCa, Trust::Trusted)
            );
        }
    }

    #[test]
    fn of_attestation_keys_of_every_kind_succeeds() {
        for algorithm in [
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::PS512,
            Algorithm::ES256,
            Algorithm::ES384,
        ] {
            let _ = tpm()
                .profile(|profile| profile.attestation_algorithm = Some(algorithm))
                .succeeds();
        }
    }

    #[test]
    fn each_member_must_be_there() {
        for member in ["ver", "alg", "x5c", "sig", "certInfo", "pubArea"] {
            tpm()
                .lie(|lies| lies.without_statement_member = Some(member.to_owned()))
                .fails(Reason::AttestationStatementMalformed);
        }
    }

    #[test]
    fn version_must_be_2_0() {
        for version in ["", "1.2", "2", "2.0 "] {
            says(|tpm| tpm.version = Some(version.to_owned()))
                .fails(Reason::AttestationStatementMalformed);
        }
    }

    #[test]
    fn may_be_signed_with_sha1_unless_the_policy_refuses_it_and_that_is_told() {
        let sha1 = tpm().profile(|profile| profile.attestation_algorithm = Some(Algorithm::RS1));
        let verified = sha1.succeeds();
        assert_eq!(verified.trust(), Trust::Trusted);
        assert_eq!(verified.signals(), [Signal::Sha1Attestation]);
        assert_eq!(tpm().succeeds().signals(), []);
        sha1.policy(|policy| policy.allow_rs1 = false)
            .fails(Reason::AlgorithmUnsupported);
    }

    #[test]
    fn inside_a_compound_one_may_be_signed_with_sha1_too() {
        let compound = of(Format::Compound)
            .policy(|policy| policy.accept_test_tpm_vendor = true)
            .profile(|profile| {
                profile.compound = vec![Format::Tpm, Format::Tpm];
                profile.attestation_algorithm = Some(Algorithm::RS1);
            });
        let verified = compound.succeeds();
        assert_eq!(verified.signals(), [Signal::Sha1Attestation]);
    }

    #[test]
    fn of_no_other_format_may_be_signed_with_sha1() {
        for format in [Format::PackedX5c, Format::AndroidKey] {
            let mut device = of(format).lie(|lies| lies.statement_algorithm = Some(-65_535));
            if format == Format::PackedX5c {
                device.profile.attestation_algorithm = Some(Algorithm::RS1);
            }
            device.fails(Reason::AlgorithmUnsupported);
        }
        of(Format::PackedSelf)
            .key(Algorithm::RS1)
            .fails(Reason::AlgorithmNotAllowed);
    }

    #[test]
    fn a_certificate_signed_with_sha1_is_refused_all_the_same() {
        let device = tpm().profile(|profile| {
            profile.attestation_algorithm = Some(Algorithm::RS1);
            profile.chain.algorithm = Algorithm::RS1;
        });
        device.fails(Reason::AttestationUntrusted);
    }

    #[test]
    fn rs1_is_not_the_credentials_algorithm_unless_it_was_offered() {
        tpm().key(Algorithm::RS1).fails(Reason::AlgorithmNotAllowed);
    }

    #[test]
    fn the_algorithm_must_have_a_digest_and_fit_the_key() {
        for (algorithm, reason) in [
            (-8, Reason::CertificateRequirements),
            (-7, Reason::CertificateRequirements),
            (-258, Reason::AttestationSignatureInvalid),
            (-65535, Reason::AttestationSignatureInvalid),
            (0, Reason::AlgorithmUnsupported),
        ] {
            tpm()
                .lie(|lies| lies.statement_algorithm = Some(algorithm))
                .fails(reason);
        }
    }

    #[test]
    fn the_signature_must_be_that_of_the_attestation_key() {
        tpm()
            .lie(|lies| lies.tampered_signature = true)
            .fails(Reason::AttestationSignatureInvalid);
    }
}

mod the_public_area {
    use super::*;

    #[test]
    fn must_describe_the_credentials_key() {
        for algorithm in [Algorithm::RS256, Algorithm::ES256] {
            says(|tpm| tpm.other_key = true)
                .key(algorithm)
                .fails(Reason::TpmPubareaKeyMismatch);
        }
        for exponent in [3, 0x0100_0100, 65_539] {
            says(|tpm| tpm.exponent = Some(exponent))
                .key(Algorithm::RS256)
                .fails(Reason::TpmPubareaKeyMismatch);
        }
    }

    #[test]
    fn may_write_things_in_several_ways() {
        for algorithm in [Algorithm::RS256, Algorithm::ES256] {
            let _ = tpm()
                .key(algorithm)
                .profile(|profile| {
                    profile.tpm.scheme = true;
                    profile.tpm.explicit_exponent = true;
                })
                .succeeds();
        }
        for drop_leading_zeros in [false, true] {
            let _ = tpm()
                .key(Algorithm::ES256)
                .profile(|profile| {
                    profile.leading_zero_coordinate = true;
                    profile.tpm.drop_leading_zeros = drop_leading_zeros;
                })
                .succeeds();
        }
    }

    #[test]
    fn is_read_to_the_last_byte() {
        says(|tpm| tpm.trailing_public_area = Some(vec![0])).fails(Reason::TpmStructure);
        for bytes in [vec![], vec![0], vec![0, 1], vec![0, 0x23, 0, 0xb, 0, 0]] {
            says(|tpm| tpm.public_area = Some(bytes)).fails(Reason::TpmStructure);
        }
    }
}

mod the_certification {
    use super::*;

    #[test]
    fn must_be_made_inside_the_tpm() {
        for magic in [0, 0xff54_4348] {
            says(|tpm| tpm.magic = Some(magic)).fails(Reason::TpmMagic);
        }
    }

    #[test]
    fn must_be_one() {
        for kind in [0, 0x8018, 0x8014] {
            says(|tpm| tpm.attest_type = Some(kind)).fails(Reason::TpmType);
        }
    }

    #[test]
    fn must_be_about_this_registration() {
        for data in [vec![], vec![0; 20], vec![0; 32]] {
            says(|tpm| tpm.extra_data = Some(data)).fails(Reason::TpmExtraData);
        }
    }

    #[test]
    fn must_be_about_this_public_area() {
        for name in [
            vec![],
            vec![0],
            vec![0, 0xb],
            [&[0, 0xb][..], &[0; 32]].concat(),
        ] {
            says(|tpm| tpm.name = Some(name)).fails(Reason::TpmNameMismatch);
        }
    }

    #[test]
    fn may_name_the_public_area_by_any_hash() {
        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let _ = tpm()
                .profile(|profile| profile.tpm.name_algorithm = hash)
                .succeeds();
        }
    }

    #[test]
    fn is_not_judged_by_its_clock() {
        let _ = says(|tpm| tpm.clock_safe = Some(0xff)).succeeds();
    }

    #[test]
    fn is_read_to_the_last_byte() {
        says(|tpm| tpm.trailing_certificate_info = Some(vec![0])).fails(Reason::TpmStructure);
        let start = [0xff, 0x54, 0x43, 0x47, 0x80, 0x17];
        for bytes in [
            vec![],
            vec![0xff],
            start.to_vec(),
            [&start[..], &[0, 9]].concat(),
        ] {
            says(|tpm| tpm.certificate_info = Some(bytes)).fails(Reason::TpmStructure);
        }
    }
}

mod the_certificate {
    use super::*;

    fn with(change: impl FnOnce(&mut CertificateLies)) -> Device {
        tpm().certificate(change)
    }

    #[test]
    fn has_an_empty_subject_and_version_3() {
        with(|certificate| certificate.with_subject = true).fails(Reason::CertificateRequirements);
        with(|certificate| certificate.version = Some(2)).fails(Reason::CertificateRequirements);
    }

    #[test]
    fn names_manufacturer_model_and_version_in_one_relative_name_or_in_several() {
        let _ = tpm()
            .profile(|profile| profile.tpm.one_relative_name = true)
            .succeeds();
        with(|certificate| certificate.without_alternative_name = true)
            .fails(Reason::CertificateRequirements);
        for attribute in [
            TpmAttribute::Manufacturer,
            TpmAttribute::Model,
            TpmAttribute::Version,
        ] {
            with(|certificate| certificate.without_tpm_attributes = vec![attribute])
                .fails(Reason::CertificateRequirements);
        }
        let _ = with(|certificate| certificate.alternative_name_not_critical = true).succeeds();
        for change in [
            |profile: &mut Profile| profile.tpm.model.clear(),
            |profile: &mut Profile| profile.tpm.version.clear(),
        ] {
            tpm().profile(change).fails(Reason::CertificateRequirements);
        }
    }

    #[test]
    fn is_for_attestation_identity_keys() {
        for usages in [vec![], vec!["2.23.133.8.1".to_owned()]] {
            with(|certificate| certificate.extended_key_usage = Some(usages))
                .fails(Reason::CertificateRequirements);
        }
        let among_others = vec!["1.3.6.1.5.5.7.3.1".to_owned(), "2.23.133.8.3".to_owned()];
        let _ = with(|certificate| certificate.extended_key_usage = Some(among_others)).succeeds();
    }

    #[test]
    fn is_no_authoritys() {
        with(|certificate| certificate.authority = true).fails(Reason::CertificateRequirements);
    }

    #[test]
    fn names_the_model_if_it_has_the_aaguid_extension() {
        with(|certificate| certificate.aaguid = Some([9; 16]))
            .fails(Reason::AaguidExtensionMismatch);
        with(|certificate| certificate.critical_aaguid = true)
            .fails(Reason::AaguidExtensionMismatch);
        let _ = with(|certificate| certificate.without_aaguid = true).succeeds();
    }

    #[test]
    fn is_of_a_vendor_in_the_registry() {
        let made_by = |vendor: &str| {
            of(Format::Tpm).profile(|profile| profile.tpm.manufacturer = vendor.to_owned())
        };
        for vendor in ["id:494E5443", "id:414D4400", "id:53544D20", "id:4e544300"] {
            let _ = made_by(vendor).succeeds();
        }
        for vendor in [
            "id:FFFFF1D0",
            "id:00000000",
            "id:12345678",
            "494E5443",
            "id:494E544",
            "id:494E54430",
            "ID:494E5443",
            "id:+94E5443",
            "INTC",
            "",
        ] {
            made_by(vendor).fails(Reason::TpmVendorUnknown);
        }
        for vendor in ["id:FFFFF1D0", "id:00000000"] {
            let _ = made_by(vendor)
                .policy(|policy| policy.accept_test_tpm_vendor = true)
                .succeeds();
        }
        let _ = made_by("id:12345678")
            .policy(|policy| policy.tpm_vendors = vec!["id:12345678".to_owned()])
            .succeeds();
        for other in ["id:+1234567", "id:1234567", "id:001234567"] {
            made_by(other)
                .policy(|policy| policy.tpm_vendors = vec!["id:01234567".to_owned()])
                .fails(Reason::TpmVendorUnknown);
        }
    }
}
