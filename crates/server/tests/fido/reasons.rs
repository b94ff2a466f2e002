//! The table of what can be refused.

use std::fmt::Write as _;

use domain::Reason;
use server::api::fido::reasons::{Telling, status, status_in_dialect, telling};

#[test]
fn every_reason_has_the_status_that_was_decided_for_it() {
    let mut table = String::from("at the root, in the dialect, what the response says\n\n");
    for reason in Reason::ALL {
        let (root, dialect) = (status(*reason), status_in_dialect(*reason));
        let says = match telling(*reason) {
            Telling::Particulars => "what is wrong with the request",
            Telling::Verdict => "that it was not accepted",
            Telling::Nothing => "nothing",
        };
        writeln!(table, "{:<36} {root} {dialect}  {says}", reason.name()).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn each_failure_that_a_client_can_cause_has_a_status_of_4xx() {
    for reason in Reason::ALL {
        let status = status(*reason);
        let own = matches!(
            reason,
            Reason::StoreUnavailable
                | Reason::StoreUnknownOutcome
                | Reason::ConcurrentChanges
                | Reason::RelyingPartyUnknown
                | Reason::RecordUnreadable
                | Reason::Internal
        );
        assert_eq!(own, status >= 500, "{reason}");
        assert!(status >= 400, "{reason}");
    }
}
