use crate::support::*;

use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

/// One call with a body of JSON; status and body.
fn post(server: &Server, path: &str, headers: &[&str], body: &Value) -> (u16, Value) {
    let mut all = vec!["Content-Type: application/json", "Accept: application/json"];
    all.extend(headers);
    let answer = server.request("POST", path, &all, &body.to_string());
    let json = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    (
        status(&answer),
        serde_json::from_str(json).unwrap_or_default(),
    )
}

#[test]
fn the_fido_binding_is_off_unless_the_settings_say_so() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve(data.path()));
    for path in [
        "/attestation/options",
        "/attestation/result",
        "/assertion/options",
        "/assertion/result",
        "/nevisfido/fido2/attestation/options",
        "/nevisfido/fido2/status",
    ] {
        let (status, body) = post(&server, path, &[], &json!({}));
        assert_eq!(
            (status, body),
            (404, json!({"error": "not_found"})),
            "{path}"
        );
    }
}

#[test]
fn conformance_mode_makes_one_relying_party_for_itself_and_keeps_it_over_restarts() {
    let data = tempfile::tempdir().unwrap();
    let mut users = Vec::new();
    for start in 0..2 {
        let mut command = serve_known(data.path());
        command
            .env("PASSKEYD_FIDO__CONFORMANCE", "true")
            .env("PASSKEYD_PUBLIC_URL", "https://passkeys.test:8443/prefix");
        let mut server = Server::start(&mut command);
        server.wait_for_line("conformance mode is on");
        let request = json!({"username": "mira", "displayName": "Mira"});
        let (status, options) = post(&server, "/attestation/options", &[], &request);
        assert_eq!(
            (status, &options["status"]),
            (200, &json!("ok")),
            "{options}"
        );
        assert_eq!(options["rp"]["id"], "passkeys.test");
        assert_eq!(
            options["excludeCredentials"].as_array().unwrap().len(),
            start
        );
        users.push(options["user"]["id"].clone());
        let credential = Authenticator::default()
            .create(&options, "https://passkeys.test:8443", &Lies::default())
            .unwrap();
        let (status, answer) = post(&server, "/attestation/result", &[], &credential);
        assert_eq!((status, &answer["status"]), (200, &json!("ok")), "{answer}");
        server.stop();
    }
    assert_eq!(users[0], users[1]);
}

#[test]
fn conformance_mode_and_the_mark_of_a_production_system_exclude_each_other() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("passkeyd.toml");
    std::fs::write(&file, "production = true\n[fido]\nconformance = true\n").unwrap();
    let output = ended(serve(data.path()).arg("--config").arg(&file));
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("fido.conformance"), "{told}");
    assert!(told.contains("production"), "{told}");
    assert!(!data.path().join("passkeyd.db").exists());

    std::fs::write(
        &file,
        "production = true\npublic_url = \"https://passkeys.test\"\n",
    )
    .unwrap();
    let server = Server::start(serve(data.path()).arg("--config").arg(&file));
    let (status, _) = post(&server, "/attestation/options", &[], &json!({}));
    assert_eq!(status, 404);
}

#[test]
fn the_binding_for_real_users_is_allowed_in_production_and_keeps_its_relying_party() {
    let data = tempfile::tempdir().unwrap();
    let secret = basic(SID, TOKEN);
    let request = json!({"username": "mira", "displayName": "Mira"});
    let mut authenticator = Authenticator::default();
    for start in 0..2 {
        let mut command = serve_known(data.path());
        command
            .env("PASSKEYD_PRODUCTION", "true")
            .env("PASSKEYD_FIDO__BINDING", "true")
            .env("PASSKEYD_PUBLIC_URL", "https://passkeys.test");
        let server = Server::start(&mut command);
        let (status, _) = post(&server, "/attestation/options", &[], &request);
        assert_eq!(status, 401);
        let (status, options) = post(&server, "/attestation/options", &[&secret], &request);
        assert_eq!(
            (status, &options["rp"]["id"]),
            (200, &json!("passkeys.test"))
        );
        assert_eq!(options["rp"]["name"], "passkeys.test");
        let excluded = options["excludeCredentials"].as_array().unwrap();
        assert_eq!(excluded.len(), start);
        if start == 0 {
            let credential = authenticator
                .create(&options, "https://passkeys.test", &Lies::default())
                .unwrap();
            let (status, answer) = post(&server, "/attestation/result", &[], &credential);
            assert_eq!(status, 200, "{answer}");
        }
        server.stop();
    }
}

