//! The table of what can be refused.

use std::fmt::Write as _;

use domain::Reason;
use server::api::fido::reasons::class;

#[test]
fn every_reason_has_the_status_that_was_decided_for_it() {
    let mut table = String::new();
    for reason in Reason::ALL {
        let class = class(*reason);
        writeln!(table, "{reason}: {class:?}, {}", class.status()).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn each_failure_that_a_client_can_cause_has_a_status_of_4xx() {
    for reason in Reason::ALL {
        let status = class(*reason).status();
        let own = matches!(
            reason,
            Reason::StoreUnavailable
                | Reason::StoreUnknownOutcome
                | Reason::RelyingPartyUnknown
                | Reason::RecordUnreadable
                | Reason::Internal
        );
        assert_eq!(own, status >= 500, "{reason}");
        assert!(status >= 400, "{reason}");
    }
}
