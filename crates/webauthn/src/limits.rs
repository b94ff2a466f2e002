//! Limits that several modules keep.

/// Most certificates of a chain.
pub const MAX_CERTIFICATES: usize = 6;

/// Most bytes of one certificate.
pub const MAX_CERTIFICATE: usize = 8 * 1024;

/// Most signature checks of one judgement of a chain.
pub const MAX_SIGNATURE_CHECKS: usize = 32;
