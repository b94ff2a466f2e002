//! Slashes in paths: at the end, and two in a row.

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::common::TestApp;
use crate::support::{CONFIGURED, create, get};

/// Ways in which tools write one path.
fn spellings(path: &str) -> [String; 5] {
    [
        format!("{path}/"),
        format!("/{path}"),
        format!("{path}//"),
        path.replace('/', "//"),
        format!("///{}/", path.replacen("Services", "/Services", 1)),
    ]
}

#[tokio::test]
async fn every_call_is_reached_with_slashes_too_many() {
    let account = TestApp::new().await.account();
    let mut authenticator = Authenticator::default();
    for (number, services) in spellings("/v2/Services").iter().enumerate() {
        let service = account.post(services, CONFIGURED).await.expect(201);
        let sid = service["sid"].as_str().unwrap();
        let at = |rest: &str| spellings(&format!("/v2/Services/{sid}{rest}"))[number].clone();
        let listed = account
            .get(&format!("{services}?PageSize=1"))
            .await
            .expect(200);
        assert_eq!(listed["services"].as_array().unwrap().len(), 1);
        assert_eq!(account.get(&at("")).await.expect(200)["sid"], sid);

        let start = json!({"friendly_name": "Phone", "identity": "user-0001"});
        let factor = account
            .post(&at("/Passkeys/Factors"), &start)
            .await
            .expect(201);
        let credential = create(&mut authenticator, &factor, &Lies::default());
        account
            .post(&at("/Passkeys/VerifyFactor"), &credential)
            .await
            .expect(200);
        let challenge = account
            .post(&at("/Passkeys/Challenges"), &json!({}))
            .await
            .expect(201);
        let assertion = get(&mut authenticator, &challenge, &Lies::default());
        account
            .post(&at("/Passkeys/ApproveChallenge"), &assertion)
            .await
            .expect(200);
        let factors = account
            .get(&at("/Entities/user-0001/Factors"))
            .await
            .expect(200);
        // What is emitted has no slash too many.
        assert_eq!(
            factors["meta"]["url"]
                .as_str()
                .unwrap()
                .matches("//")
                .count(),
            1
        );
        let factor = format!(
            "/Entities/user-0001/Factors/{}",
            factor["sid"].as_str().unwrap()
        );
        assert_eq!(account.delete(&at(&factor)).await.expect(204), Value::Null);
        assert_eq!(account.delete(&at("")).await.expect(204), Value::Null);
    }
}

#[tokio::test]
async fn below_and_beside_the_wire_errors_stay_in_its_envelope() {
    let account = TestApp::new().await.account();
    for path in [
        "/v2",
        "/v2/",
        "//v2",
        "//v2/",
        "/v2//",
        "/v2/Nothing/",
        "//v2//Nothing",
        "///v2///",
    ] {
        account.get(path).await.refused(404, 20404);
        let stranger = account.app.stranger();
        stranger.get(path).await.refused(401, 20003);
    }
    account
        .request(Method::PUT, "//v2/Services/")
        .empty()
        .await
        .refused(405, 20004);
    // The limits and words of the wire hold as well.
    let too_long = vec![b'x'; 300_000];
    account
        .request(Method::POST, "//v2//Services/")
        .send(too_long)
        .await
        .refused(413, 20413);
}

#[tokio::test]
async fn a_collection_in_place_of_the_service_is_60363() {
    let account = TestApp::new().await.account();
    for path in [
        "/v2/Services//Passkeys/Factors",
        "/v2/Services/Passkeys/VerifyFactor",
        "/v2/Services//Entities/user-0001/Factors",
        "/v2/Services//Entities",
        "/v2/Services//Webhooks",
    ] {
        account.post(path, &json!({})).await.refused(400, 60363);
    }
}

#[tokio::test]
async fn an_encoded_slash_is_no_slash() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    for identity in ["%2F", "user%2F%2F0001", "%2Fuser-0001"] {
        account
            .get(&format!("{service}/Entities/{identity}/"))
            .await
            .refused(404, 20404);
    }
}
