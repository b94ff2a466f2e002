//! Tests only: a software authenticator together with the client (browser) around it.
//!
//! [`Authenticator::create`] and [`Authenticator::get`] take the JSON forms of the creation and request options of
//! `WebAuthn` Level 3, section 5.1, and answer with the JSON that `PublicKeyCredential.toJSON()` gives in a browser. What
//! kind of authenticator it is stands in a [`Profile`]; what it should get wrong, and only that, stands in [`Lies`].
//! Whatever remains to be broken afterwards is broken in the finished JSON with [`json::set`] and [`json::without`].
//!
//! It shares no code with the verifier: keys and signatures come from the cryptography library, the CBOR is written
//! here token by token. A mistake in passkeyd's parser therefore cannot hide behind the same mistake here.
//!
//! The verifier's own tests have a second maker of ceremonies (`crates/webauthn/tests/common`), and both stay. That one takes
//! no options and has a field for each part, so that a test of one step sets one byte. They share no code either. A misreading
//! of the specification in one of them therefore shows: the verifier cannot please both.
//!
//! It obeys the lists of the options (`pubKeyCredParams`, `excludeCredentials`, `allowCredentials`) and none of the wishes
//! (user verification, attachment, attestation conveyance, resident key): those are the profile's, since a test
//! wants to see what the server says to an authenticator that does not do what it was asked.

mod algorithm;
mod attestation;
mod authenticator;
mod cbor;
mod certificate;
pub mod corpus;
mod der;
mod encoding;
mod error;
pub mod http;
pub mod json;
mod jws;
mod key;
mod lies;
pub mod metadata;
mod mutator;
mod profile;
pub mod random;
mod tls;

pub use algorithm::{Algorithm, Hash};
pub use authenticator::{Authenticator, Credential};
pub use certificate::certificate_key_identifier;
pub use encoding::{Bytes, base64url, from_base64url};
pub use error::Error;
pub use lies::{
    CertificateLies, ChainLies, CoseLies, ExtraExtension, IssuerLies, Lies, NameConstraints,
    SafetyNetLies, Signer, TpmAttribute, TpmLies, UserHandle,
};
pub use mutator::Mutator;
pub use profile::{
    AndroidKey, Attachment, Authorizations, Chain, Counter, Curves, Encoding, Extensions, Format,
    IssuerNames, Profile, RootOfTrust, SafetyNet, Tpm, Validity,
};
pub use tls::TlsIdentity;

#[cfg(test)]
mod tests;
