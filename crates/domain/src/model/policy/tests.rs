use super::*;

/// The policy of a Relying Party as it was stored before attestation, backups and extensions could be chosen.
const EARLY: &str = r#"{"algorithms":[-8,-7,-257],"registration_timeout_ms":600000,"authentication_timeout_ms":300000,
    "allow_credentials":"always","sign_count":"signal","backup_eligibility":"accept_gain","cross_origin":"refused",
    "relying_party_override":"allowed","max_credentials_per_user":50,"max_pending_per_user":20,
    "min_credential_id_length":16}"#;

/// The default policy as it was stored next. It stays readable: a member that joins gets a default, here or in the type
/// that it joins.
const WHOLE: &str = r#"{"algorithms":[-8,-7,-257],"user_verification_required":false,"registration_timeout_ms":600000,
    "authentication_timeout_ms":300000,"allow_credentials":"always","sign_count":"signal","backup_eligibility":"accept_gain",
    "backup":"any","cross_origin":"refused","relying_party_override":"allowed","max_credentials_per_user":50,
    "max_pending_per_user":20,"min_credential_id_length":16,"attestation":{"conveyance":"none","requirement":"verify",
    "trust_anchors":[],"intermediates":[],"models":{"allowed":[],"denied":[]},"metadata":{"unknown_models":"accept",
    "stale":"accept","refused_statuses":["REVOKED","ATTESTATION_KEY_COMPROMISE","USER_VERIFICATION_BYPASS",
    "USER_KEY_REMOTE_COMPROMISE","USER_KEY_PHYSICAL_COMPROMISE"],"required_levels":[]},"rs1":false,"test_tpm_vendors":false,
    "tpm_vendors":[],"android_key":{"trusted_environment":false,"only_signing":false,"verified_boot":false},
    "android_safetynet":"refused","compound":"all","refuse_root_in_path":false,"u2f_aaguid_must_be_zero":false},
    "extensions":{"cred_props":false,"appid":null,"appid_exclude":null,"credential_protection":null,"min_pin_length":false,
    "large_blob":null,"prf":null,"uvm":false}}"#;

#[test]
fn a_policy_stored_before_a_member_joined_demands_what_it_demanded_then() {
    for stored in [EARLY, WHOLE] {
        assert_eq!(
            serde_json::from_str::<Policy>(stored).unwrap(),
            Policy::default()
        );
    }
    let frozen = Policy::default().attestation.freeze();
    assert_eq!(frozen, webauthn::attestation::AttestationPolicy::default());
}

#[test]
fn what_was_stored_about_rs1_is_no_choice_about_sha1() {
    for before in [r#""rs1":false"#, r#""rs1":true"#] {
        let stored = WHOLE.replace(r#""rs1":false"#, before);
        let policy: Policy = serde_json::from_str(&stored).unwrap();
        assert_eq!(policy.attestation.tpm_sha1, Sha1Policy::Accept);
        assert!(policy.attestation.freeze().allow_rs1);
    }
    let refusing = AttestationSettings {
        tpm_sha1: Sha1Policy::Refuse,
        ..AttestationSettings::default()
    };
    assert!(!refusing.freeze().allow_rs1);
    let stored = serde_json::to_value(&refusing).unwrap();
    assert_eq!(stored["tpm_sha1"], "refuse");
    assert!(stored.get("rs1").is_none());
    let read: AttestationSettings = serde_json::from_value(stored).unwrap();
    assert_eq!(read, refusing);
}

#[test]
fn a_policy_survives_its_record_and_lacks_nothing_that_it_had_from_the_beginning() {
    let policy = Policy {
        backup: BackupPolicy::DeviceBound,
        attestation: AttestationSettings {
            requirement: AttestationRequirement::Trusted,
            trust_anchors: vec![vec![1, 2, 3]].into(),
            ..AttestationSettings::default()
        },
        ..Policy::default()
    };
    let value = serde_json::to_value(&policy).unwrap();
    assert_eq!(
        serde_json::from_value::<Policy>(value.clone()).unwrap(),
        policy
    );
    for parent in ["", "/attestation", "/extensions"] {
        let members = value.pointer(parent).unwrap().as_object().unwrap();
        for member in members.keys() {
            let mut lacking = value.clone();
            let object = lacking.pointer_mut(parent).unwrap();
            object.as_object_mut().unwrap().remove(member);
            let joined_later = match parent {
                "" => [
                    "user_verification_required",
                    "sealed_authentications",
                    "backup",
                    "attestation",
                    "extensions",
                ]
                .contains(&member.as_str()),
                "/attestation" => member == "tpm_sha1",
                _ => false,
            };
            assert_eq!(
                serde_json::from_value::<Policy>(lacking).is_ok(),
                joined_later,
                "{parent}/{member}"
            );
        }
    }
}

#[test]
fn ml_dsa_is_offered_last_and_what_cannot_be_verified_never() {
    let policy = Policy {
        algorithms: vec![
            CoseAlgorithm::ML_DSA_65,
            CoseAlgorithm::RS1,
            CoseAlgorithm::ES256,
            CoseAlgorithm::ML_DSA_44,
            CoseAlgorithm(-46),
            CoseAlgorithm::RS256,
        ],
        ..Policy::default()
    };
    assert_eq!(
        policy.offer(),
        [
            CoseAlgorithm::ES256,
            CoseAlgorithm::RS256,
            CoseAlgorithm::ML_DSA_65,
            CoseAlgorithm::ML_DSA_44
        ]
    );
    assert!(
        !Policy::default()
            .offer()
            .iter()
            .any(|a| a.is_post_quantum())
    );
}

#[test]
fn what_is_demanded_of_attestation_decides_what_may_be_absent() {
    use webauthn::attestation::StatementPolicy::{Ignored, Verified};
    for (requirement, statement, without_trust) in [
        (AttestationRequirement::Ignore, Ignored, true),
        (AttestationRequirement::Verify, Verified, true),
        (AttestationRequirement::Trusted, Verified, false),
    ] {
        let settings = AttestationSettings {
            requirement,
            ..AttestationSettings::default()
        };
        let frozen = settings.freeze();
        assert_eq!(frozen.statement, statement);
        assert_eq!(
            [
                frozen.allow_none,
                frozen.allow_self,
                frozen.allow_unknown_trust
            ],
            [without_trust; 3]
        );
    }
}
