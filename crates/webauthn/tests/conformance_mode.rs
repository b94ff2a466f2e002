//! What only conformance tools get to see. The rest of that mode is tested beside the sections that it tightens.

mod device;

use device::{Algorithm, Format, of};
use webauthn::Reason;
use webauthn::cose::CoseAlgorithm;

#[test]
fn a_credential_for_rs1_must_be_offered_and_allowed() {
    let rs1 = of(Format::PackedSelf).key(Algorithm::RS1);
    for (offered, allowed, verdict) in [
        (true, true, None),
        (true, false, Some(Reason::AlgorithmUnsupported)),
        (false, true, Some(Reason::AlgorithmNotAllowed)),
    ] {
        let mut made = rs1
            .clone()
            .policy(|policy| policy.rs1_credentials = allowed)
            .make();
        if offered {
            made.expected.algorithms.push(CoseAlgorithm::RS1);
        }
        let found = made.verify(&made.credential);
        assert_eq!(
            found.err().map(|error| error.reason()),
            verdict,
            "{offered} {allowed}"
        );
    }
}
