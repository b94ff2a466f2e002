//! X.509 certificates as far as attestation and metadata need them (RFC 5280).

mod certificate;
mod chain;
mod curve;
pub(crate) mod der;
mod list;
mod name;
pub(crate) mod oid;
mod revocation;

pub(crate) use certificate::Certificate;
pub(crate) use chain::{Budget, LeafDates, Link, lead_to_anchor, parse_all, require_path};
pub use chain::{ChainError, is_certificate, last_second};
pub use list::CertificateList;
pub use revocation::is_revocation_list;
pub(crate) use revocation::revoked;
