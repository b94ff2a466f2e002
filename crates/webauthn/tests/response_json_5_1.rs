//! Section 5.1, the JSON form of a credential: the order of its checks and what each of them refuses. The ceremony is an
//! authentication (7.2 step 3); what is special to registrations stands with section 7.1.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Authentication, Registration};
use serde_json::json;
use webauthn::Reason;
use webauthn::authentication::AuthenticationError;
use webauthn::base64url::encode;
use webauthn::options::AuthenticatorAttachment;
use webauthn::response::{IdProblem, ResponseError, ResponseForm, Shape};

#[track_caller]
fn missing(bend: fn(&mut serde_json::Value), members: &[&'static str], shape: Shape) {
    let error = Authentication {
        bend,
        ..Authentication::new()
    }
    .response()
    .unwrap_err();
    let expected = ResponseError::MembersMissing {
        members: members.to_vec(),
        shape,
    };
    assert_eq!(
        error,
        webauthn::authentication::AuthenticationError::Response(expected)
    );
    assert_eq!(error.reason(), Reason::ResponseMemberMissing);
}

const ALL: &[&str] = &[
    "response.clientDataJSON",
    "response.authenticatorData",
    "response.signature",
];

#[test]
fn all_missing_members_are_named_at_once() {
    missing(
        |c| drop(c.as_object_mut().unwrap().remove("response")),
        &["response"],
        Shape::Missing,
    );
    missing(
        |c| c["response"] = json!(null),
        &["response"],
        Shape::Missing,
    );
    missing(
        |c| c["response"] = json!("x"),
        &["response"],
        Shape::NotAnObject,
    );
    missing(
        |c| c["response"] = json!([]),
        &["response"],
        Shape::NotAnObject,
    );
    missing(|c| c["response"] = json!({}), ALL, Shape::Empty);
    missing(
        |c| c["response"] = json!({"clientDataJSON": "e30"}),
        &["response.authenticatorData", "response.signature"],
        Shape::Incomplete,
    );
    missing(
        |c| c["response"]["signature"] = json!(""),
        &["response.signature"],
        Shape::Incomplete,
    );
    missing(
        |c| c["response"]["signature"] = json!(null),
        &["response.signature"],
        Shape::Incomplete,
    );
    missing(
        |c| c["response"]["signature"] = json!(5),
        &["response.signature"],
        Shape::Incomplete,
    );
    missing(
        |c| c["response"] = json!({"clientDataJSON": "e30", "attestationObject": "oA"}),
        &["response.authenticatorData", "response.signature"],
        Shape::OtherCeremony,
    );
    missing(
        |c| {
            let response = c["response"].take();
            for (name, value) in response.as_object().unwrap() {
                c[name] = value.clone();
            }
            c.as_object_mut().unwrap().remove("response");
        },
        &["response"],
        Shape::Flat,
    );
}

#[test]
fn members_that_do_not_decode_are_named() {
    for (bend, member) in [
        (
            (|c| c["response"]["clientDataJSON"] = json!("e30=")) as fn(&mut serde_json::Value),
            "response.clientDataJSON",
        ),
        (
            |c| c["response"]["authenticatorData"] = json!("a+b/"),
            "response.authenticatorData",
        ),
        (
            |c| c["response"]["signature"] = json!("A"),
            "response.signature",
        ),
    ] {
        let error = Authentication {
            bend,
            ..Authentication::new()
        }
        .response()
        .unwrap_err();
        let webauthn::authentication::AuthenticationError::Response(error) = error else {
            panic!("{error}")
        };
        assert!(
            matches!(error, ResponseError::MemberMalformed { member: found, .. } if found == member),
            "{error}"
        );
        assert_eq!(
            (error.member(), error.reason()),
            (Some(member), Reason::Base64Invalid)
        );
    }
}

#[test]
fn members_beyond_their_size_are_refused_before_they_are_decoded() {
    for (bend, reason) in [
        (
            (|c| c["response"]["clientDataJSON"] = json!("*".repeat(4096 * 4 / 3 + 2)))
                as fn(&mut serde_json::Value),
            Reason::ClientDataMalformed,
        ),
        (
            |c| c["response"]["authenticatorData"] = json!("*".repeat(8192 * 4 / 3 + 2)),
            Reason::AuthenticatorDataMalformed,
        ),
        (
            |c| c["response"]["signature"] = json!("*".repeat(8192 * 4 / 3 + 2)),
            Reason::SignatureMalformed,
        ),
    ] {
        Authentication {
            bend,
            ..Authentication::new()
        }
        .fails(reason);
    }
}

#[test]
fn members_of_exactly_their_size_are_decoded() {
    for bend in [
        (|c| c["response"]["authenticatorData"] = json!(encode(&[0; 8192])))
            as fn(&mut serde_json::Value),
        |c| c["response"]["signature"] = json!(encode(&[0; 8192])),
        |c| c["response"]["userHandle"] = json!(encode(&[0; 64])),
    ] {
        let ceremony = Authentication {
            bend,
            ..Authentication::new()
        };
        assert!(ceremony.response().is_ok());
    }
    for (length, accepted) in [(4096, true), (4097, false)] {
        // White space fills the client data up.
        let mut ceremony = Authentication::new();
        let mut text = ceremony.client_data_json();
        text.resize(length, b' ');
        ceremony.client_data_bytes = Some(text);
        assert_eq!(ceremony.response().is_ok(), accepted, "{length}");
    }
    // 32 KiB, and a byte more.
    for (bend, accepted) in [
        (
            (|c| c["response"]["attestationObject"] = json!("A".repeat(43_691)))
                as fn(&mut serde_json::Value),
            true,
        ),
        (
            |c| c["response"]["attestationObject"] = json!("A".repeat(43_692)),
            false,
        ),
    ] {
        let ceremony = Registration {
            bend,
            ..Registration::new()
        };
        assert_eq!(ceremony.response().is_ok(), accepted);
    }
    let longer = Authentication {
        bend: |c| c["response"]["userHandle"] = json!(encode(&[0; 65])),
        ..Authentication::new()
    };
    assert_eq!(
        longer.response().unwrap_err(),
        AuthenticationError::Response(ResponseError::UserHandle {
            problem: "it has more than 64 bytes".to_owned()
        })
    );
}

#[test]
fn the_type_is_public_key() {
    Authentication {
        bend: |c| c["type"] = json!("password"),
        ..Authentication::new()
    }
    .fails(Reason::CredentialTypeMismatch);
    Authentication {
        bend: |c| c["type"] = json!(null),
        ..Authentication::new()
    }
    .fails(Reason::CredentialTypeMismatch);
    Authentication {
        bend: |c| c["type"] = json!("Public-Key"),
        ..Authentication::new()
    }
    .fails(Reason::CredentialTypeMismatch);
    let bend: fn(&mut serde_json::Value) = |c| drop(c.as_object_mut().unwrap().remove("type"));
    Authentication {
        bend,
        ..Authentication::new()
    }
    .fails(Reason::CredentialTypeMismatch);
    let _ = Authentication {
        bend,
        form: ResponseForm::LENIENT,
        ..Authentication::new()
    }
    .succeeds();
}

#[test]
fn id_and_raw_id_are_base64url_of_the_same_bytes() {
    for (bend, problem) in [
        (
            (|c| drop(c.as_object_mut().unwrap().remove("id"))) as fn(&mut serde_json::Value),
            IdProblem::Missing,
        ),
        (|c| c["id"] = json!(null), IdProblem::Missing),
        (|c| c["id"] = json!(7), IdProblem::NotAString("a number")),
        (|c| c["id"] = json!(""), IdProblem::Empty),
        (|c| c["id"] = json!("A".repeat(1365)), IdProblem::TooLong),
    ] {
        let error = Authentication {
            bend,
            ..Authentication::new()
        }
        .response()
        .unwrap_err();
        assert_eq!(error, ResponseError::Id { problem }.into());
    }
    for text in ["AA==", "+A", "A", "AB", "A A"] {
        let mut credential: serde_json::Value =
            serde_json::from_slice(&Authentication::new().json()).unwrap();
        credential["id"] = json!(text);
        let text = credential.to_string();
        let value =
            webauthn::json::parse(text.as_bytes(), &webauthn::json::Limits::default()).unwrap();
        let error =
            webauthn::response::AuthenticationResponse::from_json(&value, &ResponseForm::STRICT)
                .unwrap_err();
        assert_eq!(
            (error.member(), error.reason()),
            (Some("id"), Reason::Base64Invalid)
        );
    }
    let raw = |bend: fn(&mut serde_json::Value), form| Authentication {
        bend,
        form,
        ..Authentication::new()
    };
    raw(|c| c["rawId"] = json!("AAAA"), ResponseForm::STRICT).fails(Reason::CredentialIdMismatch);
    raw(|c| c["rawId"] = json!("AAAA="), ResponseForm::STRICT).fails(Reason::Base64Invalid);
    raw(
        |c| c["rawId"] = json!("c1".repeat(32)),
        ResponseForm::STRICT,
    )
    .fails(Reason::CredentialIdMismatch);
    raw(
        |c| c["rawId"] = json!("c2".repeat(32)),
        ResponseForm::LENIENT,
    )
    .fails(Reason::CredentialIdMismatch);
    let _ = raw(
        |c| c["rawId"] = json!("C1".repeat(32)),
        ResponseForm::LENIENT,
    )
    .succeeds();
    let absent: fn(&mut serde_json::Value) = |c| drop(c.as_object_mut().unwrap().remove("rawId"));
    raw(absent, ResponseForm::STRICT).fails(Reason::CredentialIdInvalid);
    raw(absent, ResponseForm::LENIENT).fails(Reason::CredentialIdInvalid);
    let _ = raw(absent, ResponseForm::RECORDED).succeeds();
}

#[test]
fn the_checks_come_in_the_documented_order() {
    fn break_from(step: usize) -> serde_json::Value {
        let mut c: serde_json::Value =
            serde_json::from_slice(&Authentication::new().json()).unwrap();
        let breaks: [fn(&mut serde_json::Value); 9] = [
            |c| c["id"] = json!(1),
            |c| c["rawId"] = json!(1),
            |c| c["authenticatorAttachment"] = json!(1),
            |c| c["type"] = json!(1),
            |c| c["response"]["signature"] = json!(null),
            |c| c["response"]["clientDataJSON"] = json!("="),
            |c| c["response"]["authenticatorData"] = json!("="),
            |c| c["response"]["signature"] = json!("="),
            |c| c["response"]["userHandle"] = json!(1),
        ];
        for (at, bend) in breaks.iter().enumerate() {
            // Step 4 and step 7 bend the same member; the earlier one wins.
            if at >= step && !(at == 7 && step <= 4) {
                bend(&mut c);
            }
        }
        c
    }
    let reasons = [
        Reason::CredentialIdInvalid,
        Reason::CredentialIdInvalid,
        Reason::AuthenticatorAttachmentInvalid,
        Reason::CredentialTypeMismatch,
        Reason::ResponseMemberMissing,
        Reason::Base64Invalid,
        Reason::Base64Invalid,
        Reason::Base64Invalid,
        Reason::UserHandleInvalid,
    ];
    let members = [
        Some("id"),
        Some("rawId"),
        Some("authenticatorAttachment"),
        Some("type"),
        None,
        Some("response.clientDataJSON"),
        Some("response.authenticatorData"),
        Some("response.signature"),
        Some("response.userHandle"),
    ];
    for (step, (reason, member)) in reasons.into_iter().zip(members).enumerate() {
        let text = break_from(step).to_string();
        let value =
            webauthn::json::parse(text.as_bytes(), &webauthn::json::Limits::default()).unwrap();
        let error =
            webauthn::response::AuthenticationResponse::from_json(&value, &ResponseForm::STRICT)
                .unwrap_err();
        assert_eq!(
            (error.reason(), error.member()),
            (reason, member),
            "{step}: {error}"
        );
    }
}

#[test]
fn an_attachment_is_any_text_or_absent() {
    let with = |value: serde_json::Value, form| {
        let json = changed(|c| c["authenticatorAttachment"] = value);
        authentication(&json, form).map(|_| ())
    };
    for form in [ResponseForm::STRICT, ResponseForm::LENIENT] {
        for text in [
            json!(null),
            json!(""),
            json!("orbital"),
            json!("CROSS_PLATFORM"),
        ] {
            assert_eq!(with(text.clone(), form), Ok(()), "{text}");
        }
        for no_text in [json!(3), json!([]), json!({}), json!(false)] {
            let error = with(no_text.clone(), form).unwrap_err();
            let reason = Reason::AuthenticatorAttachmentInvalid;
            assert_eq!(error.reason(), reason, "{no_text}");
        }
        for known in AuthenticatorAttachment::ALL {
            assert_eq!(with(json!(known.as_str()), form), Ok(()));
        }
    }
}

#[test]
fn the_type_may_be_the_name_of_a_constant_null_or_empty_where_the_form_tolerates_it() {
    for (kind, lenient) in [
        (json!("public-key"), true),
        (json!("PUBLIC_KEY"), true),
        (json!("Public-Key"), true),
        (json!(null), true),
        (json!(""), true),
        (json!("public-keys"), false),
        (json!("PUBLICKEY"), false),
        (json!([]), false),
    ] {
        let json = changed(|c| c["type"] = kind.clone());
        let strict = kind == "public-key";
        for (form, accepted) in [
            (ResponseForm::LENIENT, lenient),
            (ResponseForm::STRICT, strict),
            (ResponseForm::RECORDED, strict),
        ] {
            match authentication(&json, form) {
                Ok(_) => assert!(accepted, "{kind} {form:?}"),
                Err(error) => {
                    assert!(!accepted, "{kind} {form:?}");
                    assert_eq!(error.reason(), Reason::CredentialTypeMismatch);
                }
            }
        }
    }
}

const OUTER: [&str; 6] = [
    "id",
    "rawId",
    "response.clientDataJSON",
    "response.authenticatorData",
    "response.signature",
    "response.userHandle",
];

#[test]
fn the_right_padding_of_an_outer_member_is_dropped_where_the_form_tolerates_it() {
    let good = changed(|_| {});
    let plain = authentication(&good, ResponseForm::LENIENT).unwrap();
    for member in OUTER {
        let text = at(&good, member);
        let padded = format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
        let mut json = good.clone();
        *place(&mut json, member) = json!(padded);
        let read = authentication(&json, ResponseForm::LENIENT);
        assert_eq!(read.as_ref(), Ok(&plain), "{member}");
        if padded != text {
            for form in [ResponseForm::STRICT, ResponseForm::RECORDED] {
                assert!(authentication(&json, form).is_err(), "{member}");
            }
        }
        for wrong in [
            format!("{padded}="),
            format!("{padded}===="),
            format!("{text}%3D"),
            format!("={text}"),
            format!("{padded}\n"),
        ] {
            let mut json = good.clone();
            *place(&mut json, member) = json!(wrong);
            let error = authentication(&json, ResponseForm::LENIENT).unwrap_err();
            let reason = match member {
                "response.userHandle" => Reason::UserHandleInvalid,
                _ => Reason::Base64Invalid,
            };
            assert_eq!(error.reason(), reason, "{wrong}");
        }
    }
    // At least one member of each length, so that both amounts were seen.
    let lengths: Vec<_> = OUTER
        .iter()
        .map(|member| at(&good, member).len() % 4)
        .collect();
    assert!(lengths.contains(&2) && lengths.contains(&3), "{lengths:?}");
}

#[test]
fn padding_inside_the_client_data_is_refused_in_every_form() {
    for form in [ResponseForm::STRICT, ResponseForm::LENIENT] {
        let json = changed(|c| {
            let text = testkit::from_base64url(c["response"]["clientDataJSON"].as_str().unwrap());
            let mut data: serde_json::Value = serde_json::from_slice(&text.unwrap()).unwrap();
            let challenge = data["challenge"].as_str().unwrap();
            let padding = "=".repeat((4 - challenge.len() % 4) % 4);
            assert!(!padding.is_empty());
            data["challenge"] = json!(format!("{challenge}{padding}"));
            c["response"]["clientDataJSON"] =
                json!(testkit::base64url(data.to_string().as_bytes()));
        });
        let error = authentication(&json, form).unwrap_err();
        assert_eq!(error.reason(), Reason::ClientDataMalformed);
    }
}

#[test]
fn transports_are_kept_in_the_spelling_of_the_specification() {
    let read = |transports: serde_json::Value| {
        let mut json: serde_json::Value =
            serde_json::from_slice(&Registration::new().json()).unwrap();
        json["response"]["transports"] = transports;
        let text = json.to_string();
        let value =
            webauthn::json::parse(text.as_bytes(), &webauthn::json::Limits::default()).unwrap();
        let response =
            webauthn::response::RegistrationResponse::from_json(&value, &ResponseForm::LENIENT);
        response.unwrap().transports().to_vec()
    };
    assert_eq!(
        read(json!([
            "INTERNAL",
            "HYBRID",
            "SMART_CARD",
            "Usb",
            "internal"
        ])),
        ["internal", "hybrid", "smart-card", "usb"]
    );
    // Unknown words may be known to browsers.
    assert_eq!(read(json!(["Orbital_Link"])), ["Orbital_Link"]);
    for broken in [
        json!("System.Collections.Generic.List`1[...]"),
        json!(null),
        json!({}),
    ] {
        assert!(read(broken).is_empty());
    }
}

/// A flawless authentication, changed.
fn changed(bend: impl FnOnce(&mut serde_json::Value)) -> serde_json::Value {
    let mut json = serde_json::from_slice(&Authentication::new().json()).unwrap();
    bend(&mut json);
    json
}

fn authentication(
    json: &serde_json::Value,
    form: ResponseForm,
) -> Result<webauthn::response::AuthenticationResponse, ResponseError> {
    let text = json.to_string();
    let value = webauthn::json::parse(text.as_bytes(), &webauthn::json::Limits::default()).unwrap();
    webauthn::response::AuthenticationResponse::from_json(&value, &form)
}

fn place<'j>(json: &'j mut serde_json::Value, member: &str) -> &'j mut serde_json::Value {
    member.split('.').fold(json, |at, name| &mut at[name])
}

fn at<'j>(json: &'j serde_json::Value, member: &str) -> &'j str {
    member
        .split('.')
        .fold(json, |at, name| &at[name])
        .as_str()
        .unwrap()
}
