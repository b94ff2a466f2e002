//! `/manage/v1/services/{VA}/users/{user}/signals`.

use serde_json::json;
use testkit::{Authenticator, Profile};

use crate::common::TestApp;

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
    let accepted = |ids: &[serde_json::Value]| json!({"accepted": [{"rpId": rp_id, "userId": handle, "allAcceptedCredentialIds": ids}]});
    assert_eq!(both, accepted(&ids));

    for (at, factor) in factors.iter().enumerate() {
        let factor = format!("{service}/Entities/ann-0001/Factors/{factor}");
        account.delete(&factor).await.expect(204);
        let left = account.get(&path("ann-0001")).await.expect(200);
        assert_eq!(left, accepted(&ids[at + 1..]));
    }

    account.get(&path("nobody-1")).await.expect(404);
    let stranger = account.app.stranger();
    stranger.get(&path("ann-0001")).await.expect(401);
}
