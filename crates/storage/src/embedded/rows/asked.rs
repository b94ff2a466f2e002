//! What an authentication asked for, as bytes. A kept sign-in is mostly this, and as JSON it was four times as long.
//!
//! Formats before 18 wrote JSON text. A row has one or the other.

use std::borrow::Cow;

use domain::model::ceremony::AuthenticationAsked;
use domain::store::Fault;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::{Deserialize, Serialize};
use webauthn::authentication::ExpectedUser;
use webauthn::credential::{CredentialId, UserHandle};

use super::bytes::Bytes;
use crate::embedded::sql::{Failure, Outcome};

/// What cannot be read where it is damaged.
pub(super) const WHAT: &str = "what a ceremony asked for";

/// The first byte of the bytes. Others are of a later passkeyd.
const VERSION: u8 = 1;

/// The bytes have no names, so this stays as it is: a change needs another [`VERSION`].
#[derive(Serialize, Deserialize)]
struct Content<'a> {
    version: u8,
    #[serde(borrow)]
    challenge: Challenge<'a>,
    /// `None`: the credential names the user.
    #[serde(borrow)]
    handle: Option<Bytes<'a>>,
    user_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    allowed: Vec<(Bytes<'a>, Cow<'a, [String]>)>,
    appid: Option<Cow<'a, str>>,
    /// JSON.
    extensions: Option<String>,
}

/// passkeyd draws challenges as lower-case hexadecimal text, of which half the bytes are enough.
#[derive(Serialize, Deserialize)]
enum Challenge<'a> {
    #[serde(borrow)]
    Hexadecimal(Bytes<'a>),
    #[serde(borrow)]
    Other(Bytes<'a>),
}

impl<'a> Challenge<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let lower = bytes.iter().all(|b| !b.is_ascii_uppercase());
        match hex::decode(bytes).ok().filter(|_| lower) {
            Some(half) => Self::Hexadecimal(Bytes::owned(half)),
            None => Self::Other(Bytes::of(bytes)),
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Hexadecimal(half) => hex::encode(half.into_vec()).into_bytes(),
            Self::Other(bytes) => bytes.into_vec(),
        }
    }
}

pub(super) fn to_bytes(asked: &AuthenticationAsked) -> Result<Vec<u8>, Fault> {
    let listed = asked.allow_credentials.iter().zip(&asked.transports);
    let content = Content {
        version: VERSION,
        challenge: Challenge::of(&asked.challenge),
        handle: match &asked.user {
            ExpectedUser::Known(handle) => Some(Bytes::of(handle.as_bytes())),
            ExpectedUser::NamedByCredential => None,
        },
        user_name: asked.user_name.as_deref().map(Into::into),
        allowed: listed
            .map(|(id, transports)| (Bytes::of(id.as_bytes()), transports.into()))
            .collect(),
        appid: asked.appid.as_deref().map(Into::into),
        extensions: asked.extensions.as_ref().map(ToString::to_string),
    };
    postcard::to_allocvec(&content)
        .map_err(|_| Fault::Fatal("a ceremony has no form as bytes".to_owned()))
}

/// Reads either form.
pub(super) fn read(row: &Row<'_>, column: usize) -> Outcome<AuthenticationAsked> {
    let unreadable = || Failure::unreadable(WHAT);
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => from_bytes(bytes).ok_or_else(unreadable),
        ValueRef::Text(json) => serde_json::from_slice(json).map_err(|_| unreadable()),
        _ => Err(unreadable()),
    }
}

fn from_bytes(bytes: &[u8]) -> Option<AuthenticationAsked> {
    let content: Content<'_> = postcard::from_bytes(bytes).ok()?;
    if content.version != VERSION {
        return None;
    }
    let mut asked = AuthenticationAsked {
        challenge: content.challenge.into_bytes(),
        user: match content.handle {
            Some(handle) => ExpectedUser::Known(UserHandle::new(handle.into_vec()).ok()?),
            None => ExpectedUser::NamedByCredential,
        },
        user_name: content.user_name.map(Cow::into_owned),
        allow_credentials: Vec::with_capacity(content.allowed.len()),
        transports: Vec::with_capacity(content.allowed.len()),
        appid: content.appid.map(Cow::into_owned),
        extensions: match content.extensions {
            Some(text) => Some(serde_json::from_str(&text).ok()?),
            None => None,
        },
    };
    for (id, transports) in content.allowed {
        let id = CredentialId::new(id.into_vec()).ok()?;
        asked.allow_credentials.push(id);
        asked.transports.push(transports.into_owned());
    }
    Some(asked)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked() -> AuthenticationAsked {
        AuthenticationAsked {
            challenge: b"0193c0ffee".to_vec(),
            user: ExpectedUser::Known(UserHandle::new(vec![7; 16]).unwrap()),
            user_name: Some("ann".to_owned()),
            allow_credentials: vec![
                CredentialId::new(vec![1; 32]).unwrap(),
                CredentialId::new(vec![2; 5]).unwrap(),
            ],
            transports: vec![vec!["internal".to_owned(), "hybrid".to_owned()], Vec::new()],
            appid: Some("https://example.org".to_owned()),
            extensions: Some(json!({"prf": {"eval": {"first": "AAAA"}}})),
        }
    }

    #[test]
    fn what_was_asked_comes_back() {
        let nothing = AuthenticationAsked {
            user: ExpectedUser::NamedByCredential,
            user_name: None,
            allow_credentials: Vec::new(),
            transports: Vec::new(),
            appid: None,
            extensions: None,
            ..asked()
        };
        let foreign = ["0193C0FFEE", "0193c0ffe", "challenge", "", "\u{e9}"]
            .map(|text| text.as_bytes().to_vec())
            .map(|challenge| AuthenticationAsked {
                challenge,
                ..asked()
            });
        for asked in foreign.into_iter().chain([asked(), nothing]) {
            let bytes = to_bytes(&asked).unwrap();
            assert_eq!(from_bytes(&bytes), Some(asked));
        }
    }

    #[test]
    fn the_bytes_of_version_1_stay_as_they_are() {
        let written = "010005\
             0193c0ffee0110070707070707070707070707070707070103616e6e02\
             2001010101010101010101010101010101010101010101010101010101010101010208696e7465726e616c06687962726964\
             050202020202000113\
             68747470733a2f2f6578616d706c652e6f7267\
             01217b22707266223a7b226576616c223a7b226669727374223a2241414141227d7d7d";
        let bytes = hex::decode(written).unwrap();
        assert_eq!(from_bytes(&bytes), Some(asked()));
        assert_eq!(hex::encode(to_bytes(&asked()).unwrap()), written);
    }

    #[test]
    fn other_bytes_are_refused() {
        let bytes = to_bytes(&asked()).unwrap();
        assert_eq!(from_bytes(&bytes[..bytes.len() - 1]), None);
        assert_eq!(from_bytes(&[&[2], &bytes[1..]].concat()), None);
        assert_eq!(from_bytes(&[]), None);
    }
}
