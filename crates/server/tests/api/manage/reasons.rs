//! The table from reason to status.

use std::fmt::Write as _;

use domain::Reason;
use server::api::manage::reasons::status;

#[test]
fn every_reason_has_the_status_that_was_decided_for_it() {
    let mut table = String::new();
    for reason in Reason::ALL {
        writeln!(table, "{:<36} {}", reason.name(), status(*reason).as_u16()).unwrap();
    }
    insta::assert_snapshot!(table);
}
