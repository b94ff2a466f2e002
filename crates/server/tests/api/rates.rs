//! Rate limits, as callers of the wires meet them.

use serde_json::{Value, json};
use server::config::{Rates, Settings};

use crate::common::{Answer, Client, TestApp, account_sid};

/// Two addresses of the internet.
const HERE: &str = "203.0.113.1";
const THERE: &str = "203.0.113.2";

async fn app(change: impl FnOnce(&mut Rates)) -> TestApp {
    let settings = |settings: &mut Settings| change(&mut settings.rates);
    TestApp::builder().settings(settings).build().await
}

/// After how many seconds the caller may try again.
fn wait(refused: &Answer) -> u64 {
    refused.header("retry-after").unwrap().parse().unwrap()
}

/// What is counted for a limit.
async fn counted(app: &TestApp, limit: &str) -> u64 {
    let text = app.metrics.text(&app.passkeys, &app.lifecycle).await;
    let text = String::from_utf8(text.unwrap()).unwrap();
    let name = format!("passkeyd_rate_limited_total{{limit=\"{limit}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |number| number.parse().unwrap())
}

#[tokio::test]
async fn an_address_without_credentials_is_limited_in_the_words_of_each_wire() {
    let app = app(|rates| rates.address_per_minute = 3).await;
    let stranger = app.stranger().at_address(HERE);
    for _ in 0..3 {
        stranger.get("/v2/Services").await.refused(401, 20003);
    }
    let refused = stranger.get("/v2/Services").await;
    assert!((1..=20).contains(&wait(&refused)));
    let error = refused.refused(429, 20429);
    assert_eq!(error["details"]["reason"], "rate_limited");
    for (path, member) in [
        ("/api/v1/status", "reason"),
        ("/_app/attestation/options", "reason"),
        ("/manage/v1/api-keys", "error"),
        ("/docs/", "error"),
        ("/nothing", "error"),
    ] {
        let refused = stranger.get(path).await;
        assert!(refused.header("retry-after").is_some(), "{path}");
        assert_eq!(refused.expect(429)[member], "rate_limited", "{path}");
    }
    assert_eq!(counted(&app, "address").await, 6);
    // Another address, another one of a private network, and a back end at this address.
    app.stranger()
        .at_address(THERE)
        .get("/v2/Services")
        .await
        .refused(401, 20003);
    let private = app.stranger().at_address("10.0.0.1");
    for _ in 0..10 {
        private.get("/v2/Services").await.refused(401, 20003);
    }
    app.account()
        .at_address(HERE)
        .get("/v2/Services")
        .await
        .expect(200);
}

#[tokio::test]
async fn the_addresses_of_an_ipv6_network_share_a_limit() {
    let app = app(|rates| rates.address_per_minute = 2).await;
    for (address, status) in [
        ("2a00::1", 200),
        ("2a00::2", 200),
        ("2a00::3", 429),
        ("2a00:0:0:1::1", 200),
    ] {
        let answer = app.stranger().at_address(address).get("/livez").await;
        assert_eq!(answer.status, status, "{address}");
    }
}

#[tokio::test]
async fn wrong_secrets_shut_out_their_own_address_and_no_other() {
    let app = app(|rates| rates.wrong_secrets_per_minute = 2).await;
    let wrong = app.stranger().with_secret(&account_sid(), "a-wrong-token");
    for _ in 0..2 {
        wrong
            .at_address(HERE)
            .get("/v2/Services")
            .await
            .refused(401, 20003);
    }
    // Now the true secret is not looked at either, from here.
    let account = app.account();
    let refused = account.at_address(HERE).get("/v2/Services").await;
    refused.refused(429, 20429);
    let refused = account.at_address(HERE).get("/manage/v1/api-keys").await;
    assert_eq!(refused.expect(429)["error"], "rate_limited");
    account
        .at_address(THERE)
        .get("/v2/Services")
        .await
        .expect(200);
    // A secret that belongs to nobody: this address has sent too many.
    let nobody = format!("AC{}", "0".repeat(32));
    let nobody = app.stranger().with_secret(&nobody, "a-wrong-token");
    nobody
        .at_address(HERE)
        .get("/v2/Services")
        .await
        .refused(429, 20429);
    assert_eq!(counted(&app, "wrong_secrets").await, 2);
    assert_eq!(counted(&app, "wrong_secrets_of_address").await, 1);
}

#[tokio::test]
async fn wrong_access_keys_become_too_many_and_a_right_one_still_works() {
    let app = app(|rates| rates.wrong_secrets_per_minute = 2).await;
    let service = app.account().service().await;
    let keys = format!(
        "/manage/v1/services/{}/access-keys",
        &service["/v2/Services/".len()..]
    );
    let key = app
        .account()
        .post(&keys, &json!({"name": "key"}))
        .await
        .expect(201);
    let wrong = app.access_key("a.b.c").at_address(HERE);
    for _ in 0..2 {
        wrong.get("/ping").await.expect(403);
    }
    let refused: Value = wrong.get("/ping").await.expect(429);
    assert_eq!(refused["reason"], "rate_limited");
    let right = app
        .access_key(key["key"].as_str().unwrap())
        .at_address(HERE);
    assert_eq!(right.get("/ping").await.status, 200);
}

async fn challenge(account: &Client, service: &str, identity: &str) -> Answer {
    let path = format!("{service}/Passkeys/Factors");
    let body = json!({"friendly_name": "Phone", "identity": identity});
    account.post(&path, &body).await
}

#[tokio::test]
async fn one_user_starts_so_many_ceremonies_and_the_others_go_on() {
    let app = app(|rates| {
        rates.user_per_minute = 2;
        rates.service_per_minute = 4;
    })
    .await;
    let account = app.account();
    let (service, other) = (account.service().await, account.service().await);
    for _ in 0..2 {
        challenge(&account, &service, "annabella").await.expect(201);
    }
    for _ in 0..5 {
        let refused = challenge(&account, &service, "annabella").await;
        assert!((1..=30).contains(&wait(&refused)));
        let error = refused.refused(429, 60312);
        assert_eq!(error["details"]["reason"], "too_many_ceremonies");
    }
    challenge(&account, &service, "berenike").await.expect(201);
    challenge(&account, &service, "caroline").await.expect(201);
    let refused = challenge(&account, &service, "dorothea").await;
    assert!((1..=15).contains(&wait(&refused)));
    refused.refused(429, 20429);
    challenge(&account, &other, "annabella").await.expect(201);
    assert_eq!(counted(&app, "user").await, 5);
    assert_eq!(counted(&app, "relying_party").await, 1);
}

#[tokio::test]
async fn an_account_over_its_limit_takes_nothing_from_another() {
    let app = app(|rates| rates.account_per_minute = 3).await;
    let account = app.account();
    for _ in 0..3 {
        account.get("/v2/Services").await.expect(200);
    }
    account.get("/v2/Services").await.refused(429, 20429);
    let by = domain::model::audit::Actor::new(domain::model::audit::ActorKind::Admin, "test");
    let (other, token) = app.passkeys.create_account(&by).await.unwrap();
    let other = app
        .stranger()
        .with_secret(&format!("AC{}", other.id), token.reveal());
    other.get("/v2/Services").await.expect(200);
}

#[tokio::test]
async fn without_limits_nothing_is_counted() {
    let app = app(|rates| {
        *rates = Rates {
            enabled: false,
            address_per_minute: 1,
            account_per_minute: 1,
            ..Rates::default()
        };
    })
    .await;
    for _ in 0..3 {
        app.stranger()
            .at_address(HERE)
            .get("/v2/Services")
            .await
            .refused(401, 20003);
        app.account()
            .at_address(HERE)
            .get("/v2/Services")
            .await
            .expect(200);
    }
}
