//! Random damage to a known part of an honest ceremony.

use minicbor::Decoder;
use serde_json::Value;

use super::ceremony::{Case, Kind};
use crate::encoding::{base64url, from_base64url};
use crate::random::Random;

/// Bytes of a member, by name.
struct Part {
    name: String,
    from: usize,
    to: usize,
}

impl Part {
    fn new(name: impl Into<String>, from: usize, to: usize) -> Self {
        Self {
            name: name.into(),
            from,
            to,
        }
    }
}

/// `case` with one part of one member damaged; `None` when that part is not there.
pub(super) fn damage(case: &Case, random: &mut Random) -> Option<Case> {
    let members: &[&str] = match case.kind {
        Kind::Registration => &[
            "response.clientDataJSON",
            "response.attestationObject",
            "response.attestationObject",
            "response.attestationObject",
        ],
        Kind::Authentication => &[
            "response.clientDataJSON",
            "response.authenticatorData",
            "response.authenticatorData",
            "response.signature",
            "response.userHandle",
            "credential_public_key",
        ],
    };
    let member = random.choose(members)?;
    let mut damaged = case.clone();
    let pointer = format!("/{}", member.replace('.', "/"));
    let text = match *member {
        "credential_public_key" => damaged.expected.get_mut(*member)?,
        _ => damaged.credential.pointer_mut(&pointer)?,
    };
    let mut bytes = from_base64url(text.as_str()?)?;
    let parts = match *member {
        "response.clientDataJSON" => client_data_parts(&bytes),
        "response.attestationObject" => object_parts(&bytes)?,
        "response.authenticatorData" => authenticator_data_parts("authData", &bytes, 0)?,
        other => vec![Part::new(
            other.trim_start_matches("response."),
            0,
            bytes.len(),
        )],
    };
    let part = random.choose(&parts)?;
    let how = bend(&mut bytes, part, random)?;
    *text = Value::String(base64url(&bytes));
    damaged.change = format!("{how}:{}", part.name);
    Some(damaged)
}

/// Damages one place of `part` and says how.
fn bend(bytes: &mut Vec<u8>, part: &Part, random: &mut Random) -> Option<&'static str> {
    if part.from >= part.to {
        return None;
    }
    let at = part.from + random.below(part.to - part.from);
    // One bit most often: it is what strictness is about.
    match random.below(8) {
        0..=4 => {
            // Text that is no UTF-8 any more is another matter than text that says something else.
            let bit = random.below(8);
            *bytes.get_mut(at)? ^= 1 << bit;
            Some(if bit == 7 { "flip-high" } else { "flip" })
        }
        5 => {
            bytes.insert(at, random.byte());
            Some("insert")
        }
        6 => {
            bytes.remove(at);
            Some("delete")
        }
        _ => {
            bytes.truncate(at);
            Some("truncate")
        }
    }
}

/// Names and values of the members of client data as this authenticator writes them.
fn client_data_parts(bytes: &[u8]) -> Vec<Part> {
    let text = String::from_utf8_lossy(bytes);
    let names = ["type", "challenge", "origin", "crossOrigin"];
    let places: Vec<_> = names
        .iter()
        .filter_map(|name| Some((*name, text.find(&format!("\"{name}\":"))?)))
        .collect();
    let mut parts = vec![Part::new("clientDataJSON.begin", 0, 1)];
    for (index, (name, at)) in places.iter().enumerate() {
        let value = at + name.len() + 3;
        let next = places.get(index + 1).map(|(_, at)| at - 1);
        let end = next.unwrap_or(bytes.len() - 1);
        parts.push(Part::new(format!("clientDataJSON.{name}.name"), *at, value));
        parts.push(Part::new(
            format!("clientDataJSON.{name}.value"),
            value,
            end,
        ));
    }
    parts.push(Part::new(
        "clientDataJSON.end",
        bytes.len() - 1,
        bytes.len(),
    ));
    parts
}

/// The parts of an attestation object: what holds it together, the members of the statement, the authenticator data.
fn object_parts(bytes: &[u8]) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut decoder = Decoder::new(bytes);
    for _ in 0..decoder.map().ok()?? {
        let from = decoder.position();
        let name = decoder.str().ok()?.to_owned();
        parts.push(Part::new("object.names", from, decoder.position()));
        let from = decoder.position();
        match name.as_str() {
            "attStmt" => statement_parts(&mut decoder, &mut parts)?,
            "authData" => {
                let content = decoder.bytes().ok()?.len();
                let begin = decoder.position() - content;
                parts.push(Part::new("authData.length", from, begin));
                parts.extend(authenticator_data_parts("authData", bytes, begin)?);
            }
            _ => {
                decoder.skip().ok()?;
                parts.push(Part::new(name, from, decoder.position()));
            }
        }
    }
    Some(parts)
}

