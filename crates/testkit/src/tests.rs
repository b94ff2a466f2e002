//! What the authenticator and the metadata service make, taken apart with other means than those that made it.

mod certificates;
mod cose_keys;
mod extensions;
mod formats;
mod metadata;
pub(crate) mod support;
mod tpm;