#[test]
fn the_relying_party_of_the_binding_has_the_origin_that_browsers_write() {
    for url in ["https://passkeys.test:443", "https://Passkeys.test"] {
        let data = tempfile::tempdir().unwrap();
        let mut command = serve_known(data.path());
        command
            .env("PASSKEYD_FIDO__BINDING", "true")
            .env("PASSKEYD_PUBLIC_URL", url);
        let server = Server::start(&mut command);
        let services = server.request("GET", "/v2/Services", &[&basic(SID, TOKEN)], "");
        assert!(
            services.contains(r#""https://passkeys.test""#),
            "{services}"
        );
        server.stop();
    }
}

#[test]
fn the_binding_for_real_users_and_what_is_for_tests_exclude_each_other() {
    let data = tempfile::tempdir().unwrap();
    for other in ["CONFORMANCE", "TEST_PAGE"] {
        let mut command = serve(data.path());
        command
            .env("PASSKEYD_FIDO__BINDING", "true")
            .env(format!("PASSKEYD_FIDO__{other}"), "true");
        let output = ended(&mut command);
        assert!(!output.status.success());
        let told = String::from_utf8(output.stderr).unwrap();
        let key = format!("fido.{}", other.to_lowercase());
        assert!(
            told.contains(&key) && told.contains("fido.binding"),
            "{told}"
        );
    }
}

#[test]
fn the_binding_says_at_the_start_which_service_it_lacks() {
    let data = tempfile::tempdir().unwrap();
    for (variables, told) in [
        (vec![("NEVISFIDO", "true")], "name the Service"),
        (
            vec![("NEVISFIDO", "true"), ("RELYING_PARTY", "VA12")],
            "is not VA and 32 hex digits",
        ),
        (
            vec![
                ("CONFORMANCE", "true"),
                ("RELYING_PARTY", "VA00000000000000000000000000000000"),
            ],
            "there is no Service VA00",
        ),
    ] {
        let mut command = serve(data.path());
        for (name, value) in variables {
            command.env(format!("PASSKEYD_FIDO__{name}"), value);
        }
        let output = ended(&mut command);
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("fido.relying_party"), "{error}");
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn the_dialect_serves_the_named_service_to_who_shows_the_accounts_secret() {
    let data = tempfile::tempdir().unwrap();
    let secret = basic(SID, TOKEN);
    let server = Server::start(&mut serve_known(data.path()));
    let form = "FriendlyName=Acme&Passkeys.RelyingParty.Id=acme.test\
                &Passkeys.RelyingParty.Name=Acme&Passkeys.RelyingParty.Origins=https%3A%2F%2Facme.test";
    let headers = ["Content-Type: application/x-www-form-urlencoded", &secret];
    let made = server.request("POST", "/v2/Services", &headers, form);
    let made: Value = serde_json::from_str(made.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let service = made["sid"].as_str().unwrap().to_owned();
    server.stop();

    let mut command = serve_known(data.path());
    command
        .env("PASSKEYD_FIDO__NEVISFIDO", "true")
        .env("PASSKEYD_FIDO__RELYING_PARTY", service);
    let server = Server::start(&mut command);
    let path = "/nevisfido/fido2/attestation/options";
    let request = json!({"username": "mira", "displayName": "Mira"});
    let (status, _) = post(&server, path, &[], &request);
    assert_eq!(status, 401);
    let (status, options) = post(&server, path, &[&secret], &request);
    assert_eq!((status, &options["status"]), (200, &json!("ok")));
    assert_eq!(options["rp"]["id"], "acme.test");
}

#[test]
fn the_test_page_is_off_unless_the_settings_say_so() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve(data.path()));
    for path in [
        "/fido2-test.html",
        "/test.html",
        "/fido2-test/app.js",
        "/fido2-test/api/enroll",
    ] {
        assert_eq!(status(&server.request("GET", path, &[], "")), 404, "{path}");
        assert_eq!(
            status(&server.request("POST", path, &[], "")),
            404,
            "{path}"
        );
    }
    server.stop();
    let mut command = serve(data.path());
    command
        .env("PASSKEYD_PRODUCTION", "true")
        .env("PASSKEYD_FIDO__TEST_PAGE", "true");
    let output = ended(&mut command);
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("fido.test_page"), "{told}");
}

