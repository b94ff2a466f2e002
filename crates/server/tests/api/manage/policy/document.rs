use super::*;

/// A document in which every member differs from the default.
fn everything(root: &str) -> Value {
    json!({
        "algorithms": ["ES256", "Ed25519", "ML-DSA-44"],
        "user_verification_required": true,
        "registration_timeout_ms": 120_000,
        "authentication_timeout_ms": 60_000,
        "allow_credentials": "auto",
        "relying_party_override": "configured_only",
        "sign_count": "refuse",
        "cross_origin": {"allowed": true, "top_origins": ["https://shop.test"]},
        "backup": {"credentials": "device_bound", "eligibility_change": "strict"},
        "sealed_authentications": true,
        "limits": {"credentials_per_user": 5, "pending_per_user": 3, "min_credential_id_length": 32},
        "attestation": {
            "conveyance": "direct",
            "requirement": "trusted",
            "trust_anchors": [root],
            "intermediates": [root],
            "models": {
                "allowed": ["70617373-6b65-7964-2d74-6573746b6974"],
                "denied": ["00000000-0000-0000-0000-000000000000"],
            },
            "metadata": {
                "unknown_models": "refuse",
                "stale": "refuse",
                "refused_statuses": ["REVOKED", "RETIRED"],
                "required_levels": ["FIDO_CERTIFIED_L1", "FIPS140_CERTIFIED_L2"],
            },
            "formats": {
                "refuse_root_in_path": true,
                "u2f_aaguid_must_be_zero": true,
                "compound": "one_trusted",
                "tpm": {"sha1": "refuse", "test_vendors": true, "vendors": ["id:12345678"]},
                "android_key": {
                    "trusted_environment": true, "only_signing": true, "verified_boot": true,
                    "leaf_validity": true,
                },
                "android_safetynet": {"accepted": true, "max_age_seconds": 60},
            },
        },
        "extensions": {
            "cred_props": true,
            "appid": "https://acme.test/app",
            "appid_exclude": "https://acme.test/old",
            "credential_protection": {"level": "user_verification_required", "enforce": true},
            "min_pin_length": true,
            "large_blob": "required",
            "prf": {"first": "AAEC", "second": "AwQF"},
            "uvm": true,
        },
    })
}

fn root() -> String {
    pem(&Authenticator::default().attestation_root().unwrap())
}

#[tokio::test]
async fn the_default_policy_is_shown_whole() {
    let policy = Policy::new().await;
    let shown = policy.operator.get(&policy.path).await;
    assert_eq!(shown.headers[ETAG], "\"1\"");
    insta::assert_json_snapshot!(shown.expect(200));
}

