//! Public keys in the forms in which products keep them, as COSE keys. What comes out is checked by the verifier's own reader.

use der::asn1::UintRef;
use der::{Decode as _, Sequence};
use serde_json::Value;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use super::encoding::{Seen, bytes};

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// The form of a public key in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// COSE, as the authenticator sent it.
    Cose,
    /// `SubjectPublicKeyInfo`, or PEM of it.
    Spki,
    /// An uncompressed point.
    Point,
    /// The JSON of webauthn-rs.
    Json,
}

/// A key, and the form that it had.
pub(super) type Found = (Vec<u8>, Form);

#[derive(Sequence)]
struct RsaKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

/// A curve of ECDSA: its COSE number, the algorithm that belongs to it, and the bytes of a coordinate.
struct Curve(u8, i64, usize);

const CURVES: [Curve; 3] = [Curve(1, -7, 32), Curve(2, -35, 48), Curve(3, -36, 66)];

/// The public key in a value.
pub(super) fn public_key(value: &Value, seen: &Seen) -> Result<Found, String> {
    if let Value::Object(_) = value
        && let Some(key) = json_key(value)
    {
        return Ok((key?, Form::Json));
    }
    let pem = value.as_str().map(str::trim);
    if let Some(pem) = pem.filter(|text| text.starts_with("-----BEGIN")) {
        let body = pem
            .strip_prefix(PEM_BEGIN)
            .and_then(|rest| rest.strip_suffix(PEM_END))
            .ok_or("the public key is PEM of another kind than PUBLIC KEY")?;
        let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        let der = bytes(&body.into(), &Seen::default())?;
        return Ok((of_spki(&der)?, Form::Spki));
    }
    let bytes = bytes(value, seen)?;
    match bytes.first() {
        Some(0x30) => Ok((of_spki(&bytes)?, Form::Spki)),
        Some(0x04) => {
            let curve = CURVES.iter().find(|c| bytes.len() == 1 + 2 * c.2);
            let curve = curve.ok_or("the public key is a point of an unknown curve")?;
            Ok((of_point(curve, &bytes), Form::Point))
        }
        Some(0xa0..=0xbf) => Ok((bytes, Form::Cose)),
        _ => Err(
            "the public key is neither COSE, SubjectPublicKeyInfo nor an uncompressed point"
                .to_owned(),
        ),
    }
}

fn of_spki(der: &[u8]) -> Result<Vec<u8>, String> {
    let unreadable = |_| "the public key is not a readable SubjectPublicKeyInfo".to_owned();
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(unreadable)?;
    let key = info.subject_public_key.raw_bytes();
    match info.algorithm.oid {
        EC => {
            let (_, curve) = info.algorithm.oids().map_err(|error| error.to_string())?;
            let number = match curve {
                Some(P256) => 1,
                Some(P384) => 2,
                Some(P521) => 3,
                _ => return Err("the public key is on an unknown curve".to_owned()),
            };
            let curve = CURVES.iter().find(|c| c.0 == number);
            match curve {
                Some(curve) if key.first() == Some(&4) && key.len() == 1 + 2 * curve.2 => {
                    Ok(of_point(curve, key))
                }
                _ => Err("the public key is not an uncompressed point of its curve".to_owned()),
            }
        }
        ED25519 => Ok(of_ed25519(key)),
        RSA => {
            let key = RsaKey::from_der(key).map_err(unreadable)?;
            Ok(of_rsa(key.modulus.as_bytes(), key.exponent.as_bytes()))
        }
        other => Err(format!("the public key has the unknown type {other}")),
    }
}

fn of_point(curve: &Curve, point: &[u8]) -> Vec<u8> {
    let (x, y) = point[1..].split_at(curve.2);
    let mut key = vec![0xa5, 0x01, 0x02, 0x03];
    integer(&mut key, curve.1);
    key.extend([0x20, curve.0, 0x21]);
    byte_string(&mut key, x);
    key.push(0x22);
    byte_string(&mut key, y);
    key
}

fn of_ed25519(x: &[u8]) -> Vec<u8> {
    let mut key = vec![0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21];
    byte_string(&mut key, x);
    key
}

fn of_rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let mut key = vec![0xa4, 0x01, 0x03, 0x03];
    integer(&mut key, -257);
    key.push(0x20);
    byte_string(&mut key, modulus);
    key.push(0x21);
    byte_string(&mut key, exponent);
    key
}

/// A negative integer in CBOR.
fn integer(key: &mut Vec<u8>, value: i64) {
    let value = u64::try_from(-1 - value).unwrap_or_default();
    head(key, 1, value);
}

fn byte_string(key: &mut Vec<u8>, bytes: &[u8]) {
    head(key, 2, bytes.len() as u64);
    key.extend(bytes);
}

fn head(key: &mut Vec<u8>, major: u8, value: u64) {
    let major = major << 5;
    match (u8::try_from(value), u16::try_from(value)) {
        (Ok(value @ 0..24), _) => key.push(major | value),
        (Ok(value), _) => key.extend([major | 0x18, value]),
        (_, Ok(value)) => {
            key.push(major | 0x19);
            key.extend(value.to_be_bytes());
        }
        _ => {
            key.push(major | 0x1b);
            key.extend(value.to_be_bytes());
        }
    }
}

/// The key in the JSON of webauthn-rs: the algorithm by name, and the numbers by kind. `None`: it is other JSON.
fn json_key(value: &Value) -> Option<Result<Vec<u8>, String>> {
    let name = value.get("type_")?.as_str()?;
    let key = value.get("key")?;
    Some(read_json_key(name, key))
}

fn read_json_key(name: &str, key: &Value) -> Result<Vec<u8>, String> {
    let number = |of: &Value, member: &str| {
        let value = of.get(member).unwrap_or(&Value::Null);
        bytes(value, &Seen::default())
    };
    if let Some(point) = key.get("EC_EC2") {
        let numbered = match point.get("curve").and_then(Value::as_str) {
            Some("SECP256R1") => ("ES256", 0),
            Some("SECP384R1") => ("ES384", 1),
            Some("SECP521R1") => ("ES512", 2),
            _ => return Err("the public key is on an unknown curve".to_owned()),
        };
        if numbered.0 != name {
            return Err("the curve of the public key does not belong to its algorithm".to_owned());
        }
        let curve = &CURVES[numbered.1];
        let (x, y) = (number(point, "x")?, number(point, "y")?);
        if x.len() != curve.2 || y.len() != curve.2 {
            return Err("a coordinate of the public key has a wrong length".to_owned());
        }
        return Ok(of_point(curve, &[&[4][..], &x, &y].concat()));
    }
    if let Some(point) = key.get("EC_OKP") {
        return match (name, point.get("curve").and_then(Value::as_str)) {
            ("EDDSA", Some("ED25519")) => Ok(of_ed25519(&number(point, "x")?)),
            _ => Err("the public key is on an unknown curve".to_owned()),
        };
    }
    if let Some(rsa) = key.get("RSA") {
        return match name {
            "RS256" => Ok(of_rsa(&number(rsa, "n")?, &number(rsa, "e")?)),
            _ => Err(format!(
                "the algorithm {name} of an RSA key is not supported"
            )),
        };
    }
    Err("the public key is of an unknown kind".to_owned())
}
