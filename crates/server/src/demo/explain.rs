//! The explorer of the demo: a finished ceremony, step by step, beside its exchange. It repeats what the verifier does and
//! decides nothing.

use domain::webauthn::UnixSeconds;
use domain::webauthn::base64url;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::sessions::Bounded;
use super::wire::Log;
use crate::verify::Explained;

/// What the options of the ceremony had.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Issued {
    /// The challenge, base64url.
    #[serde(default)]
    challenge: String,
    /// Whether they required user verification.
    #[serde(default)]
    required: bool,
}

/// Explains ceremonies; it keeps the public keys of the credentials that it has seen.
pub(super) struct Explainer {
    origin: String,
    /// Public key by credential id.
    keys: Mutex<Bounded>,
}

impl Explainer {
    pub(super) fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            keys: Mutex::default(),
        }
    }

    /// Adds the explanation of a registration to its exchange. The key is kept if passkeyd `accepted` the credential.
    pub(super) fn registration(
        &self,
        credential: &Value,
        issued: &Issued,
        accepted: bool,
        log: &mut Log,
    ) {
        let explained = explained(&self.case("registration", credential, issued));
        if let (
            true,
            Some(id),
            Ok(Explained {
                public_key: Some(key),
                ..
            }),
        ) = (accepted, credential["id"].as_str(), &explained)
        {
            let key = base64url::encode(key);
            self.keys.lock().insert(id.to_owned(), key);
        }
        attach(explained, log);
    }

    /// Adds the explanation of a sign-in to its exchange.
    pub(super) fn sign_in(&self, credential: &Value, issued: &Issued, log: &mut Log) {
        let id = credential["id"].as_str().unwrap_or_default();
        let mut case = self.case("authentication", credential, issued);
        // Without the key of the credential there is nothing to judge.
        let Some(key) = self.keys.lock().get(id) else {
            return;
        };
        case["credential_public_key"] = key.into();
        attach(explained(&case), log);
    }

    fn case(&self, kind: &str, credential: &Value, issued: &Issued) -> Value {
        json!({
            "kind": kind,
            "rp_id": "localhost",
            "origins": [self.origin],
            "challenge": issued.challenge,
            "user_verification_required": issued.required,
            "credential": credential,
        })
    }
}

fn explained(case: &Value) -> Result<Explained, String> {
    // The time counts for certificates with trust anchors only, which the demo has not.
    Explained::of(&case.to_string(), UnixSeconds(0))
}

fn attach(explained: Result<Explained, String>, log: &mut Log) {
    let Ok(explained) = explained else { return };
    let Some(exchange) = log.finishing.and_then(|index| log.exchanges.get_mut(index)) else {
        return;
    };
    let steps = explained.steps.iter().map(|step| {
        json!({
            "result": step.result.as_str(),
            "section": step.section,
            "check": step.check,
            "detail": step.detail,
        })
    });
    let parts = explained
        .parts
        .iter()
        .map(|part| json!({ "title": part.title, "rows": part.rows, "text": part.text }));
    exchange["explained"] = json!({
        "kind": explained.kind,
        "refused": explained.refused.as_ref().map(|(reason, section, message)| json!({
            "reason": reason.name(), "section": section, "message": message,
        })),
        "steps": steps.collect::<Vec<_>>(),
        "parts": parts.collect::<Vec<_>>(),
    });
}
