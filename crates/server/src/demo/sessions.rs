//! The sessions of the demo: in memory, limited in number, identified by a random cookie.

use std::collections::{HashMap, VecDeque};

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use domain::model::account::Secret;
use domain::model::clock::SystemRandomness;
use parking_lot::Mutex;

/// Most sessions and most users. The oldest are removed.
const MOST: usize = 1000;
/// Name of the cookie.
const COOKIE_NAME: &str = "passkeyd-demo";

/// The users of the application, and who is signed in.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    /// Identity by session.
    sessions: Bounded,
    /// Name by identity.
    names: Bounded,
    /// Identities that have a passkey.
    holders: Bounded,
}

/// A map that removes its oldest entry when it is full.
#[derive(Debug, Default)]
pub(super) struct Bounded {
    entries: HashMap<String, String>,
    order: VecDeque<String>,
}

impl Bounded {
    pub(super) fn get(&self, key: &str) -> Option<String> {
        self.entries.get(key).cloned()
    }

    pub(super) fn insert(&mut self, key: String, value: String) {
        if self.entries.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        while self.entries.len() > MOST {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            self.entries.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &str) {
        if self.entries.remove(key).is_some() {
            self.order.retain(|other| other != key);
        }
    }
}

impl Sessions {
    /// The identity that is signed in, by the request's cookie.
    pub(super) fn identity(&self, headers: &HeaderMap) -> Option<String> {
        let id = cookie(headers)?;
        self.0.lock().sessions.entries.get(id).cloned()
    }

    /// Signs in, and returns the new cookie. The browser's old session ends: a
    /// session id from before a sign-in never gains rights.
    pub(super) fn sign_in(&self, headers: &HeaderMap, identity: &str) -> HeaderValue {
        let id = Secret::random(&SystemRandomness);
        let mut tables = self.0.lock();
        if let Some(old) = cookie(headers) {
            tables.sessions.remove(old);
        }
        tables
            .sessions
            .insert(id.reveal().to_owned(), identity.to_owned());
        HeaderValue::from_str(&format!(
            "{COOKIE_NAME}={}; Path=/; HttpOnly; SameSite=Strict",
            id.reveal()
        ))
        .unwrap_or_else(|_| gone())
    }

    /// Signs out, and returns the cookie that removes the session.
    pub(super) fn sign_out(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(id) = cookie(headers) {
            self.0.lock().sessions.remove(id);
        }
        gone()
    }

    /// Whether this identity has a passkey.
    pub(super) fn has_passkey(&self, identity: &str) -> bool {
        self.0.lock().holders.entries.contains_key(identity)
    }

    /// The name of an identity.
    pub(super) fn name(&self, identity: &str) -> Option<String> {
        self.0.lock().names.entries.get(identity).cloned()
    }

    /// Records the name of an identity.
    pub(super) fn named(&self, identity: &str, name: &str) {
        let names = &mut self.0.lock().names;
        names.insert(identity.to_owned(), name.to_owned());
    }

    /// Records that an identity has a passkey.
    pub(super) fn registered(&self, identity: &str) {
        let holders = &mut self.0.lock().holders;
        holders.insert(identity.to_owned(), String::new());
    }

    /// Records that the last passkey of an identity was deleted, so that its name is free again.
    pub(super) fn without_passkeys(&self, identity: &str) {
        self.0.lock().holders.remove(identity);
    }
}

fn gone() -> HeaderValue {
    HeaderValue::from_static("passkeyd-demo=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_cookie(set_cookie: &HeaderValue) -> HeaderMap {
        let pair = set_cookie.to_str().unwrap().split(';').next().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(
            COOKIE,
            HeaderValue::from_str(&format!("other=1; {pair}")).unwrap(),
        );
        headers
    }

    #[test]
    fn a_session_ends_with_the_next_sign_in_and_with_the_sign_out() {
        let sessions = Sessions::default();
        let first = with_cookie(&sessions.sign_in(&HeaderMap::new(), "a"));
        assert_eq!(sessions.identity(&first).as_deref(), Some("a"));
        let second = with_cookie(&sessions.sign_in(&first, "b"));
        assert_eq!(sessions.identity(&first), None);
        assert_eq!(sessions.identity(&second).as_deref(), Some("b"));
        sessions.sign_out(&second);
        assert_eq!(sessions.identity(&second), None);
    }

    #[test]
    fn the_oldest_session_makes_room() {
        let sessions = Sessions::default();
        let first = with_cookie(&sessions.sign_in(&HeaderMap::new(), "first"));
        for _ in 0..MOST {
            sessions.sign_in(&HeaderMap::new(), "later");
        }
        assert_eq!(sessions.identity(&first), None);
        assert_eq!(sessions.0.lock().sessions.entries.len(), MOST);
        assert_eq!(sessions.0.lock().sessions.order.len(), MOST);
    }
}