#[tokio::test]
async fn every_member_can_be_set_and_is_read_back() {
    let policy = Policy::new().await;
    let default = policy.operator.get(&policy.path).await.expect(200);
    let document = everything(&root());
    for (name, value) in document.as_object().unwrap() {
        assert_ne!(default[name], *value, "{name}");
    }
    assert_eq!(policy.put(&document).await.expect(200), document);
    let shown = policy.operator.get(&policy.path).await;
    assert_eq!(shown.headers[ETAG], "\"2\"");
    assert_eq!(shown.expect(200), document);
    // What is not sent has its default again.
    assert_eq!(policy.put(&json!({})).await.expect(200), default);
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_is_the_default() {
    let policy = Policy::new().await;
    let mut expected = policy.put(&everything(&root())).await.expect(200);
    expected["limits"]["pending_per_user"] = json!(7);
    expected["attestation"]["models"]["allowed"] = json!([]);
    expected["extensions"]["prf"] = json!({"first": "AAEC", "second": null});
    expected["extensions"]["appid"] = json!(null);
    expected["sign_count"] = json!("signal");
    let patched = policy
        .demand(json!({
            "limits": {"pending_per_user": 7},
            "attestation": {"models": {"allowed": []}},
            "extensions": {"prf": {"second": null}, "appid": null},
            "sign_count": null,
        }))
        .await;
    assert_eq!(patched, expected);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of documents")]
async fn what_is_not_allowed_is_refused_by_name_and_changes_nothing() {
    let policy = Policy::new().await;
    let before = policy.operator.get(&policy.path).await.expect(200);
    let anchors = |texts: &[&str]| json!({"attestation": {"trust_anchors": texts}});
    let root = root();
    for (change, member) in [
        (json!({"colour": 1}), "colour"),
        (
            json!({"attestation": {"formats": {"tmp": {}}}}),
            "attestation.formats.tmp",
        ),
        (json!({"algorithms": []}), "algorithms"),
        (json!({"algorithms": ["ES256", "RS1"]}), "algorithms[1]"),
        (json!({"algorithms": ["es256"]}), "algorithms[0]"),
        (json!({"algorithms": ["ES256", "ES256"]}), "algorithms[1]"),
        (json!({"algorithms": "ES256"}), "algorithms"),
        (json!({"algorithms": [-7]}), "algorithms[0]"),
        (
            json!({"user_verification_required": "yes"}),
            "user_verification_required",
        ),
        (
            json!({"registration_timeout_ms": 999}),
            "registration_timeout_ms",
        ),
        (
            json!({"registration_timeout_ms": -1}),
            "registration_timeout_ms",
        ),
        (
            json!({"authentication_timeout_ms": 600_001}),
            "authentication_timeout_ms",
        ),
        (
            json!({"allow_credentials": "sometimes"}),
            "allow_credentials",
        ),
        (json!({"cross_origin": true}), "cross_origin"),
        (
            json!({"cross_origin": {"top_origins": ["https://a.test"]}}),
            "cross_origin.top_origins",
        ),
        (
            json!({"cross_origin": {"allowed": true, "top_origins": ["https://a.test/"]}}),
            "cross_origin.top_origins[0]",
        ),
        (
            json!({"limits": {"credentials_per_user": 0}}),
            "limits.credentials_per_user",
        ),
        (
            json!({"limits": {"pending_per_user": 1001}}),
            "limits.pending_per_user",
        ),
        (
            json!({"limits": {"min_credential_id_length": 1024}}),
            "limits.min_credential_id_length",
        ),
        (
            json!({"attestation": {"requirement": "trusted"}}),
            "attestation.conveyance",
        ),
        (anchors(&["AAAA"]), "attestation.trust_anchors[0]"),
        (
            anchors(&["-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----"]),
            "attestation.trust_anchors[0]",
        ),
        (anchors(&[&root, &root]), "attestation.trust_anchors[1]"),
        (
            anchors(&[&format!("{root}{root}")]),
            "attestation.trust_anchors[0]",
        ),
        (anchors(&[root.as_str(); 33]), "attestation.trust_anchors"),
        (
            json!({"attestation": {"models": {"allowed": ["7061"]}}}),
            "attestation.models.allowed[0]",
        ),
        (
            json!({"attestation": {"models": {
                "allowed": ["70617373-6b65-7964-2d74-6573746b6974"],
                "denied": ["70617373-6B65-7964-2D74-6573746B6974"],
            }}}),
            "attestation.models.denied[0]",
        ),
        (
            json!({"attestation": {"metadata": {"refused_statuses": ["REVOCED"]}}}),
            "attestation.metadata.refused_statuses[0]",
        ),
        (
            json!({"attestation": {"metadata": {"required_levels": ["REVOKED"]}}}),
            "attestation.metadata.required_levels[0]",
        ),
        (
            json!({"attestation": {"metadata": {"required_levels": ["NOT_FIDO_CERTIFIED"]}}}),
            "attestation.metadata.required_levels[0]",
        ),
        (
            json!({"attestation": {
                "requirement": "ignore", "metadata": {"required_levels": ["FIDO_CERTIFIED"]},
            }}),
            "attestation.metadata.required_levels",
        ),
        (
            json!({"attestation": {"formats": {"tpm": {"vendors": ["id:1234567"]}}}}),
            "attestation.formats.tpm.vendors[0]",
        ),
        (
            json!({"attestation": {"formats": {"android_safetynet": {"max_age_seconds": 1}}}}),
            "attestation.formats.android_safetynet.max_age_seconds",
        ),
        (
            json!({"extensions": {"appid": "http://acme.test"}}),
            "extensions.appid",
        ),
        (
            json!({"extensions": {"appid_exclude": "https://a b"}}),
            "extensions.appid_exclude",
        ),
        (
            json!({"extensions": {"credential_protection": {"level": "user_verification_required"}}}),
            "extensions.credential_protection",
        ),
        (
            json!({"extensions": {"credential_protection": {
                "level": "user_verification_optional", "enforce": true,
            }}}),
            "extensions.credential_protection.enforce",
        ),
        (
            json!({"extensions": {"large_blob": "maybe"}}),
            "extensions.large_blob",
        ),
        (
            json!({"extensions": {"prf": {"first": "AA=="}}}),
            "extensions.prf.first",
        ),
        (
            json!({"extensions": {"prf": {"second": "AAEC"}}}),
            "extensions.prf.second",
        ),
    ] {
        let refusal = policy.patch(&change).await.expect(400);
        assert_eq!(refusal["error"], "policy_invalid", "{change}");
        assert_eq!(refusal["member"], member, "{refusal}");
        assert!(refusal["message"].is_string(), "{refusal}");
    }
    assert_eq!(policy.operator.get(&policy.path).await.expect(200), before);
}

#[tokio::test]
async fn a_body_that_is_no_object_of_single_members_is_refused() {
    let policy = Policy::new().await;
    for (method, kind, body, status) in [
        (Method::PUT, "application/json", "", 400),
        (Method::PUT, "application/json", "[]", 400),
        (Method::PUT, "application/json", "null", 400),
        (
            Method::PATCH,
            "application/json",
            "{\"uvm\":1,\"uvm\":2}",
            400,
        ),
        (Method::PATCH, "application/json", "{\"a\":", 400),
        (Method::PATCH, "application/merge-patch+json", "\"x\"", 400),
        (Method::PATCH, "text/plain", "{}", 415),
        (Method::PUT, "application/merge-patch+json", "{}", 415),
    ] {
        let answer = policy
            .operator
            .request(method, &policy.path)
            .body(kind, body)
            .await;
        assert_eq!(answer.status, status, "{kind} {body}");
    }
    let deep = format!("{}{}", "{\"a\":".repeat(100), "1") + &"}".repeat(100);
    let answer = policy
        .operator
        .request(Method::PATCH, &policy.path)
        .body(JSON, deep);
    assert_eq!(answer.await.status, 400);
    assert_eq!(policy.patch(&json!({})).await.headers[ETAG], "\"1\"");
}

#[tokio::test]
async fn a_change_can_be_bound_to_the_version_that_was_read() {
    let policy = Policy::new().await;
    let send = |tag: &'static str, change: Value| {
        let call = policy.operator.request(Method::PATCH, &policy.path);
        let call = call.header(IF_MATCH.as_str(), tag);
        async move { call.json(&change).await }
    };
    let first = send("\"1\"", json!({"sign_count": "refuse"})).await;
    assert_eq!(first.headers[ETAG], "\"2\"");
    first.expect(200);
    for stale in ["\"1\"", "W/\"2\"", "2", ""] {
        let refusal = send(stale, json!({"sign_count": "signal"}))
            .await
            .expect(412);
        assert_eq!(refusal["error"], "version_mismatch", "{stale}");
    }
    let shown = policy.operator.get(&policy.path).await.expect(200);
    assert_eq!(shown["sign_count"], "refuse");
    send("\"9\", \"2\"", json!({"sign_count": "signal"}))
        .await
        .expect(200);
    send("*", json!({"sign_count": "refuse"})).await.expect(200);
}

#[tokio::test]
async fn only_the_account_of_the_service_sees_and_changes_its_policy() {
    let policy = Policy::new().await;
    let stranger = Policy {
        operator: policy.account.app.stranger(),
        account: policy.account.clone(),
        service: policy.service.clone(),
        path: policy.path.clone(),
    };
    assert_eq!(stranger.operator.get(&policy.path).await.status, 401);
    assert_eq!(stranger.patch(&json!({})).await.status, 401);
    assert_eq!(stranger.put(&json!({})).await.status, 401);
    for service in ["VA00000000000000000000000000000000", "VAx", "x"] {
        let path = format!("/manage/v1/services/{service}/policy");
        assert_eq!(policy.operator.get(&path).await.status, 404, "{service}");
    }
}
