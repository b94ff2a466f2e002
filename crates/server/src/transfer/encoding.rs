//! Byte strings in tables and JSON. Which base64 a file has is decided by all values of a column, never by one value: a short text may
//! be read in both ways.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// What the values of a column have shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    url: bool,
    standard: bool,
    hex: bool,
    texts: u64,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            url: false,
            standard: false,
            hex: true,
            texts: 0,
        }
    }
}

/// The encoding that is marked in the value itself: of PostgreSQL, and of SQL Server.
fn marked_hex(text: &str) -> Option<&str> {
    let rest = text
        .strip_prefix("\\x")
        .or_else(|| text.strip_prefix("0x"))?;
    Some(rest).filter(|rest| is_hex(rest))
}

fn is_hex(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl Seen {
    /// Looks at a value.
    pub(super) fn look(&mut self, value: &Value) {
        let Some(text) = value.as_str().map(str::trim) else {
            return;
        };
        if text.is_empty() || text.starts_with("-----") || marked_hex(text).is_some() {
            return;
        }
        self.texts += 1;
        self.url |= text.contains(['-', '_']);
        self.standard |= text.contains(['+', '/']);
        self.hex &= is_hex(text);
    }

    /// The encoding of the column, in words, if it has a value that does not show its own; an error if its values are of both kinds.
    pub(super) fn decide(&self, column: &str) -> Result<Option<&'static str>, String> {
        Ok(match (self.url, self.standard) {
            _ if self.texts == 0 => None,
            (true, true) => {
                return Err(format!(
                    "the values of {column} are in base64 and in base64url: the file mixes both, so none of them is read"
                ));
            }
            _ if self.hex => Some("hexadecimal"),
            (true, false) => Some("base64url"),
            (false, true) => Some("base64"),
            (false, false) => Some("base64 or base64url, which are the same here"),
        })
    }
}

/// The bytes in a value: text as the column has it, a list of numbers, or a buffer of Node.js.
pub(super) fn bytes(value: &Value, seen: &Seen) -> Result<Vec<u8>, String> {
    let numbers = |list: &[Value]| {
        let bytes = list
            .iter()
            .map(|n| n.as_u64().and_then(|n| u8::try_from(n).ok()));
        let bytes: Option<Vec<u8>> = bytes.collect();
        bytes.ok_or_else(|| "a list of numbers is not a list of bytes".to_owned())
    };
    match value {
        Value::String(text) => decode(text.trim(), seen),
        Value::Array(list) => numbers(list),
        Value::Object(object) => {
            // Extended JSON of MongoDB.
            if let Some(binary) = object.get("$binary") {
                let text = binary.get("base64").unwrap_or(binary).as_str();
                return decode(text.unwrap_or_default(), &Seen::default());
            }
            if let Some(Value::Array(list)) = object.get("data") {
                return numbers(list);
            }
            // A Uint8Array that went through JSON.stringify: {"0": 165, "1": 1, ...}.
            let list: Option<Vec<Value>> = (0..object.len())
                .map(|n| object.get(&n.to_string()).cloned())
                .collect();
            numbers(&list.ok_or("an object that is no byte string")?)
        }
        Value::Null => Err("it is absent".to_owned()),
        Value::Bool(_) | Value::Number(_) => Err("it is no text".to_owned()),
    }
}

fn decode(text: &str, seen: &Seen) -> Result<Vec<u8>, String> {
    if let Some(digits) = marked_hex(text) {
        return hex::decode(digits).map_err(|error| error.to_string());
    }
    if seen.texts > 0 && seen.hex {
        return hex::decode(text).map_err(|error| error.to_string());
    }
    // PostgreSQL and MySQL break long base64 into lines.
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let text = text.trim_end_matches('=');
    let (engine, name) = if text.contains(['-', '_']) || (seen.url && !seen.standard) {
        (URL_SAFE_NO_PAD, "base64url")
    } else {
        (STANDARD_NO_PAD, "base64")
    };
    engine
        .decode(text)
        .map_err(|error| format!("it is not {name}: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(values: &[&str]) -> Seen {
        let mut seen = Seen::default();
        for value in values {
            seen.look(&json!(value));
        }
        seen
    }

    #[test]
    fn a_column_decides_and_not_a_value() {
        assert_eq!(seen(&["AAAA", "-_8"]).decide("id"), Ok(Some("base64url")));
        assert_eq!(seen(&["AAAA", "+/8="]).decide("id"), Ok(Some("base64")));
        assert_eq!(
            seen(&["00ff", "ab12"]).decide("id"),
            Ok(Some("hexadecimal"))
        );
        assert!(seen(&["-_8", "+/8="]).decide("id").is_err());
        let either = seen(&["AAAz"]).decide("id").unwrap().unwrap();
        assert!(either.contains("the same"));
        // Nothing is said of a column that is not in the file, or whose values show their own encoding.
        assert_eq!(seen(&[]).decide("id"), Ok(None));
        assert_eq!(seen(&["\\x0102", ""]).decide("id"), Ok(None));
    }

    #[test]
    fn bytes_are_read_in_every_form_that_products_write() {
        let column = seen(&["-_8", "AQI"]);
        for value in [
            json!("AQI"),
            json!("AQI="),
            json!("AQ\nI="),
            json!("\\x0102"),
            json!("0x0102"),
            json!([1, 2]),
            json!({"type": "Buffer", "data": [1, 2]}),
            json!({"0": 1, "1": 2}),
            json!({"$binary": {"base64": "AQI=", "subType": "00"}}),
        ] {
            assert_eq!(bytes(&value, &column), Ok(vec![1, 2]), "{value}");
        }
        for value in [
            json!("AQI!"),
            json!([256]),
            json!({"a": 1}),
            json!(1),
            json!(null),
        ] {
            assert!(bytes(&value, &column).is_err(), "{value}");
        }
    }
}
