//! One credential, every wire: what is registered here signs in through the Twilio wire, and the other way round.

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::cloud::{Cloud, ORIGIN_OF_PAGES};

/// The Twilio side of the same Service.
async fn twilio(cloud: &Cloud, path: &str, body: &Value, status: u16) -> Value {
    let path = format!("/v2/Services/{}/{path}", cloud.service);
    cloud
        .request(Method::POST, &path)
        .account()
        .json(body)
        .await
        .expect(status)
}

async fn read_twilio(cloud: &Cloud, path: &str) -> Value {
    let path = format!("/v2/Services/{}/{path}", cloud.service);
    cloud
        .request(Method::GET, &path)
        .account()
        .empty()
        .await
        .expect(200)
}

async fn with_criteria() -> Cloud {
    let cloud = Cloud::new().await;
    let form = "Passkeys.UserVerification=preferred&Passkeys.DiscoverableCredentials=preferred\
                &Passkeys.AuthenticatorAttachment=any";
    let path = format!("/v2/Services/{}", cloud.service);
    let configured = cloud.request(Method::POST, &path).account();
    configured
        .body("application/x-www-form-urlencoded", form)
        .await
        .expect(200);
    cloud
}

#[tokio::test]
async fn a_passkey_registered_here_signs_in_through_the_twilio_wire() {
    let cloud = with_criteria().await;
    let mut authenticator = Authenticator::default();
    let enrolled = cloud.register("user-0001", &mut authenticator).await;
    let entity = read_twilio(&cloud, "Entities/user-0001").await;
    let hex = enrolled["userId"].as_str().unwrap().replace('-', "");
    assert_eq!(entity["sid"], format!("YE{hex}"));
    let factors = read_twilio(&cloud, "Entities/user-0001/Factors").await;
    let user = cloud.user("user-0001").await;
    let key = user["authenticators"][0]["authenticatorId"]
        .as_str()
        .unwrap()
        .replace('-', "");
    assert_eq!(factors["factors"][0]["sid"], format!("YF{key}"));
    for body in [json!({"identity": "user-0001"}), json!({})] {
        let challenge = twilio(&cloud, "Passkeys/Challenges", &body, 201).await;
        let answer = authenticator
            .get(&challenge["options"], ORIGIN_OF_PAGES, &Lies::default())
            .unwrap();
        let approved = twilio(&cloud, "Passkeys/ApproveChallenge", &answer, 200).await;
        assert_eq!(approved["status"], "approved");
    }
    assert!(cloud.user("user-0001").await["lastLoginDateSuccess"].is_string());
}

#[tokio::test]
async fn a_passkey_registered_through_the_twilio_wire_signs_in_here() {
    let cloud = with_criteria().await;
    let mut authenticator = Authenticator::default();
    let body = json!({"friendly_name": "Phone", "identity": "user-0001"});
    let factor = twilio(&cloud, "Passkeys/Factors", &body, 201).await;
    let created = authenticator
        .create(&factor["options"], ORIGIN_OF_PAGES, &Lies::default())
        .unwrap();
    twilio(&cloud, "Passkeys/VerifyFactor", &created, 200).await;
    let user = cloud.user("user-0001").await;
    assert_eq!(user["status"], "active");
    assert_eq!(user["authenticators"][0]["name"], "Phone");
    for who in [Some("user-0001"), None] {
        let approval = cloud.approve(who).await;
        let token = cloud.assert(&mut authenticator, &approval).await.token();
        let active = cloud.introspect(&token).await;
        assert_eq!(active["sub"], user["userId"]);
        assert_eq!(active["username"], "user-0001");
    }
    // It is excluded from a new registration here.
    let again = cloud.enroll("user-0001").await;
    let excluded = &again["enrollment"]["credentialCreationOptions"]["excludeCredentials"];
    assert_eq!(excluded.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_transaction_begun_here_and_ended_through_the_twilio_wire_has_succeeded() {
    let cloud = with_criteria().await;
    let mut authenticator = Authenticator::default();
    cloud.register("user-0001", &mut authenticator).await;
    let approval = cloud.approve(Some("user-0001")).await;
    let body = json!({"statusToken": approval["statusToken"]});
    let waiting = {
        let (cloud, body) = (cloud.clone(), body.clone());
        tokio::spawn(async move {
            cloud
                .page("/api/v1/status?wait=30", &body)
                .await
                .expect(200)
        })
    };
    let answer = authenticator
        .get(
            &approval["credentialRequestOptions"],
            ORIGIN_OF_PAGES,
            &Lies::default(),
        )
        .unwrap();
    twilio(&cloud, "Passkeys/ApproveChallenge", &answer, 200).await;
    assert_eq!(waiting.await.unwrap()["status"], "succeeded");
}

#[tokio::test]
async fn a_user_of_either_wire_is_deleted_through_the_other() {
    let cloud = with_criteria().await;
    cloud
        .register("user-0001", &mut Authenticator::default())
        .await;
    let path = format!("/v2/Services/{}/Entities/user-0001", cloud.service);
    let deleted = cloud.request(Method::DELETE, &path).account().empty().await;
    assert_eq!(deleted.status, 204);
    cloud
        .get("/api/v1/users?username=user-0001")
        .await
        .refused(404);
}
