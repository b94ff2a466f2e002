//! What a browser's response says, decoded for people. Nothing is judged here: what cannot be read is shown as such.

use domain::webauthn::authenticator_data::AuthenticatorData;
use domain::webauthn::base64url;
use domain::webauthn::cbor::{self, KeyOrder};
use serde_json::Value;

/// Most characters of one value.
const MOST: usize = 4_000;

/// A part of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// What it is.
    pub(crate) title: &'static str,
    /// Its values.
    pub(crate) rows: Vec<(&'static str, String)>,
    /// Its text, if it is one.
    pub(crate) text: Option<String>,
}

impl Part {
    fn new(title: &'static str) -> Self {
        Self {
            title,
            ..Self::default()
        }
    }

    fn row(&mut self, name: &'static str, value: impl Into<String>) {
        let value: String = value.into();
        let shown = match value.char_indices().nth(MOST) {
            Some((end, _)) => format!("{} …", &value[..end]),
            None => value,
        };
        self.rows.push((name, shown));
    }
}

fn bytes(response: &Value, member: &str) -> Option<Vec<u8>> {
    base64url::decode(response[member].as_str()?).ok()
}

/// The parts of a credential as a browser's `toJSON()` makes it.
pub(crate) fn parts(credential: &str) -> Vec<Part> {
    let Ok(credential) = serde_json::from_str::<Value>(credential) else {
        return Vec::new();
    };
    let response = &credential["response"];
    let mut parts = Vec::new();
    let mut whole = Part::new("Credential");
    for (name, member) in [
        ("id", "id"),
        ("authenticatorAttachment", "authenticatorAttachment"),
    ] {
        if let Some(text) = credential[member].as_str() {
            whole.row(name, text);
        }
    }
    if let Some(transports) = response["transports"].as_array() {
        let texts: Vec<_> = transports.iter().filter_map(Value::as_str).collect();
        whole.row("transports", texts.join(", "));
    }
    if let Some(handle) = bytes(response, "userHandle") {
        let text = String::from_utf8(handle.clone());
        let text = text.unwrap_or_else(|_| format!("{} (hex)", hex::encode(handle)));
        whole.row("userHandle", text);
    }
    parts.push(whole);
    if let Some(client_data) = bytes(response, "clientDataJSON") {
        parts.push(self::client_data(&client_data));
    }
    let attestation = bytes(response, "attestationObject");
    let object = attestation
        .as_deref()
        .map(|bytes| cbor::read(bytes, KeyOrder::Any));
    let inside = match &object {
        Some(Ok(object)) => object.get("authData").and_then(cbor::Value::as_bytes),
        _ => None,
    };
    let own = bytes(response, "authenticatorData");
    if let Some(data) = inside.or(own.as_deref()) {
        parts.push(authenticator_data(data));
    }
    match &object {
        Some(Ok(object)) => parts.push(statement(object)),
        Some(Err(error)) => {
            let mut part = Part::new("Attestation");
            part.row("cannot be read", error.to_string());
            parts.push(part);
        }
        None => {}
    }
    parts
}

fn client_data(bytes: &[u8]) -> Part {
    let mut part = Part::new("Client data");
    let text = String::from_utf8_lossy(bytes);
    let pretty = serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|value| serde_json::to_string_pretty(&value).ok());
    let mut text = pretty.unwrap_or_else(|| text.into_owned());
    if let Some((end, _)) = text.char_indices().nth(MOST) {
        text.truncate(end);
    }
    part.text = Some(text);
    part
}

fn yes(set: bool) -> &'static str {
    if set { "yes" } else { "no" }
}

fn authenticator_data(bytes: &[u8]) -> Part {
    let mut part = Part::new("Authenticator data");
    let data = match AuthenticatorData::parse(bytes) {
        Ok(data) => data,
        Err(error) => {
            part.row("cannot be read", error.to_string());
            part.row("bytes (hex)", hex::encode(bytes));
            return part;
        }
    };
    part.row("RP ID hash", hex::encode(data.rp_id_hash));
    let flags = data.flags;
    for (name, set) in [
        ("user present (UP)", flags.user_present()),
        ("user verified (UV)", flags.user_verified()),
        ("backup eligible (BE)", flags.backup_eligible()),
        ("backed up (BS)", flags.backup_state()),
    ] {
        part.row(name, yes(set));
    }
    part.row("signature counter", data.sign_count.to_string());
    if let Some(attested) = &data.attested {
        part.row("AAGUID", attested.aaguid.to_string());
        part.row("credential id", base64url::encode(attested.credential_id));
        part.row("public key (COSE, hex)", hex::encode(attested.public_key));
    }
    if let Some(extensions) = &data.extensions {
        let names = extensions.as_map().unwrap_or_default().iter();
        let names: Vec<_> = names.filter_map(|(name, _)| name.as_text()).collect();
        part.row("extensions", names.join(", "));
    }
    part
}

fn statement(object: &cbor::Value<'_>) -> Part {
    let mut part = Part::new("Attestation");
    let format = object.get("fmt").and_then(cbor::Value::as_text);
    part.row("format", format.unwrap_or("not readable"));
    let Some(statement) = object.get("attStmt") else {
        return part;
    };
    let members = statement.as_map().unwrap_or_default().iter();
    let members: Vec<_> = members.filter_map(|(name, _)| name.as_text()).collect();
    part.row(
        "statement",
        if members.is_empty() {
            "empty".to_owned()
        } else {
            members.join(", ")
        },
    );
    if let Some(algorithm) = statement.get("alg").and_then(cbor::Value::as_integer) {
        part.row("algorithm (COSE)", algorithm.to_string());
    }
    let chain = statement.get("x5c").and_then(cbor::Value::as_array);
    for certificate in chain.unwrap_or_default() {
        if let Some(der) = certificate.as_bytes() {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
            part.row(
                "certificate",
                format!("{} bytes, SHA-256 {}", der.len(), hex::encode(digest)),
            );
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_shown_as_such() {
        assert!(parts("no JSON").is_empty());
        let odd = r#"{"id":"x","response":{"clientDataJSON":"bm8","authenticatorData":"AAA","attestationObject":"_w"}}"#;
        let parts = parts(odd);
        let titles: Vec<_> = parts.iter().map(|part| part.title).collect();
        assert_eq!(
            titles,
            [
                "Credential",
                "Client data",
                "Authenticator data",
                "Attestation"
            ]
        );
        assert_eq!(parts[1].text.as_deref(), Some("no"));
        assert_eq!(parts[2].rows[0].0, "cannot be read");
        assert_eq!(parts[3].rows[0].0, "cannot be read");
    }

    #[test]
    fn a_long_value_is_cut() {
        let mut part = Part::new("x");
        part.row("long", "é".repeat(MOST + 1));
        assert_eq!(part.rows[0].1.chars().count(), MOST + 2);
    }
}
