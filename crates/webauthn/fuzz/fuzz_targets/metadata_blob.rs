//! Metadata BLOBs. The first byte says whether the rest is a BLOB or the payload of one that is signed.
#![no_main]
use fuzzing::{NOW, metadata};
use libfuzzer_sys::fuzz_target;
use webauthn::attestation::AttestationType;
use webauthn::metadata::Part;
use webauthn::attestation::MetadataPolicy;

fuzz_target!(|input: &[u8]| {
    let Some((how, rest)) = input.split_first() else {
        return;
    };
    if how % 4 == 0 {
        // The key was just made, so nothing is signed with it.
        assert!(metadata::verify(rest).is_err());
        return;
    }
    let Ok(read) = metadata::verify(metadata::sign(rest).as_bytes()) else {
        return;
    };
    // Whatever an entry is, it is counted. (A payload may be no JSON to others: only the entries that are read are decoded.)
    if let Ok(payload) = serde_json::from_slice::<serde_json::Value>(rest) {
        let listed = payload["entries"].as_array().map_or(0, Vec::len);
        let known = read.entries().len() + read.dropped().count(Part::Entry) + read.uaf_entries();
        assert_eq!(known, listed);
    }
    let policy = MetadataPolicy::default();
    for entry in read.entries() {
        let current = entry.current_status(NOW);
        assert!(current.is_none_or(|status| status.is_in_effect(NOW)));
        let _ = entry.refused_status(&[], &policy, NOW);
        let _ = entry.judge(AttestationType::Basic, &[], &policy, NOW);
        if let Some(aaguid) = entry.aaguid() {
            let mut found = read.by_aaguid(aaguid);
            assert!(found.any(|found| found == entry), "an entry is found by its AAGUID");
        }
        for identifier in entry.key_identifiers() {
            assert!(read.by_key_identifier(identifier).any(|found| found == entry));
        }
    }
    let _ = read.is_stale(NOW);
});
