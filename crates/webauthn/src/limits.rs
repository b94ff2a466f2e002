//! Limits that several modules keep.

/// Most certificates of a chain. Chains of authenticators have one to four.
pub const MAX_CERTIFICATES: usize = 6;

/// Most bytes of one certificate.
pub const MAX_CERTIFICATE: usize = 8 * 1024;

/// Most signature checks of one judgement, all statements of a `compound` attestation together. A path of [`MAX_CERTIFICATES`],
/// completed by as many known intermediates, takes 12 checks when each certificate has one candidate for its issuer. The rest
/// is for issuers that were renewed under the same name. The limit bounds the work that one request can cause.
pub const MAX_SIGNATURE_CHECKS: usize = 32;
