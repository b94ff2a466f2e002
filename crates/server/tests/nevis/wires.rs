//! One credential, every wire: what is registered here signs in through the Twilio wire, and the other way round.

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::support::{ORIGIN_OF_PAGES, Service};

/// The Twilio side of the same Service.
async fn twilio(service: &Service, path: &str, body: &Value, status: u16) -> Value {
    let path = format!("/v2/Services/{}/{path}", service.sid);
    service
        .account()
        .request(Method::POST, &path)
        .json(body)
        .await
        .expect(status)
}

async fn read_twilio(service: &Service, path: &str) -> Value {
    let path = format!("/v2/Services/{}/{path}", service.sid);
    service
        .account()
        .request(Method::GET, &path)
        .empty()
        .await
        .expect(200)
}

async fn with_criteria() -> Service {
    let service = Service::new().await;
    let form = "Passkeys.UserVerification=preferred&Passkeys.DiscoverableCredentials=preferred\
                &Passkeys.AuthenticatorAttachment=any";
    let path = format!("/v2/Services/{}", service.sid);
    let configured = service.account().request(Method::POST, &path);
    configured
        .body("application/x-www-form-urlencoded", form)
        .await
        .expect(200);
    service
}

#[tokio::test]
async fn a_passkey_registered_here_signs_in_through_the_twilio_wire() {
    let service = with_criteria().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.register("user-0001", &mut authenticator).await;
    let entity = read_twilio(&service, "Entities/user-0001").await;
    let hex = enrolled["userId"].as_str().unwrap().replace('-', "");
    assert_eq!(entity["sid"], format!("YE{hex}"));
    let factors = read_twilio(&service, "Entities/user-0001/Factors").await;
    let user = service.user("user-0001").await;
    let key = user["authenticators"][0]["authenticatorId"]
        .as_str()
        .unwrap()
        .replace('-', "");
    assert_eq!(factors["factors"][0]["sid"], format!("YF{key}"));
    for body in [json!({"identity": "user-0001"}), json!({})] {
        let challenge = twilio(&service, "Passkeys/Challenges", &body, 201).await;
        let answer = authenticator
            .get(&challenge["options"], ORIGIN_OF_PAGES, &Lies::default())
            .unwrap();
        let approved = twilio(&service, "Passkeys/ApproveChallenge", &answer, 200).await;
        assert_eq!(approved["status"], "approved");
    }
    assert!(service.user("user-0001").await["lastLoginDateSuccess"].is_string());
}

#[tokio::test]
async fn a_passkey_registered_through_the_twilio_wire_signs_in_here() {
    let service = with_criteria().await;
    let mut authenticator = Authenticator::default();
    let body = json!({"friendly_name": "Phone", "identity": "user-0001"});
    let factor = twilio(&service, "Passkeys/Factors", &body, 201).await;
    let created = authenticator
        .create(&factor["options"], ORIGIN_OF_PAGES, &Lies::default())
        .unwrap();
    twilio(&service, "Passkeys/VerifyFactor", &created, 200).await;
    let user = service.user("user-0001").await;
    assert_eq!(user["status"], "active");
    assert_eq!(user["authenticators"][0]["name"], "Phone");
    for who in [Some("user-0001"), None] {
        let approval = service.approve(who).await;
        let token = service.assert(&mut authenticator, &approval).await.token();
        let active = service.introspect(&token).await;
        assert_eq!(active["sub"], user["userId"]);
        assert_eq!(active["username"], "user-0001");
    }
    // It is excluded from a new registration here.
    let again = service.enroll("user-0001").await;
    let excluded = &again["enrollment"]["credentialCreationOptions"]["excludeCredentials"];
    assert_eq!(excluded.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_transaction_begun_here_and_ended_through_the_twilio_wire_has_succeeded() {
    let service = with_criteria().await;
    let mut authenticator = Authenticator::default();
    service.register("user-0001", &mut authenticator).await;
    let approval = service.approve(Some("user-0001")).await;
    let body = json!({"statusToken": approval["statusToken"]});
    let waiting = {
        let (service, body) = (service.clone(), body.clone());
        tokio::spawn(async move {
            service
                .page()
                .post("/api/v1/status?wait=30", &body)
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
    twilio(&service, "Passkeys/ApproveChallenge", &answer, 200).await;
    assert_eq!(waiting.await.unwrap()["status"], "succeeded");
}

#[tokio::test]
async fn a_user_of_either_wire_is_deleted_through_the_other() {
    let service = with_criteria().await;
    service
        .register("user-0001", &mut Authenticator::default())
        .await;
    let path = format!("/v2/Services/{}/Entities/user-0001", service.sid);
    let deleted = service
        .account()
        .request(Method::DELETE, &path)
        .empty()
        .await;
    assert_eq!(deleted.status, 204);
    service
        .back_end()
        .get("/api/v1/users?username=user-0001")
        .await
        .refused(404);
}
