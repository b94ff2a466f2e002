//! How each server wants to be called.

use std::fmt::Write;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;

use crate::Failure;
use crate::http::{Connection, Response};
use crate::passkey::{ORIGIN, RP_ID, User};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What the server speaks.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    /// passkeyd, Twilio Verify Passkeys API
    Twilio,
    /// passkeyd, Nevis Authentication Cloud API
    Nevis,
    /// the peers: `/register/start`, `/register/finish`, `/login/start`, `/login/finish`
    Plain,
}

/// What a user does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ceremony {
    Registration,
    Authentication,
}

/// What the Service of passkeyd is to be like.
pub struct Wanted<'a> {
    /// Sign-ins are sealed into their challenges.
    pub sealed: bool,
    /// Its SID; without it, it is created.
    pub service: Option<&'a str>,
    /// Where a webhook sends every event.
    pub webhook: Option<&'a str>,
}

/// A server with all that its calls need.
pub struct Wire {
    dialect: Dialect,
    /// Whether a sign-in names its user. Otherwise the passkey says who it is.
    named: bool,
    heads: [String; 4],
}

impl Wire {
    /// Creates what the server needs before the first registration. passkeyd's Service is created unless one is given.
    pub fn prepare(
        dialect: Dialect,
        address: SocketAddr,
        account: &str,
        token: &str,
        named: bool,
        wanted: &Wanted<'_>,
    ) -> Result<Self, Failure> {
        let basic = format!("Basic {}", STANDARD.encode(format!("{account}:{token}")));
        // The calls in the order start, finish of a registration, then of a sign-in, and what authorizes each.
        let (back_end, page, paths) = match dialect {
            Dialect::Twilio => {
                let service = service_of(wanted, address, &basic)?;
                let paths = ["Factors", "VerifyFactor", "Challenges", "ApproveChallenge"]
                    .map(|call| format!("/v2/Services/{service}/Passkeys/{call}"));
                (Some(basic.clone()), Some(basic), paths)
            }
            Dialect::Nevis => {
                let service = service_of(wanted, address, &basic)?;
                let path = format!("/manage/v1/services/{service}/access-keys");
                let created = set_up(
                    &head(address, &path, JSON, Some(&basic)),
                    r#"{"name":"bench"}"#,
                    address,
                )?;
                let key = member(&created, "key").ok_or("the access key is missing")?;
                let paths = [
                    "/api/v1/users/enroll",
                    "/_app/attestation/result",
                    "/api/v1/approval",
                    "/_app/assertion/result",
                ];
                (
                    Some(format!("Bearer {key}")),
                    None,
                    paths.map(str::to_owned),
                )
            }
            Dialect::Plain => {
                let paths = [
                    "/register/start",
                    "/register/finish",
                    "/login/start",
                    "/login/finish",
                ];
                (None, None, paths.map(str::to_owned))
            }
        };
        let [enroll, enrolled, approve, approved] = paths;
        let heads = [
            (enroll, &back_end),
            (enrolled, &page),
            (approve, &back_end),
            (approved, &page),
        ]
        .map(|(path, authorization)| head(address, &path, JSON, authorization.as_deref()));
        Ok(Self {
            dialect,
            named,
            heads,
        })
    }

    fn request(&self, index: usize, body: &str) -> Vec<u8> {
        message(&self.heads[index], body)
    }

