//! What a reason is called on this wire: its status, and a sentence.

use std::fmt::Write as _;

use domain::Reason;
use server::api::manage::reasons::status;

use crate::common::TestApp;

#[test]
fn every_reason_has_the_status_that_was_decided_for_it() {
    let mut table = String::new();
    for reason in Reason::ALL {
        writeln!(table, "{:<36} {}", reason.name(), status(*reason).as_u16()).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn a_refusal_of_the_domain_has_its_reason_and_a_sentence() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let sid = service.rsplit('/').next().unwrap();
    for (service, reason) in [
        (
            "VA00000000000000000000000000000000",
            Reason::RelyingPartyUnknown,
        ),
        ("VA0", Reason::RelyingPartyUnknown),
        (sid, Reason::CredentialUnknown),
    ] {
        for credential in ["YF00000000000000000000000000000000", "YF0"] {
            let path = format!("/manage/v1/services/{service}/credentials/{credential}");
            let refused = account.get(&path).await.expect(404);
            assert_eq!(refused["error"], reason.name(), "{path}");
            assert_eq!(refused["message"], reason.what(), "{path}");
        }
    }
}
