//! What a Service chooses for this wire: `/manage/v1/services/{VA}/nevis`, and what follows from it.

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use storage::memory::Memory;
use testkit::{Authenticator, Lies};

use crate::support::{Service, assertion, attestation, claims, members};

#[tokio::test]
async fn settings_begin_strict_change_by_what_is_named_and_stay_within_their_bounds() {
    let service = Service::new().await;
    let path = service.manage("nevis");
    let read = async || {
        service
            .account()
            .request(Method::GET, &path)
            .empty()
            .await
            .expect(200)
    };
    let begun = read().await;
    assert_eq!(begun["status_token_required"], true);
    assert_eq!(begun["transaction_token_single_use"], false);
    assert_eq!(begun["transaction_token_algorithm"], "HS512");
    assert_eq!(begun["username_rule"], "strict");
    assert_eq!(begun["max_authenticators"], 10);
    assert_eq!(begun["failed_result_status"], 200);
    let changed = service
        .choose(json!({"max_authenticators": 3, "decoy_credentials": true}))
        .await;
    let mut expected = begun.clone();
    expected["max_authenticators"] = 3.into();
    expected["decoy_credentials"] = true.into();
    assert_eq!(changed, expected);
    assert_eq!(read().await, expected);
    // What the Twilio wire keeps beside it is untouched, and the other way round.
    let twilio = format!("/v2/Services/{}", service.sid);
    let updated = service.account().request(Method::POST, &twilio);
    let form = "application/x-www-form-urlencoded";
    updated.body(form, "CodeLength=4").await.expect(200);
    assert_eq!(read().await, expected);
    service.choose(json!({"max_authenticators": 4})).await;
    let shown = service
        .account()
        .request(Method::GET, &twilio)
        .empty()
        .await
        .expect(200);
    assert_eq!(shown["code_length"], 4);

    for bad in [
        json!({"max_authenticators": 0}),
        json!({"max_authenticators": 51}),
        json!({"timeout_seconds": 9}),
        json!({"transaction_seconds": 119}),
        json!({"transaction_seconds": 601}),
        json!({"status_token_seconds": 299}),
        json!({"transaction_token_seconds": 59}),
        json!({"transaction_token_algorithm": "none"}),
        json!({"username_rule": "any"}),
        json!({"failed_result_status": 201}),
        json!({"failed_result_status": "400"}),
        json!({"status_token_required": "no"}),
        json!({"apple_apps": ["x"]}),
        json!({"passkey_manage_url": "http://acme.test/"}),
        json!({"unknown": 1}),
        json!([]),
    ] {
        let call = service.account().request(Method::PATCH, &path);
        assert_eq!(call.json(&bad).await.status, 400, "{bad}");
    }
    for method in [Method::GET, Method::PATCH] {
        let call = service.back_end().request(method, &path);
        assert_eq!(call.json(&json!({})).await.status, 401);
    }
}

#[tokio::test]
async fn a_refused_ceremony_has_the_status_that_the_service_chose_and_never_a_token() {
    let service = Service::new().await;
    let other = service
        .another_service("other.test", "https://other.test")
        .await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    let foreign = Lies {
        origin: Some("https://evil.test".to_owned()),
        ..Lies::default()
    };
    for (chosen, status) in [(400, 400), (200, 200)] {
        service
            .choose(json!({"failed_result_status": chosen}))
            .await;
        let mut refused = Vec::new();
        let enrolled = service.enroll("bob").await;
        let body = attestation(&mut Authenticator::default(), &enrolled, &foreign);
        refused.push(service.page().post("/_app/attestation/result", &body).await);
        let approval = service.approve(Some("ada")).await;
        let body = assertion(&mut authenticator, &approval, &foreign);
        refused.push(service.page().post("/_app/assertion/result", &body).await);
        // The transaction is over: again, and with a status token that is not valid.
        refused.push(service.page().post("/_app/assertion/result", &body).await);
        let mut body = body.clone();
        let token = body["statusToken"].as_str().unwrap().to_owned();
        body["statusToken"] = format!("{}AAAA", &token[..token.len() - 4]).into();
        refused.push(service.page().post("/_app/assertion/result", &body).await);
        for reply in refused {
            let json = reply.expect(status);
            assert_eq!(json["status"], "failed", "{json}");
            assert!(json.get("token").is_none(), "{json}");
            assert!(!json["errorMessage"].as_str().unwrap().is_empty());
        }
        // Another Service has its own choice, and a success is 200.
        let enrolled = other.enroll("bob").await;
        let body = attestation(&mut Authenticator::default(), &enrolled, &foreign);
        other
            .page()
            .post("/_app/attestation/result", &body)
            .await
            .failed();
        let approval = service.approve(Some("ada")).await;
        service.assert(&mut authenticator, &approval).await.token();
    }
}

