//! All errors of the core in one place. Each names its area precisely, and `reason()` folds it into the flat [`Reason`].

pub use crate::attestation::AttestationError;
pub use crate::authentication::AuthenticationError;
pub use crate::authenticator_data::AuthenticatorDataError;
pub use crate::base64url::Base64Error;
pub use crate::cbor::CborError;
pub use crate::client_data::ClientDataError;
pub use crate::cose::CoseKeyError;
pub use crate::credential::{AaguidError, IdentifierError, LengthError};
pub use crate::json::JsonError;
pub use crate::metadata::ModelError;
pub use crate::origin::OriginError;
pub use crate::reason::{Class, Reason, UnknownReason};
pub use crate::registration::RegistrationError;
pub use crate::relying_party::RpIdError;
pub use crate::response::ResponseError;
pub use crate::trust::TrustError;
pub use crate::x509::ChainError;
