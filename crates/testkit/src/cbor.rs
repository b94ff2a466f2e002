//! CTAP2 canonical CBOR, as far as an authenticator writes it: the caller gives the map keys in canonical order.

use std::convert::Infallible;

use minicbor::encode::{Encoder, Error};
use serde_json::{Map, Value};

use crate::encoding::from_base64url;

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

/// A map of extension outputs in canonical order: shorter names first, then bytewise.
pub(crate) fn map(
    out: &mut Encoder<Vec<u8>>,
    members: &Map<String, Value>,
) -> Result<(), Error<Infallible>> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(name, _)| (name.len(), *name));
    out.map(members.len() as u64)?;
    for (name, value) in members {
        out.str(name)?;
        self::value(out, value)?;
    }
    Ok(())
}

/// A JSON value; `{"base64url": text}` is a byte string.
pub(crate) fn value(out: &mut Encoder<Vec<u8>>, json: &Value) -> Result<(), Error<Infallible>> {
    match json {
        Value::Null => out.null()?,
        Value::Bool(truth) => out.bool(*truth)?,
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => out.i64(number)?,
            (None, Some(number)) => out.u64(number)?,
            (None, None) => out.f64(number.as_f64().unwrap_or(f64::NAN))?,
        },
        Value::String(text) => out.str(text)?,
        Value::Array(items) => {
            out.array(items.len() as u64)?;
            for item in items {
                value(out, item)?;
            }
            out
        }
        Value::Object(members) => {
            let text = members.get("base64url").and_then(Value::as_str);
            match text.filter(|_| members.len() == 1).and_then(from_base64url) {
                Some(bytes) => out.bytes(&bytes)?,
                None => return map(out, members),
            }
        }
    };
    Ok(())
}