#[tokio::test]
async fn changes_of_different_settings_at_once_are_all_made() {
    let service = Service::new().await;
    let changes = [
        json!({"status_token_required": false}),
        json!({"transaction_token_single_use": true}),
        json!({"decoy_credentials": true}),
        json!({"max_authenticators": 7}),
    ];
    let tasks: Vec<_> = changes
        .iter()
        .map(|change| {
            let (service, change) = (service.clone(), change.clone());
            tokio::spawn(async move { service.choose(change).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let path = service.manage("nevis");
    let now = service
        .account()
        .request(Method::GET, &path)
        .empty()
        .await
        .expect(200);
    for change in &changes {
        for (name, value) in change.as_object().unwrap() {
            assert_eq!(&now[name], value, "{now}");
        }
    }
}

#[tokio::test]
async fn the_times_are_those_that_the_service_chose() {
    let service = Service::new().await;
    service
        .choose(json!({"timeout_seconds": 30, "transaction_seconds": 90,
                       "status_token_seconds": 120, "transaction_token_seconds": 60}))
        .await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.register("ada", &mut authenticator).await;
    let options = &enrolled["enrollment"]["credentialCreationOptions"];
    assert_eq!(options["timeout"], 30_000);
    let approval = service.approve(Some("ada")).await;
    assert_eq!(approval["credentialRequestOptions"]["timeout"], 30_000);
    service.app.clock.advance_millis(89_000);
    let token = service.assert(&mut authenticator, &approval).await.token();
    let said = claims(&token);
    assert_eq!(
        said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(),
        60
    );
    let late = service.approve(Some("ada")).await;
    service.app.clock.advance_millis(90_000);
    service.assert(&mut authenticator, &late).await.failed();
    assert_eq!(
        service.status(&late["statusToken"]).await["status"],
        "failed"
    );
    assert_eq!(
        service.status(&approval["statusToken"]).await["status"],
        "unknown"
    );
}

#[tokio::test]
async fn decoys_hide_who_is_unknown_or_has_no_authenticator() {
    let service = Service::new().await;
    service.choose(json!({"decoy_credentials": true})).await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    service.enroll("new").await;
    let approve = async |name: &str| service.approve(Some(name)).await;
    let real = approve("ada").await;
    for name in ["nobody", "new", "another"] {
        let (first, second) = (approve(name).await, approve(name).await);
        assert_eq!(members(&first), members(&real));
        let (options, again) = (
            &first["credentialRequestOptions"],
            &second["credentialRequestOptions"],
        );
        assert_eq!(members(options), members(&real["credentialRequestOptions"]));
        let listed = options["allowCredentials"].as_array().unwrap();
        assert!((1..=2).contains(&listed.len()));
        assert_eq!(members(&listed[0]), ["id", "transports", "type"]);
        // The same whenever one asks, but for the challenge.
        assert_eq!(options["allowCredentials"], again["allowCredentials"]);
        assert_eq!(first["userId"], second["userId"]);
        assert_ne!(options["challenge"], again["challenge"]);
        // Tokens and states look the same, too.
        assert_eq!(
            members(&claims(first["statusToken"].as_str().unwrap())),
            members(&claims(real["statusToken"].as_str().unwrap()))
        );
        let status = service.status(&first["statusToken"]).await;
        assert_eq!(
            members(&status),
            members(&service.status(&real["statusToken"]).await)
        );
        assert_eq!(status["userId"], first["userId"]);
        assert_eq!(status["username"], name);
        // And nobody signs in with one.
        for id in [
            listed[0]["id"].clone(),
            testkit::base64url(authenticator.credentials()[0].id()).into(),
        ] {
            let decoyed = approve(name).await;
            let mut open = decoyed.clone();
            open["credentialRequestOptions"]["allowCredentials"] = json!([]);
            let mut answer = assertion(&mut authenticator, &open, &Lies::default());
            answer["id"] = id.clone();
            answer["rawId"] = id;
            let refused = service.page().post("/_app/assertion/result", &answer).await;
            assert_eq!(members(&refused.json), ["errorMessage", "status"]);
            refused.failed();
            assert_eq!(
                service.status(&decoyed["statusToken"]).await["status"],
                "failed"
            );
        }
    }
    // An id is not guessed, so it needs no decoy.
    let body = json!({"userId": "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11", "channel": "fido2"});
    service
        .back_end()
        .post("/api/v1/approval", &body)
        .await
        .refused(404);
    service.assert(&mut authenticator, &real).await.token();
}

#[tokio::test]
async fn the_store_is_asked_as_often_for_a_user_who_is_unknown_or_has_no_authenticator() {
    let store = Arc::new(Memory::new());
    let service = Service::over(store.clone()).await;
    service.choose(json!({"decoy_credentials": true})).await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    service.enroll("new").await;
    // What is kept of the Service is read first.
    service.approve(Some("ada")).await;
    let mut asked = Vec::new();
    for name in ["ada", "new", "nobody"] {
        let before = store.operations();
        let approval = service.approve(Some(name)).await;
        let begun = store.operations() - before;
        // A refusal of a listed credential, whose signature is wrong.
        let listed = &approval["credentialRequestOptions"]["allowCredentials"][0]["id"];
        let mut open = approval.clone();
        open["credentialRequestOptions"]["allowCredentials"] = json!([]);
        let mut answer = assertion(&mut authenticator, &open, &Lies::default());
        answer["id"] = listed.clone();
        answer["rawId"] = listed.clone();
        answer["response"]["signature"] = testkit::base64url(&[1; 70]).into();
        let before = store.operations();
        let page = service.page();
        let refused = page.post("/_app/assertion/result", &answer);
        refused.await.failed();
        asked.push((begun, store.operations() - before));
    }
    assert!(asked[0].0 > 0 && asked[0].1 > 0, "{asked:?}");
    assert!(asked.iter().all(|n| *n == asked[0]), "{asked:?}");
}

#[tokio::test]
async fn es256_tokens_are_verified_with_the_published_key_and_by_introspection() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.enroll("ada").await;
    let instance = claims(&service.key)["aud"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/jwks/{instance}");
    let published = async || service.stranger().request(Method::GET, &path).empty().await;
    published().await.refused(404);
    service
        .choose(json!({"transaction_token_algorithm": "ES256"}))
        .await;
    let keys = published().await.expect(200);
    let key = &keys["keys"][0];
    assert_eq!(members(key), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!(published().await.expect(200), keys);

    let token = service.attest(&mut authenticator, &enrolled).await.token();
    let parts: Vec<&str> = token.split('.').collect();
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let header: Value = serde_json::from_slice(&decode(parts[0])).unwrap();
    assert_eq!(header, json!({"alg": "ES256", "kid": key["kid"]}));
    let mut point = vec![4];
    point.extend(decode(key["x"].as_str().unwrap()));
    point.extend(decode(key["y"].as_str().unwrap()));
    let signed = format!("{}.{}", parts[0], parts[1]);
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(signed.as_bytes(), &decode(parts[2]))
        .unwrap();
    assert_eq!(service.introspect(&token).await["active"], true);
    // The signature differs each time, what it says does not.
    let again = service.status(&enrolled["enrollment"]["statusToken"]).await;
    assert_eq!(claims(again["token"].as_str().unwrap()), claims(&token));

    // Other tokens keep their MAC, and nothing can be passed off as signed.
    let other = service
        .another_service("acme.test", "https://acme.test")
        .await;
    other
        .choose(json!({"transaction_token_algorithm": "ES256"}))
        .await;
    let theirs = other.enroll("ada").await;
    let theirs = other
        .attest(&mut Authenticator::default(), &theirs)
        .await
        .token();
    let inactive = json!({"active": false});
    assert_eq!(service.introspect(&theirs).await, inactive);
    let flipped = format!("{}.{}", signed, parts[2].chars().rev().collect::<String>());
    let foreign_key = format!(
        "{}.{}.{}",
        theirs.split('.').next().unwrap(),
        parts[1],
        parts[2]
    );
    let status = claims(enrolled["enrollment"]["statusToken"].as_str().unwrap());
    let status = URL_SAFE_NO_PAD.encode(status.to_string());
    let other_kind = format!("{}.{status}.{}", parts[0], parts[2]);
    for forged in [flipped, foreign_key, other_kind, format!("{signed}.")] {
        assert_eq!(service.introspect(&forged).await, inactive, "{forged}");
    }
    for unknown in ["x", "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11"] {
        let path = format!("/api/v1/jwks/{unknown}");
        service
            .stranger()
            .request(Method::GET, &path)
            .empty()
            .await
            .refused(404);
    }
    // Back to the MAC: what was signed before stays good until it expires.
    service
        .choose(json!({"transaction_token_algorithm": "HS512"}))
        .await;
    published().await.refused(404);
    assert_eq!(service.introspect(&token).await["active"], true);
}

#[tokio::test]
async fn the_well_known_files_have_the_documented_shape_on_passkeyds_own_host() {
    let service = Service::new().await;
    let read = async |file: &str| {
        let path = format!("/.well-known/{file}");
        service
            .stranger()
            .request(Method::GET, &path)
            .header("host", "evil.test")
            .empty()
            .await
    };
    let fingerprint = ["AB"; 32].join(":");
    let apps = json!({
        "android_apps": [{"package_name": "test.acme.app", "sha256_cert_fingerprints": [fingerprint]}],
        "apple_apps": ["A1B2C3D4E5.test.acme.app"],
    });
    // A Service with an RP ID elsewhere: its own host serves its files.
    service.choose(apps.clone()).await;
    read("assetlinks.json").await.refused(404);
    read("apple-app-site-association").await.refused(404);

    let own = service
        .another_service("passkeys.test", "https://passkeys.test")
        .await;
    own.choose(apps).await;
    let reply = read("assetlinks.json").await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let login = "delegate_permission/common.get_login_creds";
    let links = "delegate_permission/common.handle_all_urls";
    assert_eq!(
        reply.expect(200),
        json!([
            {"relation": [login], "target": {"namespace": "web", "site": "https://passkeys.test"}},
            {"relation": [links, login], "target": {"namespace": "android_app",
                "package_name": "test.acme.app", "sha256_cert_fingerprints": [fingerprint]}},
        ])
    );
    let reply = read("apple-app-site-association").await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(
        reply.expect(200),
        json!({"webcredentials": {"apps": ["A1B2C3D4E5.test.acme.app"]}})
    );

    // All pages are within the RP ID, and no page is named.
    read("webauthn").await.refused(404);
    read("passkey-endpoints").await.refused(404);
    let pages = "https://acme.example,https://passkeys.test";
    let more = service.another_service("passkeys.test", pages).await;
    let reply = read("webauthn").await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(
        reply.expect(200),
        json!({"origins": ["https://acme.example"]})
    );
    more.choose(json!({"passkey_manage_url": "https://passkeys.test/account"}))
        .await;
    own.choose(json!({"passkey_enroll_url": "https://passkeys.test/add"}))
        .await;
    assert_eq!(
        read("passkey-endpoints").await.expect(200),
        json!({"enroll": "https://passkeys.test/add", "manage": "https://passkeys.test/account"})
    );
}

#[tokio::test]
async fn the_browser_client_is_served_to_every_page_with_its_hash() {
    use base64::engine::general_purpose::STANDARD;
    let service = Service::new().await;
    let read = async |path: &str| service.stranger().request(Method::GET, path).empty().await;
    let hashes = read("/fido2-client/integrity.json").await.expect(200);
    assert_eq!(read("/sdk/integrity.json").await.expect(200), hashes);
    for (folder, name) in [
        ("fido2-client", "fido2-client.js"),
        ("fido2-client", "fido2-client.mjs"),
        ("sdk", "passkeys.mjs"),
        ("sdk", "element.mjs"),
        ("sdk", "events.mjs"),
        ("sdk", "prompt.mjs"),
    ] {
        for path in [
            format!("/{folder}/{name}"),
            format!("/{folder}/0.1.0/{name}"),
        ] {
            let reply = read(&path).await;
            assert_eq!(reply.status, 200, "{path}");
            assert_eq!(
                reply.header("content-type"),
                Some("text/javascript; charset=utf-8")
            );
            assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
            let hash =
                aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA384, reply.text().as_bytes());
            assert_eq!(hashes[name], format!("sha384-{}", STANDARD.encode(hash)));
            let tag = reply.header("etag").unwrap().to_owned();
            let kept = service
                .stranger()
                .request(Method::GET, &path)
                .header("if-none-match", &tag);
            let kept = kept.empty().await;
            assert_eq!((kept.status, kept.text()), (304, ""));
            let other = service
                .stranger()
                .request(Method::GET, &path)
                .header("if-none-match", "\"x\"");
            assert_eq!(other.empty().await.status, 200);
        }
    }
}
