use super::*;

#[test]
fn any_order_of_its_members_succeeds() {
    for members in [
        ["fmt", "authData", "attStmt"],
        ["authData", "attStmt", "fmt"],
    ] {
        let _ = Registration {
            members: members.to_vec(),
            ..Registration::new()
        }
        .succeeds();
    }
}

#[test]
fn missing_repeated_and_unknown_members_fail() {
    for (members, reason) in [
        (vec![], Reason::AttestationObjectMembers),
        (vec!["fmt", "attStmt"], Reason::AttestationObjectMembers),
        (vec!["fmt", "authData"], Reason::AttestationObjectMembers),
        (
            vec!["attStmt", "authData"],
            Reason::AttestationObjectMembers,
        ),
        (
            vec!["fmt", "attStmt", "authData", "epAtt"],
            Reason::AttestationObjectMembers,
        ),
        (
            vec!["fmt", "attStmt", "authData", "fmt"],
            Reason::CborDuplicateKey,
        ),
    ] {
        Registration {
            members,
            ..Registration::new()
        }
        .fails(reason);
    }
}

#[test]
fn trailing_bytes_and_other_cbor_fail() {
    Registration {
        object_tail: vec![0],
        ..Registration::new()
    }
    .fails(Reason::TrailingBytes);
    for (text, reason) in [
        ("AA", Reason::AttestationObjectMembers),
        ("gA", Reason::AttestationObjectMembers),
        ("v_8", Reason::CborMalformed),
        ("wAA", Reason::CborMalformed),
        ("ow", Reason::CborMalformed),
    ] {
        let mut credential: serde_json::Value =
            serde_json::from_slice(&Registration::new().json()).unwrap();
        credential["response"]["attestationObject"] = json!(text);
        let text = credential.to_string();
        let value =
            webauthn::json::parse(text.as_bytes(), &webauthn::json::Limits::default()).unwrap();
        let response =
            webauthn::response::RegistrationResponse::from_json(&value, &ResponseForm::STRICT)
                .unwrap();
        let expected = Registration::new().expected;
        let error = webauthn::verify_registration(
            &expected,
            &response,
            &webauthn::TrustFacts::NO_METADATA,
            common::NOW,
            &mut webauthn::trace::NoTrace,
        )
        .unwrap_err();
        assert_eq!(error.reason(), reason, "{error}");
    }
}

#[test]
fn there_must_be_a_new_credential() {
    Registration {
        flags: UP,
        ..Registration::new()
    }
    .fails(Reason::AttestedCredentialDataMissing);
}

#[test]
fn every_truncation_of_the_authenticator_data_fails() {
    let whole = Registration::new().authenticator_data().len();
    for length in 0..whole {
        let cut = Some(length);
        Registration {
            cut,
            ..Registration::new()
        }
        .fails(Reason::AuthenticatorDataMalformed);
    }
    Registration {
        tamper: |data| data.push(0),
        ..Registration::new()
    }
    .fails(Reason::TrailingBytes);
}

#[test]
fn the_credential_id_has_1_to_1023_bytes() {
    let with = |length: usize| Registration {
        credential_id: vec![1; length],
        ..Registration::new()
    };
    let _ = with(1023).succeeds();
    Registration {
        named_id: Some(vec![1; 1023]),
        ..with(1024)
    }
    .fails(Reason::CredentialIdTooLong);
    Registration {
        named_id: Some(vec![1]),
        ..with(0)
    }
    .fails(Reason::AuthenticatorDataMalformed);
}

#[test]
fn extension_outputs_follow_the_key() {
    let with = |tail: &[u8]| Registration {
        flags: UP | AT | ED,
        tail: tail.to_vec(),
        ..Registration::new()
    };
    let _ = with(&[0xa1, 0x61, b'x', 0x01]).succeeds();
    with(&[]).fails(Reason::AuthenticatorDataMalformed);
    with(&[0x81, 0x01]).fails(Reason::AuthenticatorDataMalformed);
    with(&[0xa2, 0x61, b'x', 0x01, 0x61, b'x', 0x01]).fails(Reason::CborDuplicateKey);
}
