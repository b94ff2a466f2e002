//! The table from reason to status.

use std::fmt::Write as _;

use domain::Reason;
use server::api::nevis::reasons::{Call, status, telling};

#[test]
fn every_reason_has_the_status_that_was_decided_for_each_call() {
    let mut table = String::new();
    for reason in Reason::ALL {
        write!(table, "{:<36}", reason.name()).unwrap();
        for call in Call::ALL {
            write!(table, " {:>4}", status(*call, *reason)).unwrap();
        }
        writeln!(table, "  {}", telling(*reason).name()).unwrap();
    }
    let calls: Vec<_> = Call::ALL.iter().map(|call| call.name()).collect();
    insta::assert_snapshot!(format!("{}\n\n{table}", calls.join(", ")));
}
