//! The four kinds of token of this wire: compact JSON Web Signatures with HMAC-SHA-512 (RFC 7515, RFC 7518 section 3.2).
//!
//! The algorithm is a constant and the header one fixed text, so nothing of a token says how it is to be verified. Each
//! Relying Party has its own MAC key for each kind, so a token of another kind or another Relying Party fails at the MAC,
//! before any claim is looked at.

use domain::model::clock::Timestamp;
use domain::service::token_keys::{MacKey, SigningKey};
use domain::webauthn::base64url;
use serde::Deserialize;

use super::claims::{Claims, Kind};
use super::signing;
use super::uuid::Uuid;

/// `{"alg":"HS512"}` as base64url: the header of every token with a MAC.
const HEADER: &str = "eyJhbGciOiJIUzUxMiJ9";
/// Characters of the encoded MAC, and of an encoded signature: both have 64 bytes.
const MARK_LENGTH: usize = 86;
/// Longest token that is looked at, in bytes. The longest that is made holds a user name of 300 characters.
const MAX_LENGTH: usize = 8 * 1024;

/// The token with these claims. The same claims give the same token.
pub fn sign(key: &MacKey, claims: &Claims) -> String {
    // Texts, numbers and ids only: writing them cannot fail.
    let payload = serde_json::to_vec(claims).unwrap_or_default();
    let mut token = String::with_capacity(HEADER.len() + payload.len() * 4 / 3 + 96);
    token.push_str(HEADER);
    token.push('.');
    token.push_str(&base64url::encode(&payload));
    let mac = key.sign(token.as_bytes());
    token.push('.');
    token.push_str(&base64url::encode(&mac));
    token
}

/// A token as it came. What it says about itself only serves to find the key that it has to prove.
#[derive(Debug)]
pub struct Presented<'t> {
    signed: &'t str,
    payload: Vec<u8>,
    mark: Vec<u8>,
    /// The Relying Party that it says it is for.
    pub aud: Uuid,
    /// The kind that it says it is of.
    pub kind: Kind,
}

/// The two claims that are read before the MAC is checked.
#[derive(Deserialize)]
struct Said<'p> {
    aud: Uuid,
    #[serde(borrow)]
    scope: std::borrow::Cow<'p, str>,
}

impl<'t> Presented<'t> {
    /// Takes a token apart; `None` when it is none of this wire's.
    pub fn parse(token: &'t str) -> Option<Self> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let (signed, mark) = token.rsplit_once('.')?;
        let (_, payload) = signed.split_once('.')?;
        if mark.len() != MARK_LENGTH {
            return None;
        }
        let mark = base64url::decode(mark).ok()?;
        let payload = base64url::decode(payload).ok()?;
        let Said { aud, scope } = serde_json::from_slice(&payload).ok()?;
        let kind = Kind::of_scope(&scope)?;
        Some(Self {
            signed,
            payload,
            mark,
            aud,
            kind,
        })
    }

    /// Whether the token carries a MAC, as all kinds do but for transaction tokens where ES256 was asked for.
    pub fn has_mac(&self) -> bool {
        self.signed
            .strip_prefix(HEADER)
            .is_some_and(|rest| rest.starts_with('.'))
    }

    /// The claims, if the header is that of a MAC, the MAC is the key's and the time is right.
    pub fn verify(&self, key: &MacKey, now: Timestamp) -> Option<Claims> {
        let genuine = self.has_mac() && key.verifies(self.signed.as_bytes(), &self.mark);
        genuine.then(|| self.claims(now)).flatten()
    }

    /// The claims, if the header is that of the key pair, the signature is the key's and the time is right.
    pub fn verify_signature(&self, key: &SigningKey, now: Timestamp) -> Option<Claims> {
        let genuine = signing::verifies(key, self.signed, &self.mark);
        genuine.then(|| self.claims(now)).flatten()
    }

