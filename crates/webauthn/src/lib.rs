//! Verification of WebAuthn Level 3 ceremonies as pure decisions: no I/O, no clock, no randomness, no tenant.
//!
//! A wire reads the browser's JSON with [`json`] and [`response`], and hands it together with what was asked for to
//! [`verify_registration`] (section 7.1) or [`verify_authentication`] (section 7.2). Success is a value that nothing but these
//! functions can make. Refusals are precise errors that fold into one [`Reason`].
//!
//! Three rules hold throughout: expected values come from the caller and never from the response; no step is skipped because an
//! earlier one seems to prove it; hashes and signatures are computed over the bytes received.

pub mod attestation;
pub mod authentication;
pub mod authenticator_data;
pub mod base64url;
pub mod cbor;
mod ceremony;
pub mod client_data;
pub mod cose;
pub mod credential;
pub mod error;
pub mod extension;
mod hash;
mod idn;
pub mod json;
mod jws;
pub mod limits;
pub mod metadata;
pub mod options;
pub mod origin;
mod public_suffix;
pub mod reason;
pub mod registration;
pub mod relying_party;
pub mod response;
pub mod signal;
pub mod signature;
pub mod time;
pub mod trace;
pub mod trust;
pub mod x509;

pub use authentication::{
    AuthenticationExpectation, VerifiedAuthentication, verify_authentication,
};
pub use error::Reason;
pub use metadata::Metadata;
pub use registration::{RegistrationExpectation, VerifiedRegistration, verify_registration};
pub use time::UnixSeconds;
pub use trust::TrustFacts;
