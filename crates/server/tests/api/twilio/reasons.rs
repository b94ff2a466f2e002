//! The table from reason to code.

use std::fmt::Write as _;

use domain::Reason;
use server::api::twilio::reasons::{Call, code};

#[test]
fn every_reason_has_the_code_that_was_decided_for_each_call() {
    let mut table = String::new();
    for reason in Reason::ALL {
        write!(table, "{:<36}", reason.name()).unwrap();
        for call in Call::ALL {
            write!(table, " {:>6}", code(*call, *reason).number()).unwrap();
        }
        table.push('\n');
    }
    let calls: Vec<_> = Call::ALL.iter().map(|call| call.name()).collect();
    insta::assert_snapshot!(format!("{}\n\n{table}", calls.join(", ")));
}
