//! `/manage/v1/services/{VA}/credentials/{id}`: a credential with all that is known of it.

use serde_json::{Value, json};
use testkit::{Authenticator, Profile};

use crate::common::TestApp;

/// An authenticator whose answers to extensions are these.
fn answering(authenticator: &Value, client: &Value) -> Authenticator {
    let map = |value: &Value| value.as_object().unwrap().clone();
    let mut profile = Profile::security_key();
    profile.create_extensions.authenticator = map(authenticator);
    profile.create_extensions.client = map(client);
    Authenticator::new(profile)
}

#[tokio::test]
async fn the_outputs_of_known_extensions_are_kept_with_a_credential() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let sid = service.rsplit('/').next().unwrap();
    let mut device = answering(
        &json!({"credProtect": 2, "minPinLength": 6, "hmac-secret": true, "uvm": [[2, 4, 2]], "x": 1}),
        &json!({
            "credProps": {"rk": true}, "appidExclude": true, "largeBlob": {"supported": true, "blob": "c2VjcmV0"},
            "prf": {"enabled": true, "results": {"first": "c2VjcmV0"}}, "uvm": [[2, 4, 2]], "x": 1,
        }),
    );
    let factor = account.register(&service, "ann-0001", &mut device).await;
    let id = factor["sid"].as_str().unwrap();

    let path = format!("/manage/v1/services/{sid}/credentials/{id}");
    let shown = account.get(&path).await.expect(200);
    assert_eq!(shown["factor"], id);
    assert_eq!(shown["user"], "ann-0001");
    assert_eq!(
        shown["extensions"],
        json!({
            "authenticator": {
                "cred_protect": 2, "min_pin_length": 6, "hmac_secret": true,
                "user_verification": [{"method": 2, "key_protection": 4, "matcher_protection": 2}],
            },
            "client": {
                "cred_props_rk": true, "appid_exclude": true, "large_blob_supported": true, "prf_enabled": true,
                "user_verification": [{"method": 2, "key_protection": 4, "matcher_protection": 2}],
            },
        }),
        "what is a secret of the client, or unknown, is not kept"
    );
    let uuid = shown["authenticator"].as_str().unwrap();
    let path = format!("/manage/v1/services/{sid}/credentials/{uuid}");
    assert_eq!(account.get(&path).await.expect(200), shown);
}

#[tokio::test]
async fn what_is_no_credential_of_the_service_is_not_found() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let other = account.service().await;
    let factor = account
        .register(&service, "ann-0001", &mut Authenticator::default())
        .await;
    let id = factor["sid"].as_str().unwrap();
    let sid = |service: &str| service.rsplit('/').next().unwrap().to_owned();
    for path in [
        format!("{}/credentials/{id}", sid(&other)),
        format!("{}/credentials/YF{}", sid(&service), "0".repeat(32)),
        format!("{}/credentials/nothing", sid(&service)),
        format!("VA{}/credentials/{id}", "0".repeat(32)),
    ] {
        let reply = account.get(&format!("/manage/v1/services/{path}")).await;
        assert_eq!(reply.status, 404, "{path}");
    }
}
