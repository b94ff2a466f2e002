//! `POST /api/v1/status`.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::support::{Service, assertion, attestation, claims, is_timestamp, members};

const STATUS: &str = "/api/v1/status";

#[tokio::test]
async fn the_status_is_pending_succeeded_failed_or_unknown_and_only_a_success_has_a_token() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.enroll("ada").await;
    let token = &enrolled["enrollment"]["statusToken"];
    let common = [
        "createdAt",
        "lastUpdatedAt",
        "status",
        "transactionId",
        "userId",
        "username",
    ];
    let pending = service.status(token).await;
    assert_eq!(members(&pending), common);
    assert_eq!(pending["status"], "pending");
    assert_eq!(
        pending["transactionId"],
        enrolled["enrollment"]["transactionId"]
    );
    assert_eq!(pending["userId"], enrolled["userId"]);
    assert_eq!(pending["username"], "ada");
    assert_eq!(pending["createdAt"], "2026-01-02T03:04:05Z");
    assert_eq!(pending["lastUpdatedAt"], "2026-01-02T03:04:05Z");

    service.app.clock.advance_millis(11_000);
    let answered = service.attest(&mut authenticator, &enrolled).await.token();
    let succeeded = service.status(token).await;
    assert_eq!(members(&succeeded).len(), common.len() + 1);
    assert_eq!(succeeded["status"], "succeeded");
    assert_eq!(succeeded["lastUpdatedAt"], "2026-01-02T03:04:16Z");
    assert_eq!(succeeded["createdAt"], "2026-01-02T03:04:05Z");
    // One transaction, one token, however one asks.
    assert_eq!(succeeded["token"], answered);

    let approval = service.approve(Some("ada")).await;
    let forged = Lies {
        origin: Some("https://evil.test".to_owned()),
        ..Lies::default()
    };
    let answer = assertion(&mut authenticator, &approval, &forged);
    service
        .page()
        .post("/_app/assertion/result", &answer)
        .await
        .failed();
    let failed = service.status(&approval["statusToken"]).await;
    assert_eq!(members(&failed), common);
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["userId"], enrolled["userId"]);

    for unknown in [
        "",
        "x",
        "a.b.c",
        &service.key,
        token.as_str().unwrap().trim_end_matches('A'),
    ] {
        if unknown == token.as_str().unwrap() {
            continue;
        }
        let reply = service
            .page()
            .post(STATUS, &json!({"statusToken": unknown}))
            .await;
        assert_eq!(reply.expect(200), json!({"status": "unknown"}));
    }
    // A transaction token names no transaction here.
    let reply = service
        .page()
        .post(STATUS, &json!({"statusToken": answered}))
        .await;
    assert_eq!(reply.expect(200), json!({"status": "unknown"}));
    for bad in [
        json!({}),
        json!({"statusToken": null}),
        json!({"statusToken": 1}),
    ] {
        service.page().post(STATUS, &bad).await.refused(422);
    }
}

#[tokio::test]
async fn the_status_after_the_lifetime_is_failed() {
    let service = Service::new().await;
    let enrolled = service.enroll("ada").await;
    let token = &enrolled["enrollment"]["statusToken"];
    service.app.clock.advance_millis(299_999);
    assert_eq!(service.status(token).await["status"], "pending");
    service.app.clock.advance_millis(1);
    let failed = service.status(token).await;
    assert_eq!(failed["status"], "failed");
    // It changed when its time was over.
    assert_eq!(failed["lastUpdatedAt"], "2026-01-02T03:09:05Z");
    // And the answer comes too late.
    service
        .attest(&mut Authenticator::default(), &enrolled)
        .await
        .failed();
    // After the status token has expired, the response says nothing.
    service.app.clock.advance_millis(300_000);
    assert_eq!(service.status(token).await, json!({"status": "unknown"}));
}

#[tokio::test]
async fn the_status_is_told_with_and_without_a_bearer_header() {
    let service = Service::new().await;
    let enrolled = service.enroll("ada").await;
    let body = json!({"statusToken": enrolled["enrollment"]["statusToken"]});
    let without = service.page().post(STATUS, &body).await.expect(200);
    let with = service.back_end().post(STATUS, &body).await.expect(200);
    assert_eq!(with, without);
    for bad in ["x", "a.b.c"] {
        let reply = service
            .stranger()
            .request(Method::POST, STATUS)
            .bearer(bad)
            .json(&body)
            .await;
        assert_eq!(reply.expect(200), without);
    }
}