    fn claims(&self, now: Timestamp) -> Option<Claims> {
        let claims: Claims = serde_json::from_slice(&self.payload).ok()?;
        claims.is_valid_at(now).then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::nevis::claims::scope;

    const NOW: Timestamp = Timestamp(1_767_323_045_000);

    fn claims() -> Claims {
        let mut claims = Claims::new(
            "https://passkeys.test",
            Uuid([1; 16]),
            Uuid([2; 16]),
            scope::AUTHENTICATION,
            NOW,
            Some(NOW.plus_millis(600_000)),
        );
        claims.sub = Some(Uuid([3; 16]));
        claims.txn = Some(Uuid([4; 16]));
        claims.username = Some("ada".to_owned());
        claims.channel = Some("fido2".to_owned());
        claims
    }

    fn key() -> MacKey {
        MacKey::new(&[7; 64])
    }

    fn accepted(token: &str) -> Option<Claims> {
        Presented::parse(token)?.verify(&key(), NOW)
    }

    fn encoded(header: &str, payload: &[u8], key: &MacKey) -> String {
        let signed = format!(
            "{}.{}",
            base64url::encode(header.as_bytes()),
            base64url::encode(payload)
        );
        let mac = key.sign(signed.as_bytes());
        format!("{signed}.{}", base64url::encode(&mac))
    }

    #[test]
    fn a_token_has_the_header_hs512_begins_with_the_issuer_and_ends_with_the_channel() {
        let token = sign(&key(), &claims());
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(base64url::decode(parts[0]).unwrap(), br#"{"alg":"HS512"}"#);
        let payload = String::from_utf8(base64url::decode(parts[1]).unwrap()).unwrap();
        assert!(
            payload.starts_with(r#"{"iss":"https://passkeys.test","#),
            "{payload}"
        );
        assert!(payload.ends_with(r#","channel":"fido2"}"#), "{payload}");
        assert_eq!(parts[2].len(), 86);
        assert_eq!(parts.len(), 3);
    }

    #[test]
    fn the_same_claims_give_the_same_token_and_come_back() {
        assert_eq!(sign(&key(), &claims()), sign(&key(), &claims()));
        assert_eq!(accepted(&sign(&key(), &claims())), Some(claims()));
    }

    #[test]
    fn a_token_is_valid_from_its_making_until_before_its_end() {
        let token = sign(&key(), &claims());
        let at = |moment| {
            Presented::parse(&token)
                .unwrap()
                .verify(&key(), moment)
                .is_some()
        };
        assert!(at(NOW));
        assert!(at(NOW.plus_millis(599_999)));
        assert!(!at(NOW.plus_millis(600_000)));
        // A node whose clock is a minute behind accepts what another has just made.
        assert!(at(NOW.plus_millis(-60_000)));
        assert!(!at(NOW.plus_millis(-61_000)));
    }

    #[test]
    fn a_token_of_another_key_is_refused() {
        let token = sign(&MacKey::new(&[8; 64]), &claims());
        assert_eq!(accepted(&token), None);
    }

    #[test]
    fn any_changed_character_refuses() {
        let token = sign(&key(), &claims());
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).unwrap();
            assert_eq!(accepted(&forged), None, "at {at}");
        }
    }

    #[test]
    fn the_algorithm_is_never_read_from_the_token() {
        let payload = serde_json::to_vec(&claims()).unwrap();
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"NONE"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"HS384"}"#,
            r#"{"alg":"hs512"}"#,
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"ES256"}"#,
            r#"{"alg":"ES512"}"#,
            r#"{"alg":"PS512"}"#,
            r#"{"alg":["HS512"]}"#,
            r#"{"alg":null}"#,
            r#"{"alg":""}"#,
            "{}",
            "",
            "[]",
            r#"{"alg":"HS512","typ":"JWT"}"#,
            r#"{"typ":"JWT","alg":"HS512"}"#,
            r#"{"alg":"HS512","kid":"../../dev/null"}"#,
            r#"{"alg":"HS512","jwk":{"kty":"oct","k":"AA"}}"#,
            r#"{"alg":"HS512","jku":"https://evil.test/keys"}"#,
            r#"{"alg":"HS512","x5u":"https://evil.test/cert"}"#,
            r#"{"alg":"HS512","x5c":[]}"#,
            r#"{"alg":"HS512","crit":["b64"],"b64":false}"#,
            r#"{"alg":"HS512","b64":false}"#,
            r#"{"alg":"HS512","zip":"DEF"}"#,
            r#"{"alg":"HS512","alg":"none"}"#,
            r#"{"alg":"none","alg":"HS512"}"#,
            r#"{ "alg":"HS512"}"#,
            r#"{"alg": "HS512"}"#,
            "{\"alg\":\"HS512\"}\n",
            r#"{"\u0061lg":"HS512"}"#,
        ] {
            // Even with the right MAC over it.
            assert_eq!(
                accepted(&encoded(header, &payload, &key())),
                None,
                "{header}"
            );
        }
    }

