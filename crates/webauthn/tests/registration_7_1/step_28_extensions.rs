use super::*;
use webauthn::extension::{
    AuthenticatorOutputs, ClientOutputs, CredentialProtection, UserVerification,
};

#[test]
fn outputs_that_are_known_are_read_and_all_others_ignored() {
    let outputs = |map: &str| {
        let tail = hex::decode(map).unwrap();
        let ceremony = Registration {
            flags: UP | AT | ED,
            tail,
            ..Registration::new()
        };
        ceremony.succeeds().authenticator_outputs().clone()
    };
    let (protect, pin) = ("6b6372656450726f74656374", "6c6d696e50696e4c656e677468");
    assert_eq!(outputs("a0"), AuthenticatorOutputs::default());
    assert_eq!(
        outputs(&format!("a2{protect}02{pin}06")),
        AuthenticatorOutputs {
            cred_protect: Some(2),
            min_pin_length: Some(6),
            ..AuthenticatorOutputs::default()
        }
    );
    for wrong in ["00", "04", "20", "6132", "190100"] {
        assert_eq!(
            outputs(&format!("a1{protect}{wrong}")).cred_protect,
            None,
            "{wrong}"
        );
    }
    // hmac-secret and credBlob.
    let secret = "6b686d61632d736563726574";
    assert_eq!(outputs(&format!("a1{secret}f5")).hmac_secret, Some(true));
    assert_eq!(outputs(&format!("a1{secret}01")).hmac_secret, None);
    let blob = "6863726564426c6f62";
    assert_eq!(outputs(&format!("a1{blob}f4")).cred_blob, Some(false));
}

#[test]
fn uvm_of_level_2_has_one_to_three_rows_of_three_numbers() {
    let rows = |value: &str| {
        let tail = hex::decode(format!("a16375766d{value}")).unwrap();
        let ceremony = Registration {
            flags: UP | AT | ED,
            tail,
            ..Registration::new()
        };
        ceremony
            .succeeds()
            .authenticator_outputs()
            .user_verification
            .clone()
    };
    let row = UserVerification {
        method: 2,
        key_protection: 4,
        matcher_protection: 1,
    };
    assert_eq!(rows("8183020401"), [row]);
    assert_eq!(rows("83830204018302040183020401"), [row; 3]);
    for wrong in [
        "80",
        "01",
        "8101",
        "81820204",
        "818402040101",
        "8183022001",
        "81831b00000001000000000401",
        "8483020401830204018302040183020401",
    ] {
        assert_eq!(rows(wrong), [], "{wrong}");
    }
}

#[test]
fn client_outputs_are_recorded_and_secrets_in_them_are_not() {
    let ceremony = Registration {
        bend: |credential| {
            credential["clientExtensionResults"] = json!({
                "credProps": {"rk": false},
                "appidExclude": true,
                "largeBlob": {"supported": true, "blob": "c2VjcmV0"},
                "prf": {"enabled": true, "results": {"first": "c2VjcmV0"}},
                "uvm": [[2, 4, 1]],
                "unknown": {"a": [1]},
            });
        },
        ..Registration::new()
    };
    let verified = ceremony.succeeds();
    let expected = ClientOutputs {
        cred_props_rk: Some(false),
        appid: None,
        appid_exclude: Some(true),
        large_blob_supported: Some(true),
        large_blob_written: None,
        prf_enabled: Some(true),
        user_verification: vec![UserVerification {
            method: 2,
            key_protection: 4,
            matcher_protection: 1,
        }],
    };
    assert_eq!(verified.client_outputs(), &expected);
    assert_eq!(verified.discoverable(), Some(false));
    assert!(!format!("{verified:?}").contains("c2VjcmV0"));

    let of_wrong_types = Registration {
        bend: |credential| {
            credential["clientExtensionResults"] = json!({
                "credProps": true,
                "appid": 1,
                "appidExclude": "yes",
                "largeBlob": {"supported": "preferred"},
                "prf": [],
                "uvm": [[2, 4]],
            });
        },
        ..Registration::new()
    };
    assert_eq!(
        of_wrong_types.succeeds().client_outputs(),
        &ClientOutputs::default()
    );
}

#[test]
fn a_demanded_protection_must_be_reported_at_that_level_or_above() {
    use CredentialProtection as P;
    for (demanded, least) in [
        (P::UserVerificationOptional, 1),
        (P::UserVerificationOptionalWithCredentialIdList, 2),
        (P::UserVerificationRequired, 3),
    ] {
        let ceremony = |map: &str| {
            let mut ceremony = Registration {
                flags: UP | AT | ED,
                tail: hex::decode(map).unwrap(),
                ..Registration::new()
            };
            ceremony.expected.credential_protection = Some(demanded);
            ceremony
        };
        for reported in 1..=3 {
            let ceremony = ceremony(&format!("a16b6372656450726f746563740{reported}"));
            if reported >= least {
                let _ = ceremony.succeeds();
            } else {
                ceremony.fails(Reason::CredentialProtectionInsufficient);
            }
        }
        ceremony("a0").fails(Reason::CredentialProtectionInsufficient);
        // A level that does not exist counts as absent.
        ceremony("a16b6372656450726f7465637404").fails(Reason::CredentialProtectionInsufficient);
    }
}

#[test]
fn a_refused_protection_says_what_was_demanded_and_what_was_found() {
    let mut ceremony = Registration::new();
    ceremony.expected.credential_protection = Some(CredentialProtection::UserVerificationRequired);
    let error = ceremony.finish().unwrap_err();
    assert_eq!(
        error.to_string(),
        "credential protection userVerificationRequired is demanded, and the authenticator reports none"
    );
    assert_eq!(error.section(), "7.1 step 28");
}
