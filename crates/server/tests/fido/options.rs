//! The options of a registration and of an authentication.

use domain::Reason;
use serde_json::{Value, json};
use testkit::{Lies, Profile, from_base64url};

use crate::common::Answer;
use crate::support::Binding;

async fn creation(binding: &Binding, request: &Value) -> Answer {
    binding
        .stranger()
        .post("/attestation/options", request)
        .await
}

#[tokio::test]
async fn creation_options_have_every_member_and_repeat_what_was_asked_for() {
    let binding = Binding::new().await;
    let request = json!({
        "username": "mira@example.test",
        "displayName": "Mira M\u{fc}ller",
        "authenticatorSelection": {
            "requireResidentKey": false,
            "authenticatorAttachment": "cross-platform",
            "userVerification": "required"
        },
        "attestation": "direct",
        "extensions": {"example.extension": true, "credProps": true}
    });
    let options = creation(&binding, &request).await.ok();
    assert_eq!(options["rp"]["id"], "passkeys.test");
    assert!(!options["rp"]["name"].as_str().unwrap().is_empty());
    assert_eq!(options["user"]["name"], "mira@example.test");
    assert_eq!(options["user"]["displayName"], "Mira M\u{fc}ller");
    let handle = from_base64url(options["user"]["id"].as_str().unwrap()).unwrap();
    assert!((1..=64).contains(&handle.len()));
    let challenge = from_base64url(options["challenge"].as_str().unwrap()).unwrap();
    assert!((16..=64).contains(&challenge.len()));
    let parameters = options["pubKeyCredParams"].as_array().unwrap();
    assert!(
        parameters
            .iter()
            .all(|p| p["type"] == "public-key" && p["alg"].is_i64())
    );
    for mandatory in [-7, -257, -65_535] {
        assert!(
            parameters.iter().any(|p| p["alg"] == mandatory),
            "{mandatory}"
        );
    }
    assert!(options["timeout"].as_u64().unwrap() > 0);
    assert_eq!(options["excludeCredentials"], json!([]));
    let selection = &options["authenticatorSelection"];
    for (name, value) in request["authenticatorSelection"].as_object().unwrap() {
        assert_eq!(selection[name], *value, "{name}");
    }
    assert_eq!(options["attestation"], "direct");
    assert_eq!(options["extensions"], request["extensions"]);
    assert!(options.get("fido2SessionId").is_none());
}

#[tokio::test]
async fn what_nobody_asked_for_is_as_the_specification_has_it() {
    let binding = Binding::new().await;
    let request = json!({"username": "mira", "displayName": "Mira"});
    let options = creation(&binding, &request).await.ok();
    assert_eq!(options["attestation"], "none");
    assert!(options.get("extensions").is_none());
    let selection = &options["authenticatorSelection"];
    assert_eq!(selection["userVerification"], "preferred");
    assert_eq!(selection["residentKey"], "discouraged");
    assert!(selection.get("authenticatorAttachment").is_none());
}

#[tokio::test]
async fn two_requests_get_two_challenges_and_one_user() {
    let binding = Binding::new().await;
    let request = json!({"username": "mira", "displayName": "Mira", "attestation": "none"});
    let first = creation(&binding, &request).await.ok();
    let second = creation(&binding, &request).await.ok();
    assert_ne!(first["challenge"], second["challenge"]);
    assert_eq!(first["user"]["id"], second["user"]["id"]);
}

#[tokio::test]
async fn each_value_of_each_wish_is_repeated_and_any_other_fails() {
    let binding = Binding::new().await;
    let ask = async |member: &str, inner: Option<&str>, value: Value| {
        let mut request = json!({"username": "mira", "displayName": "Mira"});
        match inner {
            Some(inner) => request[member] = json!({inner: value}),
            None => request[member] = value,
        }
        creation(&binding, &request).await
    };
    for value in ["none", "indirect", "direct", "enterprise"] {
        let options = ask("attestation", None, json!(value)).await.ok();
        assert_eq!(options["attestation"], value);
    }
    let selection = "authenticatorSelection";
    for (name, values) in [
        (
            "userVerification",
            ["required", "preferred", "discouraged"].as_slice(),
        ),
        ("residentKey", &["required", "preferred", "discouraged"]),
        ("authenticatorAttachment", &["platform", "cross-platform"]),
    ] {
        for value in values {
            let options = ask(selection, Some(name), json!(value)).await.ok();
            assert_eq!(options[selection][name], *value);
        }
        for wrong in [json!("always"), json!(""), json!(1), json!([])] {
            let reply = ask(selection, Some(name), wrong).await;
            reply.failed(Reason::RequestInvalid);
        }
    }
    for required in [true, false] {
        let options = ask(selection, Some("requireResidentKey"), json!(required)).await;
        assert_eq!(options.ok()[selection]["requireResidentKey"], required);
    }
    for (member, value) in [
        ("attestation", json!("anything")),
        ("attestation", json!(1)),
        ("authenticatorSelection", json!([])),
        (
            "authenticatorSelection",
            json!({"requireResidentKey": "true"}),
        ),
        ("extensions", json!("credProps")),
        ("extensions", json!({"large": "x".repeat(5000)})),
        ("username", json!("")),
        ("username", json!(7)),
        ("username", Value::Null),
        ("username", json!("x".repeat(256))),
        ("username", json!("line\nbreak")),
        ("displayName", json!("")),
        ("displayName", Value::Null),
    ] {
        let reply = ask(member, None, value.clone()).await;
        assert_eq!(reply.status, 400, "{member} {value}");
        reply.failed(Reason::RequestInvalid);
    }
}