    /// The call that starts a ceremony.
    pub fn start(&self, ceremony: Ceremony, user: &User) -> Vec<u8> {
        let name = &user.name;
        let registration = ceremony == Ceremony::Registration;
        let body = match (self.dialect, registration, self.named) {
            (Dialect::Twilio, true, _) => {
                format!(r#"{{"identity":"{name}","friendly_name":"{name}"}}"#)
            }
            (Dialect::Twilio, false, true) => format!(r#"{{"identity":"{name}"}}"#),
            (Dialect::Nevis, true, _) => format!(
                r#"{{"username":"{name}","displayName":"{name}","channel":"fido2","fido2Options":{{"authenticatorSelection":{{"userVerification":"preferred","residentKey":"preferred"}},"attestation":"none"}}}}"#
            ),
            (Dialect::Nevis, false, true) => {
                format!(r#"{{"username":"{name}","channel":"fido2"}}"#)
            }
            (Dialect::Nevis, false, false) => r#"{"channel":"fido2"}"#.to_owned(),
            (Dialect::Plain, true, _) | (Dialect::Plain, false, true) => {
                format!(r#"{{"username":"{name}"}}"#)
            }
            (Dialect::Twilio | Dialect::Plain, false, false) => "{}".to_owned(),
        };
        self.request(if registration { 0 } else { 2 }, &body)
    }

    /// The call that finishes a ceremony, from the response to the one that started it.
    pub fn finish(
        &self,
        ceremony: Ceremony,
        user: &mut User,
        started: &Response,
    ) -> Result<Vec<u8>, Failure> {
        let text = success(started)?;
        let challenge = member(text, "challenge").ok_or("the response has no challenge")?;
        let (index, mut credential) = match ceremony {
            Ceremony::Registration => {
                let object = text
                    .split_once(r#""user":"#)
                    .ok_or("the response has no user")?
                    .1;
                member(object, "id")
                    .ok_or("the user has no id")?
                    .clone_into(&mut user.handle);
                (1, user.create(challenge))
            }
            Ceremony::Authentication => (3, user.get(challenge)?),
        };
        let body = match self.dialect {
            Dialect::Twilio => format!("{{{credential}}}"),
            Dialect::Nevis => {
                let token =
                    member(text, "statusToken").ok_or("the response has no status token")?;
                write!(credential, r#","statusToken":"{token}""#)?;
                format!("{{{credential}}}")
            }
            Dialect::Plain => {
                let id = member(text, "ceremony").ok_or("the response has no ceremony")?;
                format!(r#"{{"ceremony":"{id}","credential":{{{credential}}}}}"#)
            }
        };
        Ok(self.request(index, &body))
    }

    /// Whether the server has accepted the credential.
    pub fn accepted(&self, ceremony: Ceremony, finished: &Response) -> Result<(), Failure> {
        let text = success(finished)?;
        let accepted = match (self.dialect, ceremony) {
            (Dialect::Twilio, Ceremony::Registration) => member(text, "status") == Some("verified"),
            (Dialect::Twilio, Ceremony::Authentication) => {
                member(text, "status") == Some("approved")
            }
            (Dialect::Nevis, _) => member(text, "status") == Some("ok"),
            (Dialect::Plain, _) => text.contains(r#""verified":true"#),
        };
        if accepted {
            Ok(())
        } else {
            Err(format!("refused: {text}").into())
        }
    }
}

fn service_of(wanted: &Wanted<'_>, address: SocketAddr, basic: &str) -> Result<String, Failure> {
    let service = match wanted.service {
        Some(service) => service.to_owned(),
        None => create_service(address, basic)?,
    };
    if wanted.sealed {
        let path = format!("/manage/v1/services/{service}/policy");
        let head = head(address, &path, JSON, Some(basic)).replacen("POST", "PUT", 1);
        set_up(&head, r#"{"sealed_authentications":true}"#, address)?;
    }
    if let Some(url) = wanted.webhook {
        let path = format!("/v2/Services/{service}/Webhooks");
        let url = url.replace(':', "%3A").replace('/', "%2F");
        let body = format!("FriendlyName=Bench&EventTypes=*&WebhookUrl={url}");
        set_up(&head(address, &path, FORM, Some(basic)), &body, address)?;
    }
    Ok(service)
}

fn create_service(address: SocketAddr, basic: &str) -> Result<String, Failure> {
    let origin = ORIGIN.replace(':', "%3A").replace('/', "%2F");
    let body = format!(
        "FriendlyName=Bench&Passkeys.RelyingParty.Id={RP_ID}&Passkeys.RelyingParty.Name=Bench\
         &Passkeys.RelyingParty.Origins={origin}&Passkeys.AuthenticatorAttachment=any\
         &Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred"
    );
    let created = set_up(
        &head(address, "/v2/Services", FORM, Some(basic)),
        &body,
        address,
    )?;
    Ok(member(&created, "sid")
        .ok_or("the Service has no sid")?
        .to_owned())
}

fn set_up(head: &str, body: &str, address: SocketAddr) -> Result<String, Failure> {
    let response = Connection::open(address)?.exchange(&message(head, body))?;
    Ok(success(&response)?.to_owned())
}

/// All of a request before the length of its body.
fn head(
    address: SocketAddr,
    path: &str,
    content_type: &str,
    authorization: Option<&str>,
) -> String {
    let authorization = authorization
        .map(|value| format!("Authorization: {value}\r\n"))
        .unwrap_or_default();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {content_type}\r\n{authorization}Content-Length: "
    )
}

fn message(head: &str, body: &str) -> Vec<u8> {
    format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes()
}

fn success(response: &Response) -> Result<&str, Failure> {
    let text = std::str::from_utf8(&response.body)?;
    if (200..300).contains(&response.status) {
        Ok(text)
    } else {
        Err(format!("status {}: {text}", response.status).into())
    }
}

/// The first string member of this name. The values that are wanted have no escapes, so no JSON tree is built.
fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        let (_, after) = rest.split_once('"')?;
        let (key, after) = after.split_once('"')?;
        rest = after;
        if key != name {
            continue;
        }
        if let Some(value) = after.trim_start().strip_prefix(':')
            && let Some(value) = value.trim_start().strip_prefix('"')
        {
            return value.split_once('"').map(|(value, _)| value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::member;

    #[test]
    fn a_member_is_found_with_and_without_spaces() {
        assert_eq!(
            member(r#"{"a":"challenge","challenge" : "x"}"#, "challenge"),
            Some("x")
        );
        assert_eq!(member(r#"{"id":7,"user":{"id":"y"}}"#, "id"), Some("y"));
        assert_eq!(member(r#"{"status":"ok"}"#, "token"), None);
    }
}