#[test]
fn the_test_page_has_files_of_its_own_and_a_back_end_that_holds_the_access_key() {
    let data = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut command = serve_known(data.path());
        command
            .env("PASSKEYD_FIDO__TEST_PAGE", "true")
            .env("PASSKEYD_PUBLIC_URL", "https://passkeys.test");
        let server = Server::start(&mut command);
        for path in ["/fido2-test.html", "/test.html"] {
            let page = server.request("GET", path, &[], "");
            assert_eq!(status(&page), 200, "{path}");
            let policy =
                "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'";
            assert!(page.contains(policy), "{page}");
            // Neither inline scripts nor the demo's tabs.
            assert!(!page.contains("<script>") && !page.contains("class=\"tabs\""));
            for file in ["/fido2-test/app.js", "/fido2-test/style.css"] {
                assert!(page.contains(file));
                assert_eq!(status(&server.request("GET", file, &[], "")), 200);
            }
        }
        let (code, answer) = post(
            &server,
            "/fido2-test/api/enroll",
            &[],
            &json!({"username": "mira"}),
        );
        assert_eq!(code, 200, "{answer}");
        let options = &answer["answer"]["enrollment"]["credentialCreationOptions"];
        assert_eq!(options["rp"]["id"], "passkeys.test");
        assert_eq!(answer["exchanges"][0]["authorization"], "Bearer ***");
        // The binding itself stays off.
        let (code, _) = post(&server, "/attestation/options", &[], &json!({}));
        assert_eq!(code, 404);
        for (body, refused) in [("{", 400), ("{}", 415)] {
            let kind = if refused == 415 {
                "text/plain"
            } else {
                "application/json"
            };
            let header = format!("Content-Type: {kind}");
            let path = "/fido2-test/api/approve";
            let answer = server.request("POST", path, &[&header], body);
            assert_eq!(status(&answer), refused);
        }

        // Each start makes a key, and revokes that of the one before.
        let secret = basic(SID, TOKEN);
        let made = server.request("GET", "/v2/Services", &[&secret], "");
        let made: Value = serde_json::from_str(made.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        let service = made["services"][0]["sid"].as_str().unwrap();
        let path = format!("/manage/v1/services/{service}/access-keys");
        let keys = server.request("GET", &path, &[&secret], "");
        let keys: Value = serde_json::from_str(keys.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(keys["access_keys"].as_array().unwrap().len(), 1);
        server.stop();
    }
}

#[test]
fn the_test_page_sends_results_to_configured_origins_only_and_takes_tokens_of_its_service_only() {
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    command
        .env("PASSKEYD_FIDO__TEST_PAGE", "true")
        .env("PASSKEYD_PUBLIC_URL", "https://passkeys.test");
    let server = Server::start(&mut command);
    let secret = basic(SID, TOKEN);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let body_of = |answer: String| -> Value {
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    };
    let made = body_of(server.request("GET", "/v2/Services", &[&secret], ""));
    let service = made["services"][0]["sid"].as_str().unwrap();
    let origins = "Passkeys.RelyingParty.Origins=https://passkeys.test,capacitor://localhost,ios:bundle-id:fido2.example.app";
    let path = format!("/v2/Services/{service}");
    let changed = server.request("POST", &path, &[&secret, form], origins);
    assert_eq!(status(&changed), 200, "{changed}");

    let way_back = |to: &str| {
        let path = "/fido2-test/api/return";
        post(&server, path, &[], &json!({"redirectTo": to}))
    };
    for (to, base) in [
        ("https://passkeys.test", "https://passkeys.test/"),
        ("capacitor://localhost", "capacitor://localhost/"),
        ("fido2.example.app", "fido2.example.app://"),
    ] {
        let (code, answer) = way_back(to);
        assert_eq!((code, &answer["answer"]["base"]), (200, &json!(base)));
    }
    for to in [
        "",
        "https",
        "javascript",
        "javascript:alert(1)",
        "https://evil.test",
        "https://passkeys.test/",
        "https://passkeys.test.evil.test",
        "https://passkeys.test@evil.test",
        "//passkeys.test",
        "other.example.app",
        "ios:bundle-id:fido2.example.app",
        "fido2.example.app://",
    ] {
        let (code, answer) = way_back(to);
        assert_eq!(code, 400, "{to}: {answer}");
        assert!(answer["answer"].get("base").is_none(), "{to}");
    }

    // An access key and an intent token of this Service begin a ceremony; one of another Service, or none, does not.
    let key_of = |service: &str| {
        let path = format!("/manage/v1/services/{service}/access-keys");
        let (code, key) = post(&server, &path, &[&secret], &json!({"name": "app"}));
        assert_eq!(code, 201, "{key}");
        key["key"].as_str().unwrap().to_owned()
    };
    let key = key_of(service);
    let body = "FriendlyName=Other&Passkeys.RelyingParty.Id=other.test&Passkeys.RelyingParty.Origins=https://other.test";
    let other = body_of(server.request("POST", "/v2/Services", &[&secret, form], body));
    let foreign = key_of(other["sid"].as_str().unwrap());
    let bearer = format!("Authorization: Bearer {key}");
    let (code, intent) = post(
        &server,
        "/api/v1/intent",
        &[&bearer],
        &json!({"username": "ada", "operation": "enroll"}),
    );
    assert_eq!(code, 200, "{intent}");
    let enroll = |body: Value| post(&server, "/fido2-test/api/enroll", &[], &body);
    let (code, answer) = enroll(json!({"username": "mira", "token": key}));
    assert_eq!((code, &answer["answer"]["username"]), (200, &json!("mira")));
    let (code, answer) = enroll(json!({"username": "", "token": intent["token"]}));
    assert_eq!((code, &answer["answer"]["username"]), (200, &json!("ada")));
    for bad in [foreign.as_str(), "x", "x\r\nh: y", "\u{fc}"] {
        let (code, answer) = enroll(json!({"username": "mira", "token": bad}));
        assert_eq!(code, 403, "{bad:?}: {answer}");
    }
    server.stop();
}
