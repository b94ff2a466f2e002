use super::*;

fn bent(bend: fn(&mut serde_json::Value)) -> Registration {
    Registration {
        bend,
        ..Registration::new()
    }
}

#[track_caller]
fn missing(bend: fn(&mut serde_json::Value), members: &[&'static str], shape: Shape) {
    let error = bent(bend).response().unwrap_err();
    assert_eq!(
        error,
        ResponseError::MembersMissing {
            members: members.to_vec(),
            shape
        }
        .into()
    );
}

const ALL: &[&str] = &["response.clientDataJSON", "response.attestationObject"];

#[test]
fn all_missing_members_are_named_at_once() {
    missing(
        |c| drop(c.as_object_mut().unwrap().remove("response")),
        &["response"],
        Shape::Missing,
    );
    missing(|c| c["response"] = json!({}), ALL, Shape::Empty);
    missing(
        |c| c["response"] = json!({"authenticatorData": "AA", "signature": "AA"}),
        ALL,
        Shape::OtherCeremony,
    );
    missing(
        |c| c["response"]["attestationObject"] = json!(null),
        &ALL[1..],
        Shape::Incomplete,
    );
    missing(
        |c| c["response"]["clientDataJSON"] = json!([]),
        &ALL[..1],
        Shape::Incomplete,
    );
    missing(
        |c| {
            c["attestationObject"] = json!("oA");
            c.as_object_mut().unwrap().remove("response");
        },
        &["response"],
        Shape::Flat,
    );
}

#[test]
fn a_credential_that_is_no_object_is_refused() {
    for text in ["null", "[]", "\"x\"", "1"] {
        let value =
            webauthn::json::parse(text.as_bytes(), &webauthn::json::Limits::default()).unwrap();
        let error =
            webauthn::response::RegistrationResponse::from_json(&value, &ResponseForm::LENIENT)
                .unwrap_err();
        assert_eq!(error.reason(), Reason::RequestInvalid);
    }
}

#[test]
fn members_of_both_ceremonies_are_refused_in_the_strict_form() {
    let bend: fn(&mut serde_json::Value) = |c| c["response"]["signature"] = json!("AA");
    bent(bend).fails(Reason::ResponseInconsistent);
    let _ = Registration {
        form: ResponseForm::LENIENT,
        ..bent(bend)
    }
    .succeeds();
}

#[test]
fn the_copies_for_people_without_cbor_are_ignored() {
    let _ = bent(|c| {
        c["response"]["authenticatorData"] = json!("AA");
        c["response"]["publicKey"] = json!("AA");
        c["response"]["publicKeyAlgorithm"] = json!(-257);
    })
    .succeeds();
}

#[test]
fn an_attestation_object_beyond_its_size_is_refused_before_it_is_decoded() {
    bent(|c| c["response"]["attestationObject"] = json!("*".repeat(32 * 1024 * 4 / 3 + 2)))
        .fails(Reason::AttestationObjectMalformed);
    bent(|c| c["response"]["attestationObject"] = json!("oA=")).fails(Reason::Base64Invalid);
}

#[test]
fn transports_keep_unknown_words_and_lose_everything_else() {
    let transports = |bend| bent(bend).succeeds().transports().to_vec();
    assert_eq!(
        transports(|c| c["response"]["transports"] = json!([
            "usb",
            1,
            "usb",
            null,
            "orbital",
            "",
            ["nfc"],
            "x".repeat(33)
        ])),
        ["usb", "orbital"]
    );
    assert!(transports(|c| c["response"]["transports"] = json!("usb")).is_empty());
    assert!(
        transports(|c| drop(c["response"].as_object_mut().unwrap().remove("transports")))
            .is_empty()
    );
    let many =
        transports(|c| c["response"]["transports"] = (0..40).map(|n| n.to_string()).collect());
    assert_eq!(many.len(), 16);
}

#[test]
fn extension_results_are_optional_and_of_any_form() {
    let discoverable = |bend| bent(bend).succeeds().discoverable();
    assert_eq!(
        discoverable(|c| drop(c.as_object_mut().unwrap().remove("clientExtensionResults"))),
        None
    );
    assert_eq!(
        discoverable(|c| c["clientExtensionResults"] = json!(null)),
        None
    );
    assert_eq!(
        discoverable(|c| c["clientExtensionResults"] = json!({"credProps": {"rk": "yes"}})),
        None
    );
    assert_eq!(
        discoverable(|c| c["clientExtensionResults"] = json!({"credProps": {"rk": false}})),
        Some(false)
    );
    let renamed = discoverable(|c| {
        let results = c["clientExtensionResults"].take();
        c.as_object_mut().unwrap().remove("clientExtensionResults");
        c["getClientExtensionResults"] = results;
    });
    assert_eq!(renamed, Some(true));
}
