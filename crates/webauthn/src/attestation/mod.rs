//! Attestation statements: one module for each format (WebAuthn 8), chosen by the exact format name (7.1 steps 21-22).

mod android_key;
mod android_safetynet;
mod apple;
mod certificate;
mod compound;
mod error;
mod fido_u2f;
mod format;
mod kind;
mod none;
mod packed;
mod policy;
mod subject;
mod tpm;

pub use error::{AndroidKeyError, AttestationError, SafetyNetError, TpmError};
pub(crate) use format::{Format, recordable_name};
pub use kind::AttestationType;
pub use policy::{
    AndroidKeyPolicy, AttestationPolicy, CompoundPolicy, KNOWN_STATUSES, MetadataPolicy,
    ModelPolicy, REFUSED_STATUSES, SafetyNetPolicy, StaleMetadata, StatementPolicy, UnknownModels,
};
pub(crate) use subject::{Attested, Subject};
