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
fn an_attachment_that_is_unknown_is_ignored_unless_demanded() {
    let with = |bend: fn(&mut serde_json::Value), form| Authentication {
        bend,
        form,
        ..Authentication::new()
    };
    let demanded = ResponseForm {
        attachment_required: true,
        ..ResponseForm::STRICT
    };
    let _ = with(
        |c| c["authenticatorAttachment"] = json!("orbital"),
        ResponseForm::STRICT,
    )
    .succeeds();
    let _ = with(
        |c| c["authenticatorAttachment"] = json!(null),
        ResponseForm::STRICT,
    )
    .succeeds();
    with(
        |c| c["authenticatorAttachment"] = json!(3),
        ResponseForm::STRICT,
    )
    .fails(Reason::AuthenticatorAttachmentInvalid);
    with(
        |c| c["authenticatorAttachment"] = json!("orbital"),
        demanded,
    )
    .fails(Reason::AuthenticatorAttachmentInvalid);
    with(|_| {}, demanded).fails(Reason::AuthenticatorAttachmentInvalid);
    let _ = with(
        |c| c["authenticatorAttachment"] = json!("cross-platform"),
        demanded,
    )
    .succeeds();
    assert_eq!(
        with(
            |c| c["authenticatorAttachment"] = json!("platform"),
            demanded
        )
        .response()
        .unwrap()
        .attachment(),
        Some(AuthenticatorAttachment::Platform)
    );
    assert_eq!(
        Registration::new().response().unwrap().attachment(),
        Some(AuthenticatorAttachment::Platform)
    );
}

#[test]
fn unknown_members_and_an_attestation_object_are_ignored() {
    let bend: fn(&mut serde_json::Value) = |c| {
        c["new"] = json!({"a": [1]});
        c["response"]["attestationObject"] = json!("!!");
        c["clientExtensionResults"] = json!([1]);
    };
    let _ = Authentication {
        bend,
        ..Authentication::new()
    }
    .succeeds();
}
