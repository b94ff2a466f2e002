//! COSE algorithms and public keys (WebAuthn 5.8.5, 6.5.1.1; RFC 9052, 9053, 8230, 8812, 9864, 9964).

mod algorithm;
mod error;
mod key;
mod point;
mod stored;

pub use algorithm::CoseAlgorithm;
pub(crate) use algorithm::{Curve, MlDsa, Scheme};
pub use error::CoseKeyError;
pub(crate) use key::CoseKey;
pub use key::PublicKey;
pub(crate) use point::{KeyMaterial, check_ed448, check_ed25519, check_point, check_rsa};
pub use point::{MAX_RSA_BITS, MIN_RSA_BITS};
pub use stored::StoredKey;
