//! What conformance tools expect, whatever the policy of the Relying Party says.

use webauthn::attestation::AttestationPolicy;
use webauthn::attestation::{MetadataPolicy, UnknownModels};
use webauthn::cose::CoseAlgorithm as A;

/// The algorithms that they make credentials for; RS1 is theirs alone.
pub(crate) fn offer() -> Vec<A> {
    vec![
        A::ES256,
        A::EDDSA,
        A::ES384,
        A::ES512,
        A::ES256K,
        A::RS256,
        A::RS384,
        A::RS512,
        A::PS256,
        A::PS384,
        A::PS512,
        A::RS1,
    ]
}

/// What is accepted as attestation. The tools bring metadata for each of their models, so one that is not known is an error.
pub(crate) fn attestation() -> AttestationPolicy {
    AttestationPolicy {
        metadata: MetadataPolicy {
            unknown_models: UnknownModels::Refuse,
            ..MetadataPolicy::default()
        },
        ..AttestationPolicy::conformance(Vec::new())
    }
}
