//! The values of members, as products write them.

use domain::model::clock::Timestamp;
use serde_json::Value;
use uuid::Uuid;
use webauthn::credential::Aaguid;

use super::encoding::{Seen, bytes};
use super::text::Moment;

/// Times after this one are in milliseconds, earlier ones in seconds: the year 5138 in seconds.
const MILLISECONDS_FROM: i64 = 100_000_000_000;
/// Most transports of a credential, and most letters of one.
const MAX_TRANSPORTS: usize = 16;
const MAX_TRANSPORT: usize = 64;
/// A text without white space around it, or a number.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        // One that is longer than 64 bits has lost digits.
        Value::Number(number) => (!number.is_f64()).then(|| number.to_string()),
        _ => None,
    }
}

/// What a value says as yes or no.
pub(super) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(false),
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(true),
        Value::String(text) => match text.trim_matches(' ') {
            // A bit of MySQL.
            "\u{1}" | "base64:type16:AQ==" => Some(true),
            "\u{0}" | "base64:type16:AA==" => Some(false),
            text => match &*text.to_ascii_lowercase() {
                "t" | "true" | "1" | "1.0" | "y" | "yes" | "on" => Some(true),
                "f" | "false" | "0" | "0.0" | "n" | "no" | "off" => Some(false),
                _ => None,
            },
        },
        // A bit of MySQL, as Node.js writes it.
        Value::Object(buffer) => match buffer.get("data")?.as_array()?.as_slice() {
            [bit] => truth(bit),
            _ => None,
        },
        _ => None,
    }
}

/// A moment: of a standard form, or seconds or milliseconds since 1970.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    if let Some(number) = value.as_i64().or_else(|| value.as_str()?.parse().ok()) {
        let millis = if number < MILLISECONDS_FROM {
            number.checked_mul(1000)?
        } else {
            number
        };
        return Some(Timestamp(millis)).filter(|at| at.0 > 0);
    }
    let text = value.as_str()?.trim().replacen(' ', "T", 1);
    let read = Moment::read(&text).or_else(|| Moment::read(&format!("{text}Z")));
    read.map(Timestamp::from).filter(|at| at.0 > 0)
}

/// Transports: a list, or a text with separators.
pub(super) fn transports(value: &Value) -> Option<Vec<String>> {
    let list: Vec<String> = match value {
        Value::Array(list) => {
            let name = |value: &Value| {
                text(
                    value
                        .get("name")
                        .or_else(|| value.get("Name"))
                        .unwrap_or(value),
                )
            };
            list.iter().filter_map(name).collect()
        }
        Value::String(text) if text.starts_with('[') => {
            serde_json::from_str::<Vec<String>>(text).ok()?
        }
        Value::String(text) => {
            let text = text.trim_matches(['{', '}']);
            text.split([',', ' ', ';'])
                .map(|t| t.trim_matches('"').to_owned())
                .collect()
        }
        _ => return None,
    };
    let mut list: Vec<String> = list
        .into_iter()
        // webauthn-rs and .NET write the first letter large.
        .map(|t| t.to_ascii_lowercase())
        .filter(|t| !t.is_empty() && t.len() <= MAX_TRANSPORT)
        .collect();
    list.truncate(MAX_TRANSPORTS);
    Some(list)
}

/// The model of an authenticator.
pub(super) fn aaguid(value: &Value) -> Option<Aaguid> {
    if let Some(text) = value.as_str() {
        if let Ok(aaguid) = text.parse() {
            return Some(aaguid);
        }
        if let Ok(uuid) = Uuid::try_parse(text) {
            return Some(Aaguid::new(*uuid.as_bytes()));
        }
    }
    let mut seen = Seen::default();
    seen.look(value);
    let bytes: [u8; 16] = bytes(value, &seen).ok()?.try_into().ok()?;
    Some(Aaguid::new(bytes))
}
