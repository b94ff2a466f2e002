//! Certificates that are not quite DER (`vectors/certificates`): the files go through the command as they are.

use crate::support::*;
use serde_json::Value;

#[test]
fn deviations_from_der_that_occur_in_the_field_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/certificates");
    for file in ["ber-boolean.ndjson", "unused-bits.ndjson"] {
        let file = format!("{folder}/{file}");
        let case: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let run = run(passkeyd().arg(&file), Vec::new());
        assert_eq!(run.code, Some(0), "{file}");
        assert_eq!(run.verdicts.len(), 1);
        for (member, value) in case["expect"].as_object().unwrap() {
            assert_eq!(run.verdicts[0][member], *value, "{file}: {member}");
        }
    }
}
