//! CTAP2 canonical CBOR, as far as an authenticator writes it: the caller gives the map keys in canonical order.

use std::convert::Infallible;

use minicbor::encode::{Encoder, Error};

/// Runs `write` on a fresh encoder and gives the bytes.
pub(crate) fn encode(
    write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Result<(), Error<Infallible>>,
) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    match write(&mut encoder) {
        Ok(()) => encoder.into_writer(),
        // Writing to memory cannot fail, and we encode no values that refuse; an empty result would be refused by
        // every reader, so a mistake here cannot pass unseen.
        Err(_) => Vec::new(),
    }
}
