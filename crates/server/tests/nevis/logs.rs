//! `GET /api/v1/logs/export`.

use axum::http::Method;
use serde_json::json;
use testkit::{Authenticator, Lies};

use crate::support::{Service, assertion};

const EXPORT: &str = "/api/v1/logs/export";

/// Fields of a row by the names in the head.
fn column(rows: &[Vec<String>], name: &str) -> Vec<String> {
    let at = rows[0].iter().position(|n| n == name).unwrap();
    rows[1..].iter().map(|row| row[at].clone()).collect()
}

async fn some_history(service: &Service) {
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    service.app.clock.advance_millis(1000);
    let approval = service.approve(Some("ada")).await;
    let mut answer = assertion(&mut authenticator, &approval, &Lies::default());
    answer["userAgent"] = "Phone \"X\", 1.0".into();
    service
        .page()
        .post("/_app/assertion/result", &answer)
        .await
        .token();
    service.app.clock.advance_millis(1000);
    let approval = service.approve(Some("ada")).await;
    let mut answer = assertion(&mut authenticator, &approval, &Lies::default());
    answer["response"]["signature"] = "AAAA".into();
    service
        .page()
        .post("/_app/assertion/result", &answer)
        .await
        .failed();
    service.app.clock.advance_millis(1000);
    let id = service.user("ada").await["authenticators"][0]["authenticatorId"].clone();
    let path = format!("/api/v1/authenticators/{}", id.as_str().unwrap());
    let renamed = service.back_end().request(Method::PATCH, &path);
    renamed.json(&json!({"name": "=1+1"})).await.expect(200);
}

#[tokio::test]
async fn the_log_is_csv_newest_first_and_its_filters_pick() {
    let service = Service::new().await;
    some_history(&service).await;
    let reply = service.back_end().get(EXPORT).await;
    assert!(
        reply
            .header("content-type")
            .unwrap()
            .starts_with("text/csv")
    );
    assert!(reply.text().ends_with("\r\n"));
    assert!(
        reply.text().contains("\"Phone \"\"X\"\", 1.0\""),
        "{}",
        reply.text()
    );
    let rows = service.log("").await;
    let events = column(&rows, "event");
    assert_eq!(
        events[..5],
        [
            "credential_renamed",
            "authentication_refused",
            "authenticated",
            "credential_registered",
            "registration_started"
        ]
        .map(str::to_owned)[..],
    );
    let times = column(&rows, "timestamp");
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "{times:?}");
    assert!(times[0].ends_with('Z'));

    let count = async |query: &str| service.log(query).await.len() - 1;
    let all = count("").await;
    assert_eq!(count("?status=failed").await, 1);
    assert_eq!(count("?status=succeeded").await, all - 1);
    assert_eq!(count("?category=authentication").await, 2);
    assert_eq!(count("?category=registration").await, 2);
    assert_eq!(
        count("?category=management").await + count("?channel=fido2").await,
        all
    );
    assert_eq!(count("?category=none").await, 0);
    assert_eq!(count("?channel=sms").await, 0);
    assert_eq!(count("?actorType=user").await, 3);
    assert_eq!(count("?actorType=app").await, 0);
    assert!(count("?actorType=api").await >= 2);
    assert!(count("?actorType=admin").await >= 2);
    assert_eq!(count("?filter=signature_inv").await, 1);
    assert_eq!(count("?filter=PHONE").await, 1);
    assert_eq!(count("?filter=nobody").await, 0);
    assert_eq!(count("?status=failed&category=registration").await, 0);
    // Times.
    assert_eq!(count("?fromDate=2026-01-02T03:04:07Z").await, 2);
    assert_eq!(
        count("?fromDate=2026-01-02T03:04:06Z&toDate=2026-01-02T03:04:07Z").await,
        2
    );
    assert_eq!(count("?toDate=2026-01-01").await, 0);
    assert_eq!(count("?toDate=2026-01-02").await, all);
    assert_eq!(count("?timespan=PT1S").await, 2);
    service.app.clock.advance_millis(29 * 86_400_000);
    assert_eq!(count("").await, all);
    service.app.clock.advance_millis(2 * 86_400_000);
    // Without any of the three: the last 30 days.
    assert_eq!(count("").await, 0);
    assert_eq!(count("?timespan=P1Y").await, all);
    assert_eq!(count("?fromDate=2026-01-01").await, all);

    for bad in [
        "timespan=P1D&fromDate=2026-01-01",
        "timespan=P1D&toDate=2026-01-01",
        "timespan=30D",
        "fromDate=yesterday",
        "toDate=2026-13-01",
        "filter=a",
        "status=pending",
        "category=login",
        "channel=email",
        "actorType=root",
    ] {
        service
            .back_end()
            .get(&format!("{EXPORT}?{bad}"))
            .await
            .refused(422);
    }
}

#[tokio::test]
async fn a_row_says_who_did_what_to_whom() {
    let service = Service::new().await;
    some_history(&service).await;
    let user = service.user("ada").await;
    let rows = service.log("?category=authentication&status=failed").await;
    let field = |name: &str| column(&rows, name)[0].clone();
    assert_eq!(field("actorType"), "user");
    assert_eq!(field("userId"), user["userId"].as_str().unwrap());
    assert_eq!(field("username"), "ada");
    assert_eq!(field("channel"), "fido2");
    assert_eq!(
        field("authenticatorId"),
        user["authenticators"][0]["authenticatorId"]
            .as_str()
            .unwrap()
    );
    assert!(field("message").starts_with("signature_invalid"));
    let rows = service.log("?filter=registration_started").await;
    let field = |name: &str| column(&rows, name)[0].clone();
    assert_eq!(field("actorType"), "api");
    let key = crate::support::claims(&service.key);
    assert_eq!(field("actorId"), key["jti"].as_str().unwrap());
}

#[tokio::test]
async fn a_relying_party_sees_its_own_log_only_and_no_formula_runs_in_it() {
    let service = Service::new().await;
    let other = service
        .another_service("other.test", "https://other.test")
        .await;
    let enrolled = service.enroll("-cmd").await;
    assert_eq!(enrolled["username"], "-cmd");
    assert!(
        other
            .back_end()
            .get(EXPORT)
            .await
            .text()
            .lines()
            .all(|line| !line.contains("-cmd"))
    );
    let text = service.back_end().get(EXPORT).await.text().to_owned();
    assert!(text.contains(",\"'-cmd\","), "{text}");
}