/// The members of a statement, certificates one by one.
fn statement_parts(decoder: &mut Decoder<'_>, parts: &mut Vec<Part>) -> Option<()> {
    let from = decoder.position();
    let Ok(Some(members)) = decoder.map() else {
        // `compound`: a list.
        decoder.set_position(from);
        decoder.skip().ok()?;
        parts.push(Part::new("attStmt", from, decoder.position()));
        return Some(());
    };
    parts.push(Part::new("attStmt.head", from, decoder.position()));
    for _ in 0..members {
        let from = decoder.position();
        let name = decoder.str().ok()?.to_owned();
        parts.push(Part::new("attStmt.names", from, decoder.position()));
        if name == "x5c" {
            let from = decoder.position();
            let certificates = decoder.array().ok()??;
            parts.push(Part::new("attStmt.x5c.head", from, decoder.position()));
            for index in 0..certificates {
                let content = decoder.bytes().ok()?.len();
                let end = decoder.position();
                let name = format!("attStmt.x5c[{index}]");
                parts.push(Part::new(name, end - content, end));
            }
        } else {
            let from = decoder.position();
            decoder.skip().ok()?;
            parts.push(Part::new(
                format!("attStmt.{name}"),
                from,
                decoder.position(),
            ));
        }
    }
    Some(())
}

/// The parts of authenticator data that begin at `at` and end with `bytes` (section 6.1).
fn authenticator_data_parts(name: &str, bytes: &[u8], at: usize) -> Option<Vec<Part>> {
    let part = |field: &str, from: usize, to: usize| Part::new(format!("{name}.{field}"), from, to);
    let mut parts = vec![
        part("rpIdHash", at, at + 32),
        part("flags", at + 32, at + 33),
        part("signCount", at + 33, at + 37),
    ];
    if bytes.get(at + 32)? & 0x40 != 0 {
        let length = bytes.get(at + 53..at + 55)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let key = at + 55 + length;
        parts.push(part("aaguid", at + 37, at + 53));
        parts.push(part("credentialIdLength", at + 53, at + 55));
        parts.push(part("credentialId", at + 55, key));
        parts.push(part("credentialPublicKey", key, bytes.len()));
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::super::ceremony::{Case, Kind};
    use super::*;
    use crate::{Algorithm, Lies};

    fn honest(kind: Kind, format: &str) -> Case {
        let mut random = Random::new(0);
        let lies = |_: &str| Ok(Lies::default());
        let nothing = serde_json::json!({});
        Case::make(kind, format, Algorithm::ES256, &nothing, lies, &mut random).unwrap()
    }

    #[test]
    fn a_seed_determines_the_damage_and_its_label() {
        for case in [
            honest(Kind::Registration, "packed-x5c"),
            honest(Kind::Registration, "compound"),
            honest(Kind::Authentication, "-"),
        ] {
            for seed in 0..300 {
                let once = damage(&case, &mut Random::new(seed)).unwrap();
                let twice = damage(&case, &mut Random::new(seed)).unwrap();
                assert_eq!(once.line(""), twice.line(""));
                assert_eq!(once.label(), twice.label());
                assert_ne!(once.line(""), case.line(""), "{}", once.label());
            }
        }
    }

    #[test]
    fn the_label_names_the_part_that_is_damaged() {
        let case = honest(Kind::Registration, "packed-x5c");
        let object = |case: &Case| {
            let text = case.credential["response"]["attestationObject"].as_str();
            from_base64url(text.unwrap()).unwrap()
        };
        let before = object(&case);
        let mut found = 0;
        for seed in 0..2000 {
            let damaged = damage(&case, &mut Random::new(seed)).unwrap();
            let Some(("flip" | "flip-high", part)) = damaged.change.split_once(':') else {
                continue;
            };
            let after = object(&damaged);
            let at = before.iter().zip(&after).position(|(a, b)| a != b);
            // The flags are the 33rd byte of the authenticator data, which stand at the end.
            let text = case.credential["response"]["authenticatorData"].as_str();
            let data = from_base64url(text.unwrap()).unwrap().len();
            let flags = before.len() - data + 32;
            assert_eq!(part == "authData.flags", at == Some(flags), "{part} {at:?}");
            found += usize::from(part == "authData.flags");
        }
        assert!(found > 10);
    }
}