#[tokio::test]
async fn a_back_end_that_shows_its_key_learns_why_a_transaction_failed() {
    let service = Service::new().await;
    let stranger = service
        .another_service("other.test", "https://other.test")
        .await;
    let enrolled = service.enroll("ada").await;
    let forged = Lies {
        origin: Some("https://evil.test".to_owned()),
        ..Lies::default()
    };
    let answer = attestation(&mut Authenticator::default(), &enrolled, &forged);
    service
        .page()
        .post("/_app/attestation/result", &answer)
        .await
        .failed();
    let body = json!({"statusToken": enrolled["enrollment"]["statusToken"]});
    let told = service.back_end().post(STATUS, &body).await.expect(200);
    assert_eq!(told["reason"], "origin_not_allowed");
    for reply in [
        service.page().post(STATUS, &body).await,
        stranger.back_end().post(STATUS, &body).await,
    ] {
        assert!(reply.expect(200).get("reason").is_none());
    }
}

#[tokio::test]
async fn the_user_of_a_usernameless_transaction_is_told_only_after_success() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.register("ada", &mut authenticator).await;
    let approval = service.approve(None).await;
    let pending = service.status(&approval["statusToken"]).await;
    assert_eq!(pending["status"], "pending");
    assert!(pending.get("userId").is_none() && pending.get("username").is_none());
    service.assert(&mut authenticator, &approval).await.token();
    let succeeded = service.status(&approval["statusToken"]).await;
    assert_eq!(succeeded["userId"], enrolled["userId"]);
    assert_eq!(succeeded["username"], "ada");

    let approval = service.approve(None).await;
    let mut answer = assertion(&mut authenticator, &approval, &Lies::default());
    answer["response"]["signature"] = json!("AAAA");
    service
        .page()
        .post("/_app/assertion/result", &answer)
        .await
        .failed();
    let failed = service.status(&approval["statusToken"]).await;
    assert_eq!(failed["status"], "failed");
    assert!(failed.get("userId").is_none() && failed.get("username").is_none());
}

#[tokio::test]
async fn repeated_questions_after_a_success_have_the_same_token() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    for who in [Some("ada"), None] {
        let approval = service.approve(who).await;
        let token = service.assert(&mut authenticator, &approval).await.token();
        for _ in 0..3 {
            service.app.clock.advance_millis(1500);
            assert_eq!(
                service.status(&approval["statusToken"]).await["token"],
                token
            );
        }
        assert!(claims(&token)["jti"].is_string());
    }
}

#[tokio::test]
async fn a_terminal_state_never_changes() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.enroll("ada").await;
    let answer = attestation(&mut authenticator, &enrolled, &Lies::default());
    service
        .page()
        .post("/_app/attestation/result", &answer)
        .await
        .token();
    let before = service.status(&enrolled["enrollment"]["statusToken"]).await;
    service
        .page()
        .post("/_app/attestation/result", &answer)
        .await
        .failed();
    service.app.clock.advance_millis(400_000);
    assert_eq!(
        service.status(&enrolled["enrollment"]["statusToken"]).await,
        before
    );
    assert!(is_timestamp(&before["lastUpdatedAt"]));
}

#[tokio::test(start_paused = true)]
async fn a_question_may_wait_for_the_end_and_is_answered_when_it_comes() {
    // In memory: a paused clock passes every deadline while a network is waited for.
    let service = Service::over(Arc::new(storage::Memory::new())).await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.enroll("ada").await;
    let body = json!({"statusToken": enrolled["enrollment"]["statusToken"]});
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
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    let started = tokio::time::Instant::now();
    let token = service.attest(&mut authenticator, &enrolled).await.token();
    let answer = waiting.await.unwrap();
    assert_eq!(answer["status"], "succeeded");
    assert_eq!(answer["token"], token);
    // Woken, not polled: a poll would have had to wait.
    assert_eq!(started.elapsed(), Duration::ZERO);
    // What has ended is not waited for.
    let again = service
        .page()
        .post("/api/v1/status/?wait=30", &body)
        .await
        .expect(200);
    assert_eq!(again["status"], "succeeded");
}