    #[test]
    fn a_text_that_is_not_three_parts_with_a_whole_mac_is_no_token() {
        let token = sign(&key(), &claims());
        let (signed, mac) = token.rsplit_once('.').unwrap();
        let without_header = &token[HEADER.len()..];
        for forged in [
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            "...".to_owned(),
            signed.to_owned(),
            format!("{signed}."),
            format!("{signed}.{}", &mac[..85]),
            format!("{signed}.{}", &mac[..43]),
            format!("{signed}.{mac}A"),
            format!("{signed}.{mac}=="),
            format!("{signed}.{mac}."),
            format!("{signed}..{mac}"),
            format!(" {token}"),
            format!("{token} "),
            format!("{token}\n"),
            without_header.to_owned(),
            token.replace('.', ""),
            token.replace('.', ":"),
            token.to_uppercase(),
            format!("{token}{}", "A".repeat(MAX_LENGTH)),
        ] {
            assert_eq!(accepted(&forged), None, "{forged}");
        }
    }

    #[test]
    fn the_last_character_of_the_mac_has_one_form() {
        let token = sign(&key(), &claims());
        let (rest, last) = token.split_at(token.len() - 1);
        let mut forms = 0;
        for character in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
            let form = format!("{rest}{}", char::from(*character));
            forms += u32::from(accepted(&form).is_some());
        }
        assert_eq!(forms, 1, "{last}");
    }

    #[test]
    fn claims_that_are_not_as_this_wire_makes_them_are_refused_even_with_a_right_mac() {
        let good = serde_json::to_value(claims()).unwrap();
        let with = |name: &str, value: serde_json::Value| {
            let mut changed = good.clone();
            changed[name] = value;
            let payload = serde_json::to_vec(&changed).unwrap();
            accepted(&encoded(r#"{"alg":"HS512"}"#, &payload, &key()))
        };
        assert!(with("iat", good["iat"].clone()).is_some());
        for (name, value) in [
            ("exp", serde_json::Value::Null),
            ("exp", serde_json::json!(-1)),
            ("exp", serde_json::json!("1767324000")),
            ("exp", serde_json::json!(1.8e9)),
            ("exp", serde_json::json!(9_223_372_036_854_775_808_u64)),
            ("nbf", serde_json::json!(9_223_372_036_854_775_807_i64)),
            ("nbf", serde_json::Value::Null),
            ("aud", serde_json::json!([good["aud"].clone()])),
            ("aud", serde_json::json!("inst-demo")),
            ("scope", serde_json::json!("admin")),
            ("scope", serde_json::json!("api status")),
            ("admin", serde_json::json!(true)),
        ] {
            assert_eq!(with(name, value.clone()), None, "{name}: {value}");
        }
        let mut endless = claims();
        endless.exp = None;
        assert_eq!(accepted(&sign(&key(), &endless)), None);
        for payload in [
            &b"{}"[..],
            b"[]",
            b"null",
            b"",
            b"\xff",
            b"{\"aud\":",
            br#"{"scope":"api"}"#,
        ] {
            assert_eq!(
                accepted(&encoded(r#"{"alg":"HS512"}"#, payload, &key())),
                None
            );
        }
        let nested = "[".repeat(5000);
        assert_eq!(
            accepted(&encoded(r#"{"alg":"HS512"}"#, nested.as_bytes(), &key())),
            None
        );
    }
}