#[tokio::test]
async fn a_member_that_cannot_be_read_is_named_with_what_it_may_be() {
    let binding = Binding::new().await;
    let selection = |member: Value| json!({"authenticatorSelection": member});
    for (wish, message) in [
        (
            json!({"attestation": "x"}),
            "attestation must be one of: none, indirect, direct, enterprise.",
        ),
        (
            json!({"attestation": 1}),
            "attestation is a number, not a string.",
        ),
        (
            selection(json!([])),
            "authenticatorSelection is an array, not an object.",
        ),
        (
            selection(json!({"residentKey": "always"})),
            "residentKey must be one of: required, preferred, discouraged.",
        ),
        (
            selection(json!({"residentKey": true})),
            "residentKey is a boolean, not a string.",
        ),
        (
            selection(json!({"requireResidentKey": "true"})),
            "requireResidentKey is a string, not true or false.",
        ),
        (
            selection(json!({"authenticatorAttachment": "any"})),
            "authenticatorAttachment must be one of: platform, cross-platform.",
        ),
        (
            selection(json!({"userVerification": "always"})),
            "userVerification must be one of: required, preferred, discouraged.",
        ),
        (
            json!({"extensions": "credProps"}),
            "extensions is a string, not an object.",
        ),
        (
            json!({"username": 7}),
            "username is a number, not a string.",
        ),
    ] {
        let mut request = json!({"username": "mira", "displayName": "Mira"});
        for (name, value) in wish.as_object().unwrap() {
            request[name] = value.clone();
        }
        let reply = creation(&binding, &request).await;
        assert_eq!(reply.json["errorMessage"], message);
        reply.failed(Reason::RequestInvalid);
    }
    let reply = creation(&binding, &json!([])).await;
    assert_eq!(
        reply.json["errorMessage"],
        "The body is an array, not a JSON object."
    );
}

#[tokio::test]
async fn request_options_have_every_member_and_repeat_what_was_asked_for() {
    let binding = Binding::new().await;
    let authenticator = binding.registered(Profile::default()).await;
    let id = testkit::base64url(authenticator.credentials()[0].id());
    let mut challenges = Vec::new();
    for wish in ["required", "preferred", "discouraged"] {
        let request = json!({"userVerification": wish, "extensions": {"example.extension": "x"}});
        let options = binding.request_options("mira", &request).await;
        let challenge = from_base64url(options["challenge"].as_str().unwrap()).unwrap();
        assert!((16..=64).contains(&challenge.len()));
        challenges.push(challenge);
        assert!(options["timeout"].as_u64().unwrap() > 0);
        assert_eq!(options["rpId"], "passkeys.test");
        let allowed = options["allowCredentials"].as_array().unwrap();
        assert_eq!(allowed.len(), 1);
        assert_eq!(allowed[0]["type"], "public-key");
        assert_eq!(allowed[0]["id"], id);
        assert_eq!(options["userVerification"], wish);
        assert_eq!(options["extensions"], request["extensions"]);
    }
    challenges.dedup();
    assert_eq!(challenges.len(), 3);
    let options = binding.request_options("mira", &json!({})).await;
    assert_eq!(options["userVerification"], "preferred");
}

#[tokio::test]
async fn an_unknown_user_and_one_without_credentials_fail() {
    let binding = Binding::new().await;
    let reply = binding
        .stranger()
        .post("/assertion/options", &json!({"username": "nobody"}))
        .await;
    reply.failed_with(404, Reason::UserUnknown);
    binding.creation_options("begun", &json!({})).await;
    let reply = binding
        .stranger()
        .post("/assertion/options", &json!({"username": "begun"}))
        .await;
    reply.failed_with(404, Reason::CredentialUnknown);
    for request in [
        json!({}),
        json!({"username": "mira", "userVerification": "always"}),
    ] {
        let reply = binding
            .stranger()
            .post("/assertion/options", &request)
            .await;
        reply.failed(Reason::RequestInvalid);
    }
}

#[tokio::test]
async fn whatever_fails_is_told_with_4xx_failed_and_a_message() {
    let binding = Binding::new().await;
    let json = [("content-type", "application/json; charset=utf-8")];
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b"{}",
        b"{\"username\":\"a\",\"username\":\"b\"}",
        b"{\"username\":\"\xff\"}",
        b"{\"id\":{},\"type\":[],\"response\":{\"clientDataJSON\":{}}}",
    ];
    for path in [
        "/attestation/options",
        "/attestation/result",
        "/assertion/options",
        "/assertion/result",
        "/assertion/result/",
    ] {
        for body in bodies {
            let reply = binding
                .send("POST".parse().unwrap(), path, &json, body)
                .await;
            reply.failed_somehow(400);
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        let reply = binding
            .send("POST".parse().unwrap(), path, &json, deep)
            .await;
        reply.failed_somehow(400);
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(70_000));
        let reply = binding
            .send("POST".parse().unwrap(), path, &json, large)
            .await;
        reply.failed_somehow(413);
        let reply = binding.send("GET".parse().unwrap(), path, &[], "").await;
        assert_eq!(reply.headers["allow"], "POST");
        reply.failed_somehow(405);
        for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let headers = [("content-type", kind)];
            let reply = binding
                .send("POST".parse().unwrap(), path, &headers, "{}")
                .await;
            reply.failed_somehow(415);
        }
    }
}

#[tokio::test]
async fn a_credential_of_this_binding_is_one_of_its_users_like_any_other() {
    let binding = Binding::new().await;
    let mut authenticator = binding.registered(Profile::default()).await;
    for _ in 0..2 {
        binding
            .sign_in(&mut authenticator, "required", &Lies::default())
            .await
            .ok();
    }
}
