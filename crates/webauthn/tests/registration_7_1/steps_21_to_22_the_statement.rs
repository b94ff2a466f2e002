use super::*;

#[test]
fn unknown_formats_and_other_letter_cases_fail() {
    for format in [
        "None",
        "PACKED",
        "Packed",
        "tpm ",
        "apple-appattest",
        "x-new",
        "",
    ] {
        Registration {
            format: format.into(),
            ..Registration::new()
        }
        .fails(Reason::AttestationFormatUnsupported);
    }
}

#[test]
fn none_has_an_empty_map() {
    for raw in [
        vec![0xa1, 0x61, b'x', 0x01],
        vec![0x80],
        vec![0xf6],
        vec![0x40],
    ] {
        Registration {
            statement: Statement::Raw(raw),
            ..Registration::new()
        }
        .fails(Reason::AttestationStatementMalformed);
    }
}

#[test]
fn packed_self_attestation_of_every_algorithm_succeeds() {
    for algorithm in EVERY_ALGORITHM {
        let verified = Registration::packed_self(Key::new(*algorithm)).succeeds();
        assert_eq!(
            (verified.format(), verified.attestation_type()),
            ("packed", AttestationType::SelfAttestation)
        );
        assert_eq!(verified.trust(), Trust::SelfAttested);
    }
}

#[test]
fn packed_self_attestation_must_name_the_keys_algorithm_and_verify() {
    for alg in [-257, -35, -9, 0, 7] {
        Registration {
            statement: Statement::SelfSigned(alg),
            ..Registration::packed_self(Key::es256())
        }
        .fails(Reason::AttestationAlgorithmMismatch);
    }
    // The counter's last byte, after signing.
    Registration {
        tamper: |data| data[36] ^= 1,
        ..Registration::packed_self(Key::es256())
    }
    .fails(Reason::AttestationSignatureInvalid);
    Registration {
        tamper: |data| data[40] ^= 1,
        ..Registration::packed_self(Key::es256())
    }
    .fails(Reason::AttestationSignatureInvalid);
}

#[test]
fn a_statement_is_verified_although_none_was_asked_for() {
    let mut ceremony = Registration {
        tamper: |data| data[36] ^= 1,
        ..Registration::packed_self(Key::es256())
    };
    ceremony.expected.attestation.allow_none = true;
    ceremony.fails(Reason::AttestationSignatureInvalid);
}

#[test]
fn packed_members_have_their_types() {
    let (alg, sig, x5c) = ("63616c6726", "637369674100", "63783563");
    for (case, raw, reason) in [
        (
            "alg is a text",
            format!("a263616c676161{sig}"),
            Reason::AttestationStatementMalformed,
        ),
        (
            "sig is a text",
            format!("a2{alg}637369676161"),
            Reason::AttestationStatementMalformed,
        ),
        (
            "no sig",
            format!("a1{alg}"),
            Reason::AttestationStatementMalformed,
        ),
        (
            "no alg",
            format!("a1{sig}"),
            Reason::AttestationStatementMalformed,
        ),
        (
            "x5c is null",
            format!("a3{alg}{sig}{x5c}f6"),
            Reason::AttestationStatementMalformed,
        ),
        (
            "x5c is empty",
            format!("a3{alg}{sig}{x5c}80"),
            Reason::AttestationStatementMalformed,
        ),
        (
            "x5c holds a text",
            format!("a3{alg}{sig}{x5c}816161"),
            Reason::AttestationStatementMalformed,
        ),
        (
            "x5c holds no certificate",
            format!("a3{alg}{sig}{x5c}8141ff"),
            Reason::AttestationStatementMalformed,
        ),
        (
            "not a map",
            "80".to_owned(),
            Reason::AttestationStatementMalformed,
        ),
        (
            "alg twice",
            format!("a3{alg}{sig}{alg}"),
            Reason::CborDuplicateKey,
        ),
        (
            "a signature of one byte",
            format!("a2{alg}{sig}"),
            Reason::AttestationSignatureInvalid,
        ),
        (
            "ecdaaKeyId of Level 1",
            format!("a3{alg}{sig}6a65636461614b657949644100"),
            Reason::AttestationSignatureInvalid,
        ),
    ] {
        let statement = Statement::Raw(hex::decode(raw).unwrap());
        let error = Registration {
            statement,
            ..Registration::packed_self(Key::es256())
        }
        .finish()
        .unwrap_err();
        assert_eq!(error.reason(), reason, "{case}: {error}");
    }
}

mod a_statement_that_the_policy_ignores {
    use super::*;
    use webauthn::attestation::{AttestationPolicy, StatementPolicy};
    use webauthn::trust::Trust;

    fn ignoring(mut ceremony: Registration) -> Registration {
        ceremony.expected.attestation.statement = StatementPolicy::Ignored;
        ceremony
    }

    #[test]
    fn proves_nothing_and_its_format_is_recorded() {
        let honest = ignoring(Registration::packed_self(Key::es256()));
        let forged = ignoring(Registration {
            tamper: |data| data[33] ^= 1,
            ..Registration::packed_self(Key::es256())
        });
        let unknown = ignoring(Registration {
            format: "no-such-format".to_owned(),
            statement: Statement::Raw(vec![0x01]),
            ..Registration::new()
        });
        let retired = ignoring(Registration {
            format: "android-safetynet".to_owned(),
            ..Registration::new()
        });
        let compound = ignoring(Registration {
            format: "compound".to_owned(),
            ..Registration::new()
        });
        for (ceremony, format) in [
            (honest, "packed"),
            (forged, "packed"),
            (unknown, "no-such-format"),
            (retired, "android-safetynet"),
            (compound, "compound"),
        ] {
            let verified = ceremony.succeeds();
            assert_eq!(
                (
                    verified.format(),
                    verified.attestation_type(),
                    verified.trust()
                ),
                (format, AttestationType::None, Trust::None)
            );
        }
    }

    #[test]
    fn fails_where_attestation_is_demanded_all_the_same() {
        let mut ceremony = ignoring(Registration::packed_self(Key::es256()));
        ceremony.expected.attestation = AttestationPolicy {
            statement: StatementPolicy::Ignored,
            allow_none: false,
            ..AttestationPolicy::default()
        };
        ceremony.fails(Reason::AttestationPolicyRefused);
    }

    #[test]
    fn must_have_a_format_with_a_name_of_1_to_32_visible_characters() {
        let longest = "x".repeat(32);
        let _ = ignoring(Registration {
            format: longest.clone(),
            ..Registration::new()
        })
        .succeeds();
        for name in [
            String::new(),
            longest + "x",
            "a b".to_owned(),
            "a\"b".to_owned(),
            "a\\b".to_owned(),
            "a\u{7f}".to_owned(),
            "\u{e9}".to_owned(),
        ] {
            ignoring(Registration {
                format: name,
                ..Registration::new()
            })
            .fails(Reason::AttestationFormatUnsupported);
        }
    }
}
