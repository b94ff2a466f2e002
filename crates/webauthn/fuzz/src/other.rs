//! The other opinions: an encoder of CBOR that shares nothing with the reader, and JSON as `serde_json` reads it.

use webauthn::cbor::Value;
use webauthn::json;

/// The one strict encoding of a value, entries of maps in the order that they have.
pub fn cbor_bytes(value: &Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

/// A text as CBOR.
pub fn cbor_of(text: &str) -> Vec<u8> {
    cbor_bytes(&Value::Text(text))
}

fn write(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Integer(number) if *number >= 0 => head(0, number.unsigned_abs(), out),
        Value::Integer(number) => head(1, (-1 - number).unsigned_abs(), out),
        Value::Bytes(bytes) => {
            head(2, bytes.len() as u128, out);
            out.extend_from_slice(bytes);
        }
        Value::Text(text) => {
            head(3, text.len() as u128, out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Array(items) => {
            head(4, items.len() as u128, out);
            for item in items {
                write(item, out);
            }
        }
        Value::Map(entries) => {
            head(5, entries.len() as u128, out);
            for (key, value) in entries {
                write(key, out);
                write(value, out);
            }
        }
        Value::Bool(false) => out.push(0xf4),
        Value::Bool(true) => out.push(0xf5),
        Value::Null => out.push(0xf6),
    }
}

fn head(major: u8, number: u128, out: &mut Vec<u8>) {
    let major = major << 5;
    let bytes = number.to_be_bytes();
    match number {
        0..=23 => out.push(major | bytes[15]),
        24..=0xff => out.extend([major | 24, bytes[15]]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&bytes[14..]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&bytes[12..]);
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&bytes[8..]);
        }
    }
}

/// What our reader accepts, `serde_json` must accept too and read the same.
pub fn json_of(bytes: &[u8], limits: &json::Limits) -> Option<serde_json::Value> {
    let ours = json::parse(bytes, limits).ok()?.to_owned_value();
    let theirs: serde_json::Value =
        serde_json::from_slice(bytes).expect("what we accept is JSON to others");
    assert_eq!(ours, theirs, "both readers see the same");
    Some(ours)
}
