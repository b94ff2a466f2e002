//! `/manage/v1/services/{VA}/users/{user}/signals`.

use serde_json::{Value, json};
use testkit::{Authenticator, Lies, Profile};

use crate::common::TestApp;
use crate::support::{create, get};

#[tokio::test]
async fn a_page_can_tell_the_password_manager_which_passkeys_are_accepted() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let sid = service.rsplit('/').next().unwrap();
    let path = |user: &str| format!("/manage/v1/services/{sid}/users/{user}/signals");

    let mut factors = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..2 {
        account.app.clock.advance_millis(1);
        let mut device = Authenticator::new(Profile::security_key());
        let factor = account.register(&service, "ann-0001", &mut device).await;
        let factor = factor["sid"].as_str().unwrap().to_owned();
        let shown = format!("/manage/v1/services/{sid}/credentials/{factor}");
        ids.push(account.get(&shown).await.expect(200)["credential_id"].clone());
        factors.push(factor);
    }
    let other = &mut Authenticator::new(Profile::security_key());
    account.register(&service, "bob-0001", other).await;

    let shown = format!("/manage/v1/services/{sid}/relying-party");
    let rp_id = account.get(&shown).await.expect(200)["rp_id"].clone();
    let both = account.get(&path("ann-0001")).await.expect(200);
    // The handle is what an authenticator got, so it is the one of the options.
    let options = account.start(&service, "ann-0001").await;
    let handle = options.pointer("/options/publicKey/user/id").unwrap();
    let accepted = |ids: &[serde_json::Value]| json!([{"rpId": rp_id, "userId": handle, "allAcceptedCredentialIds": ids}]);
    assert_eq!(both["accepted"], accepted(&ids));

    for (at, factor) in factors.iter().enumerate() {
        let factor = format!("{service}/Entities/ann-0001/Factors/{factor}");
        account.delete(&factor).await.expect(204);
        let left = account.get(&path("ann-0001")).await.expect(200);
        assert_eq!(left["accepted"], accepted(&ids[at + 1..]));
    }

    account.get(&path("nobody-1")).await.expect(404);
    let stranger = account.app.stranger();
    stranger.get(&path("ann-0001")).await.expect(401);
}

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";
const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

#[tokio::test]
async fn a_back_end_learns_whether_a_passkey_is_worth_offering_on_a_device() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let sid = service.rsplit('/').next().unwrap();
    let path = format!("/manage/v1/services/{sid}/users/ann-0001/signals");
    let prompt = async |user_agent: Option<&str>| {
        let query = user_agent.map(|text| text.replace(' ', "+").replace(';', "%3B"));
        let query = query.map(|text| format!("?user_agent={text}"));
        let path = path.clone() + &query.unwrap_or_default();
        let answer = account.get(&path).await.expect(200)["prompt"].clone();
        let why = answer["why"].as_str().unwrap().to_owned();
        assert_eq!(
            answer["offer"],
            ["no_passkey", "other_device"].contains(&&*why)
        );
        (why, answer["last_used_at"].clone())
    };
    let why = async |user_agent| prompt(user_agent).await.0;

    let mut hello = Authenticator::new(Profile {
        aaguid: *b"\x08\x98\x70\x58\xca\xdc\x4b\x81\xb6\xe1\x30\xde\x50\xdc\xbe\x96",
        ..Profile::default()
    });
    let factor = account.register(&service, "ann-0001", &mut hello).await;
    for (here, wanted) in [
        (Some(WINDOWS), "has_passkey"),
        (Some(IPHONE), "other_device"),
        // What is not known is not held against the passkey.
        (Some("curl/8.10.1"), "has_passkey"),
        (None, "has_passkey"),
    ] {
        assert_eq!(why(here).await, wanted, "{here:?}");
    }
    assert_eq!(prompt(None).await.1, Value::Null);
    let challenge = json!({"identity": "ann-0001"});
    let challenge = account.challenge(&service, &challenge).await;
    let credential = get(&mut hello, &challenge, &Lies::default());
    account.approve(&service, &credential).await.expect(200);
    assert!(prompt(None).await.1.is_string());

    // The user was asked on the phone and did not go on.
    account.app.clock.advance_millis(1000);
    account.start(&service, "ann-0001").await;
    assert_eq!(why(Some(IPHONE)).await, "unfinished");
    account.app.clock.advance_millis(3_600_000);
    assert_eq!(why(Some(IPHONE)).await, "unfinished");
    assert_eq!(why(Some(WINDOWS)).await, "has_passkey");

    // Any passkey of the phone works there; without one that works, what was asked before it counts no more.
    account.app.clock.advance_millis(1000);
    let mut phone = Authenticator::new(Profile::default());
    let other = account.register(&service, "ann-0001", &mut phone).await;
    assert_eq!(why(Some(IPHONE)).await, "has_passkey");
    for one in [&other, &factor] {
        let one = format!(
            "{service}/Entities/ann-0001/Factors/{}",
            one["sid"].as_str().unwrap()
        );
        account.delete(&one).await.expect(204);
    }
    assert_eq!(why(None).await, "unfinished");

    let unknown = account.get(&format!("{path}?device=phone")).await;
    assert_eq!(unknown.expect(400)["error"], "request_invalid");
}

#[tokio::test]
async fn a_user_whose_passkeys_are_gone_is_offered_one() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let sid = service.rsplit('/').next().unwrap();
    let mut device = Authenticator::new(Profile::default());
    let factor = account.register(&service, "ann-0001", &mut device).await;
    let factor = format!(
        "{service}/Entities/ann-0001/Factors/{}",
        factor["sid"].as_str().unwrap()
    );
    account.delete(&factor).await.expect(204);
    let path = format!("/manage/v1/services/{sid}/users/ann-0001/signals");
    let wanted = json!({"offer": true, "why": "no_passkey"});
    assert_eq!(account.get(&path).await.expect(200)["prompt"], wanted);

    // Without a dialog nobody was asked, and a refused passkey was wanted.
    let quiet = json!({"friendly_name": "Phone", "identity": "ann-0001", "config": {"mediation": "conditional"}});
    let start = format!("{service}/Passkeys/Factors");
    account.post(&start, &quiet).await.expect(201);
    let begun = account.start(&service, "ann-0001").await;
    let lies = Lies {
        origin: Some("https://evil.test".into()),
        ..Lies::default()
    };
    let credential = create(&mut device, &begun, &lies);
    account.verify(&service, &credential).await.expect(403);
    assert_eq!(account.get(&path).await.expect(200)["prompt"], wanted);
}