#[tokio::test(start_paused = true)]
async fn a_question_waits_no_longer_than_it_says_and_ends_with_how_things_stand() {
    // In memory: a paused clock passes every deadline while a network is waited for.
    let service = Service::over(Arc::new(storage::Memory::new())).await;
    let enrolled = service.enroll("ada").await;
    let body = json!({"statusToken": enrolled["enrollment"]["statusToken"]});
    let started = tokio::time::Instant::now();
    let answer = service
        .page()
        .post("/api/v1/status?wait=1", &body)
        .await
        .expect(200);
    assert_eq!(answer["status"], "pending");
    let waited = started.elapsed();
    assert!((1000..1100).contains(&waited.as_millis()), "{waited:?}");
    for bad in ["x", "-1", "1.5", ""] {
        let path = format!("/api/v1/status?wait={bad}");
        service.page().post(&path, &body).await.refused(422);
    }
    // An end by another way than this wire is noticed, too: here by the clock.
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
    tokio::time::sleep(Duration::from_millis(50)).await;
    service.app.clock.advance_millis(300_000);
    assert_eq!(waiting.await.unwrap()["status"], "failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_for_the_status_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("passkeyd.db");
    let store = storage::Embedded::open(&file, storage::Options::default()).unwrap();
    let service = Service::over(Arc::new(store)).await;
    let mut authenticator = Authenticator::default();
    let done = service.register("ada", &mut authenticator).await;
    let pending = service.approve(Some("ada")).await;
    // Every write goes to the log of the database first. A checkpoint, which the store makes when it is idle, changes the database
    // file and not the log.
    let read_log = || std::fs::read(directory.path().join("passkeyd.db-wal")).unwrap();
    let log = read_log();
    for token in [&done["enrollment"]["statusToken"], &pending["statusToken"]] {
        for _ in 0..200 {
            service.status(token).await;
        }
        service
            .page()
            .post("/api/v1/status?wait=1", &json!({"statusToken": token}))
            .await
            .expect(200);
    }
    assert!(read_log() == log, "the log has changed");
    // The measure is a measure: one write is seen by it. An approval that waits is not written yet.
    service.enroll("bob").await;
    assert!(
        read_log() != log,
        "a registration was started and not written"
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_process_that_ends() {
    // In memory: a paused clock passes every deadline while a network is waited for.
    let service = Service::over(Arc::new(storage::Memory::new())).await;
    let enrolled = service.enroll("ada").await;
    let body: Value = json!({"statusToken": enrolled["enrollment"]["statusToken"]});
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
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = tokio::time::Instant::now();
    service.app.lifecycle.drain();
    assert_eq!(waiting.await.unwrap()["status"], "pending");
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_pending_transactions_cost_less_than_50_mb() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("passkeyd.db");
    let store = storage::Embedded::open(&file, storage::Options::default()).unwrap();
    let service = Service::over(Arc::new(store)).await;
    service.register("ada", &mut Authenticator::default()).await;
    // Whatever the first ones allocate once for all stays out of the measure.
    for _ in 0..100 {
        service.approve(None).await;
    }
    let before = resident_kilobytes();
    for n in 0..10_000 {
        if n % 10 == 0 {
            service.enroll(&format!("user-{n}")).await;
        } else {
            service.approve(None).await;
        }
    }
    let cost = resident_kilobytes().saturating_sub(before);
    println!("10000 pending transactions: {cost} kB more of resident memory");
    assert!(cost < 50_000, "{cost} kB");
}

/// Memory of this process that is really there.
fn resident_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_sealed_transaction_waits_as_any_other() {
    // In memory: a paused clock passes every deadline while a network is waited for.
    let service = Service::over(Arc::new(storage::Memory::new())).await;
    let mut authenticator = Authenticator::default();
    let user = service.register("ada", &mut authenticator).await;
    let path = service.manage("policy");
    let call = service.app.operator().request(Method::PATCH, &path);
    call.json(&json!({"sealed_authentications": true}))
        .await
        .expect(200);

    let approval = service.approve(Some("ada")).await;
    let pending = service.status(&approval["statusToken"]).await;
    assert_eq!(pending["status"], "pending");
    assert_eq!(pending["transactionId"], approval["transactionId"]);
    assert_eq!(pending["userId"], user["userId"]);
    assert_eq!(pending["username"], "ada");
    assert!(is_timestamp(&pending["createdAt"]));
    assert_eq!(pending["lastUpdatedAt"], pending["createdAt"]);
    let waiting = {
        let service = service.clone();
        let body = json!({"statusToken": approval["statusToken"]});
        tokio::spawn(async move {
            let page = service.page();
            page.post("/api/v1/status?wait=30", &body).await.expect(200)
        })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    let token = service.assert(&mut authenticator, &approval).await.token();
    let ended = waiting.await.unwrap();
    assert_eq!(ended["status"], "succeeded");
    assert_eq!(ended["token"], token);
    assert_eq!(ended["createdAt"], pending["createdAt"]);

    // For anyone, and without an end.
    let approval = service.approve(None).await;
    let pending = service.status(&approval["statusToken"]).await;
    assert_eq!(pending["status"], "pending");
    assert_eq!(pending.get("userId"), None);
    service.app.clock.advance_millis(400_000);
    let expired = service.status(&approval["statusToken"]).await;
    assert_eq!(expired["status"], "failed");
    let late = service.assert(&mut authenticator, &approval).await;
    assert_eq!(late.json["status"], "failed");

    // Where the response comes without a status token, the challenge leads to the Service.
    service
        .choose(json!({"status_token_required": false}))
        .await;
    let approval = service.approve(Some("ada")).await;
    let answer = assertion(&mut authenticator, &approval, &Lies::default());
    let body = json!({"type": answer["type"], "id": answer["id"], "rawId": answer["rawId"],
        "response": answer["response"]});
    let page = service.page();
    page.post("/_app/assertion/result", &body).await.token();
}
