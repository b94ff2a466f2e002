//! The APIs of passkeyd, one for each tab: the same functions by the calls of each.

use axum::http::{HeaderValue, Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::http::Entrance;
use crate::page_backend::{Payload, exchange};

/// How many passkeys are shown.
const PAGE_SIZE: u32 = 50;

/// An API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// The Twilio Verify Passkeys API.
    Twilio,
    /// The Authentication Cloud API.
    Nevis,
    /// The REST binding of the FIDO Alliance. It has no calls for lists: those are of the Authentication Cloud API.
    Fido,
}

/// What the calls need.
pub(super) struct Calls {
    pub(super) api: Entrance,
    /// The account's token.
    pub(super) basic: HeaderValue,
    /// The access key of the Service.
    pub(super) bearer: HeaderValue,
    /// The SID of the Service.
    pub(super) service: String,
}

/// The exchanges that led to an answer, oldest first.
#[derive(Default)]
pub(super) struct Log {
    /// As the page shows them.
    pub(super) exchanges: Vec<Value>,
    /// Which of them took the credential.
    pub(super) finishing: Option<usize>,
}

/// Why the back end does not go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// passkeyd refused: its status and envelope.
    Refused(StatusCode, Value),
    /// The back end itself refuses.
    Own(StatusCode, &'static str),
}

impl From<(StatusCode, &'static str)> for Stop {
    fn from((status, message): (StatusCode, &'static str)) -> Self {
        Self::Own(status, message)
    }
}

/// A ceremony that ended well.
#[derive(Debug)]
pub(super) struct Finished {
    /// Whose it was, by what passkeyd says.
    pub(super) identity: String,
    /// The passkey.
    pub(super) sid: Option<String>,
    /// All passkeys of this user.
    pub(super) passkeys: Vec<Value>,
}

const NOBODY: Stop = Stop::Own(
    StatusCode::BAD_GATEWAY,
    "passkeyd did not say who signed in.",
);

impl Calls {
    /// Sends one request to passkeyd and notes it with its answer.
    pub(super) async fn send(
        &self,
        authorization: Option<&HeaderValue>,
        method: Method,
        path: &str,
        payload: Option<Payload>,
        log: &mut Log,
    ) -> (StatusCode, Value) {
        let done = exchange(&self.api, authorization, method, path, payload).await;
        log.exchanges.push(done.record);
        (done.status, done.body)
    }

    /// A call of the Twilio wire below the Service.
    async fn twilio(
        &self,
        method: Method,
        below_service: &str,
        payload: Option<Payload>,
        log: &mut Log,
    ) -> Result<Value, Stop> {
        let path = format!("/v2/Services/{}{below_service}", self.service);
        let sent = self.send(Some(&self.basic), method, &path, payload, log);
        let (status, answer) = sent.await;
        if status.is_success() {
            Ok(answer)
        } else {
            Err(Stop::Refused(status, answer))
        }
    }

    /// A call of one of the other wires with the access key, or as the page.
    async fn call(
        &self,
        by_page: bool,
        method: Method,
        path: &str,
        payload: Option<Payload>,
        log: &mut Log,
    ) -> Result<Value, Stop> {
        let authorization = (!by_page).then_some(&self.bearer);
        let (status, answer) = self.send(authorization, method, path, payload, log).await;
        if status.is_success() && answer["status"] != "failed" {
            Ok(answer)
        } else {
            Err(Stop::Refused(status, envelope(status, &answer)))
        }
    }
}

/// A refusal of another API in the members that the page reads.
fn envelope(status: StatusCode, answer: &Value) -> Value {
    let message = [&answer["message"], &answer["errorMessage"]];
    let message = message.into_iter().find_map(Value::as_str);
    let reason = answer["reason"].as_str();
    json!({
        "status": status.as_u16(),
        "message": message.unwrap_or("passkeyd refused it."),
        "details": { "reason": reason },
        "more_info": reason.map(|reason| format!("/docs/reasons/{reason}")),
    })
}

/// The credential with more members.
fn with(credential: &Value, member: &str, value: &str) -> Payload {
    let mut whole = credential.clone();
    if let Some(members) = whole.as_object_mut()
        && !value.is_empty()
    {
        members.insert(member.to_owned(), value.into());
    }
    Payload::Json(whole)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A passkey of the Twilio wire, as the page shows it.
fn of_factor(factor: &Value) -> Value {
    let metadata = &factor["metadata"];
    json!({
        "sid": factor["sid"],
        "name": factor["friendly_name"],
        "aaguid": metadata["aaguid"],
        "created": factor["date_created"],
        "used": metadata["date_last_approved"],
        "eligible": metadata["backup_eligible"] == "true",
        "synced": metadata["backup_state"] == "true",
    })
}

/// A passkey of the Authentication Cloud API.
fn of_authenticator(authenticator: &Value) -> Value {
    let fido2 = &authenticator["fido2"];
    let id = authenticator["authenticatorId"]
        .as_str()
        .unwrap_or_default();
    json!({
        "sid": format!("YF{}", id.replace('-', "")),
        "name": authenticator["name"],
        "aaguid": fido2["aaguid"],
        "created": authenticator["enrolledAt"],
        "used": fido2["lastUsedAt"],
        "eligible": fido2["backupEligible"],
        "synced": fido2["backupState"],
        "credential": fido2["credentialId"],
    })
}

/// The id of the Authentication Cloud API: the same 32 digits with hyphens.
fn uuid(sid: &str) -> String {
    let digits = sid.strip_prefix("YF").unwrap_or(sid);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    let parts: Vec<_> = parts.into_iter().filter_map(|it| digits.get(it)).collect();
    parts.join("-").to_lowercase()
}

impl Wire {
    pub(super) const ALL: [Self; 3] = [Self::Twilio, Self::Nevis, Self::Fido];

    /// Its name in paths.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Nevis => "nevis",
            Self::Fido => "fido",
        }
    }

    /// Begins a registration: what the page gets.
    pub(super) async fn start_registration(
        self,
        calls: &Calls,
        identity: &str,
        name: &str,
        log: &mut Log,
    ) -> Result<Value, Stop> {
        let post = Method::POST;
        match self {
            Self::Twilio => {
                let body = Payload::Json(json!({ "friendly_name": name, "identity": identity }));
                let factor = calls
                    .twilio(post, "/Passkeys/Factors", Some(body), log)
                    .await?;
                Ok(json!({ "options": factor["options"] }))
            }
            Self::Nevis => {
                let body = Payload::Json(json!({
                    "username": identity,
                    "displayName": name,
                    "channel": "fido2",
                    "fido2Options": {"authenticatorSelection": {"residentKey": "required"}},
                }));
                let path = "/api/v1/users/enroll";
                let answer = calls.call(false, post, path, Some(body), log).await?;
                let enrollment = &answer["enrollment"];
                Ok(json!({
                    "options": { "publicKey": enrollment["credentialCreationOptions"] },
                    "ceremony": enrollment["statusToken"],
                }))
            }
            Self::Fido => {
                let body = Payload::Json(json!({
                    "username": identity,
                    "displayName": name,
                    "attestation": "none",
                    "authenticatorSelection": {"residentKey": "required"},
                }));
                let path = "/attestation/options";
                let answer = calls.call(false, post, path, Some(body), log).await?;
                Ok(json!({ "options": { "publicKey": answer } }))
            }
        }
    }

    /// Begins a sign-in, of any user if `identity` is absent, which the FIDO binding cannot do: what the page gets.
    pub(super) async fn start_sign_in(
        self,
        calls: &Calls,
        identity: Option<&str>,
        log: &mut Log,
    ) -> Result<Value, Stop> {
        let post = Method::POST;
        let mut body = json!({});
        if let Some(identity) = identity {
            let member = if self == Self::Twilio {
                "identity"
            } else {
                "username"
            };
            body[member] = identity.into();
        }
        match self {
            Self::Twilio => {
                let path = "/Passkeys/Challenges";
                let challenge = calls
                    .twilio(post, path, Some(Payload::Json(body)), log)
                    .await?;
                Ok(json!({ "options": challenge["options"] }))
            }
            Self::Nevis => {
                body["channel"] = "fido2".into();
                let body = Some(Payload::Json(body));
                let answer = calls
                    .call(false, post, "/api/v1/approval", body, log)
                    .await?;
                Ok(json!({
                    "options": { "publicKey": answer["credentialRequestOptions"] },
                    "ceremony": answer["statusToken"],
                }))
            }
            Self::Fido => {
                if identity.is_none() {
                    return Err(Stop::Own(
                        StatusCode::BAD_REQUEST,
                        "The FIDO binding begins a sign-in for a named user only.",
                    ));
                }
                let body = Some(Payload::Json(body));
                let path = "/assertion/options";
                let answer = calls.call(false, post, path, body, log).await?;
                Ok(json!({ "options": { "publicKey": answer } }))
            }
        }
    }

    /// Ends a registration.
    pub(super) async fn finish_registration(
        self,
        calls: &Calls,
        credential: &Value,
        ceremony: &str,
        log: &mut Log,
    ) -> Result<Finished, Stop> {
        log.finishing = Some(log.exchanges.len());
        match self {
            Self::Twilio => {
                let body = Payload::Json(credential.clone());
                let factor = calls
                    .twilio(Method::POST, "/Passkeys/VerifyFactor", Some(body), log)
                    .await?;
                Ok(Finished {
                    identity: text(&factor["identity"]).ok_or(NOBODY)?,
                    sid: text(&factor["sid"]),
                    passkeys: vec![of_factor(&factor)],
                })
            }
            Self::Nevis => {
                let path = "/_app/attestation/result";
                self.result_of_nevis(calls, path, credential, ceremony, log)
                    .await
            }
            Self::Fido => {
                let path = "/attestation/result";
                self.result_of_fido(calls, path, credential, log).await
            }
        }
    }

    /// Ends a sign-in. Only passkeyd's answer says who signed in: not the name in the page, not the credential as sent.
    pub(super) async fn finish_sign_in(
        self,
        calls: &Calls,
        credential: &Value,
        ceremony: &str,
        log: &mut Log,
    ) -> Result<Finished, Stop> {
        log.finishing = Some(log.exchanges.len());
        match self {
            Self::Twilio => {
                let body = Payload::Json(credential.clone());
                let challenge = calls
                    .twilio(Method::POST, "/Passkeys/ApproveChallenge", Some(body), log)
                    .await?;
                let identity = text(&challenge["identity"])
                    .filter(|_| challenge["status"] == "approved")
                    .ok_or(NOBODY)?;
                Ok(Finished {
                    sid: text(&challenge["factor_sid"]),
                    passkeys: self.passkeys(calls, &identity, log).await?,
                    identity,
                })
            }
            Self::Nevis => {
                let path = "/_app/assertion/result";
                self.result_of_nevis(calls, path, credential, ceremony, log)
                    .await
            }
            Self::Fido => {
                let path = "/assertion/result";
                self.result_of_fido(calls, path, credential, log).await
            }
        }
    }

    async fn result_of_nevis(
        self,
        calls: &Calls,
        path: &str,
        credential: &Value,
        status_token: &str,
        log: &mut Log,
    ) -> Result<Finished, Stop> {
        let post = Method::POST;
        let body = Some(with(credential, "statusToken", status_token));
        let result = match calls.call(true, post.clone(), path, body, log).await {
            Ok(result) => result,
            Err(refusal) => {
                // The page does not learn which check failed; the back end does, with its access key.
                let asked = Payload::Json(json!({ "statusToken": status_token }));
                let asked = calls.send(
                    Some(&calls.bearer),
                    post,
                    "/api/v1/status",
                    Some(asked),
                    log,
                );
                let (_, answer) = asked.await;
                let Stop::Refused(status, mut envelope) = refusal else {
                    return Err(refusal);
                };
                if let Some(reason) = answer["reason"].as_str() {
                    envelope["details"]["reason"] = reason.into();
                    envelope["more_info"] = format!("/docs/reasons/{reason}").into();
                }
                return Err(Stop::Refused(status, envelope));
            }
        };
        let token = result["token"].as_str().unwrap_or_default();
        let form = format!("token={}", utf8_percent_encode(token, NON_ALPHANUMERIC));
        let path = "/api/v1/introspect";
        let claims = calls
            .call(false, post, path, Some(Payload::Form(form)), log)
            .await?;
        let identity = text(&claims["username"])
            .filter(|_| claims["active"] == true)
            .ok_or(NOBODY)?;
        let sid = claims["authenticatorId"]
            .as_str()
            .map(|id| format!("YF{}", id.replace('-', "")));
        Ok(Finished {
            passkeys: self.passkeys(calls, &identity, log).await?,
            identity,
            sid,
        })
    }

    async fn result_of_fido(
        self,
        calls: &Calls,
        path: &str,
        credential: &Value,
        log: &mut Log,
    ) -> Result<Finished, Stop> {
        let body = Some(Payload::Json(credential.clone()));
        let result = calls.call(true, Method::POST, path, body, log).await?;
        let identity = text(&result["username"]).ok_or(NOBODY)?;
        let passkeys = self.passkeys(calls, &identity, log).await?;
        let used = passkeys
            .iter()
            .find(|passkey| passkey["credential"] == credential["id"]);
        Ok(Finished {
            sid: used.and_then(|passkey| text(&passkey["sid"])),
            passkeys,
            identity,
        })
    }

    /// The passkeys of a user, as the page shows them.
    pub(super) async fn passkeys(
        self,
        calls: &Calls,
        identity: &str,
        log: &mut Log,
    ) -> Result<Vec<Value>, Stop> {
        let get = Method::GET;
        if self == Self::Twilio {
            let path = format!("/Entities/{identity}/Factors?PageSize={PAGE_SIZE}");
            let list = calls.twilio(get, &path, None, log).await?;
            // A registration that was begun and not finished is no passkey.
            let factors = list["factors"].as_array().into_iter().flatten();
            let verified = factors.filter(|factor| factor["status"] == "verified");
            return Ok(verified.map(of_factor).collect());
        }
        let path = format!("/api/v1/users?username={identity}");
        let user = calls.call(false, get, &path, None, log).await?;
        let list = user["authenticators"].as_array().into_iter().flatten();
        Ok(list.map(of_authenticator).collect())
    }

    /// Renames a passkey of this user: all of them.
    pub(super) async fn rename(
        self,
        calls: &Calls,
        identity: &str,
        sid: &str,
        name: &str,
        log: &mut Log,
    ) -> Result<Vec<Value>, Stop> {
        if self == Self::Twilio {
            let path = format!("/Entities/{identity}/Factors/{sid}");
            let form = format!(
                "FriendlyName={}",
                utf8_percent_encode(name, NON_ALPHANUMERIC)
            );
            let form = Some(Payload::Form(form));
            calls.twilio(Method::POST, &path, form, log).await?;
        } else {
            let path = self.own(calls, identity, sid, log).await?;
            let body = Some(Payload::Json(json!({ "name": name })));
            calls.call(false, Method::PATCH, &path, body, log).await?;
        }
        self.passkeys(calls, identity, log).await
    }

    /// Deletes a passkey of this user: those that are left.
    pub(super) async fn delete(
        self,
        calls: &Calls,
        identity: &str,
        sid: &str,
        log: &mut Log,
    ) -> Result<Vec<Value>, Stop> {
        if self == Self::Twilio {
            let path = format!("/Entities/{identity}/Factors/{sid}");
            calls.twilio(Method::DELETE, &path, None, log).await?;
        } else {
            let path = self.own(calls, identity, sid, log).await?;
            calls.call(false, Method::DELETE, &path, None, log).await?;
        }
        self.passkeys(calls, identity, log).await
    }

    /// The path of an authenticator that is this user's: the call itself takes any of the Service.
    async fn own(
        self,
        calls: &Calls,
        identity: &str,
        sid: &str,
        log: &mut Log,
    ) -> Result<String, Stop> {
        let passkeys = self.passkeys(calls, identity, log).await?;
        if passkeys.iter().any(|passkey| passkey["sid"] == sid) {
            Ok(format!("/api/v1/authenticators/{}", uuid(sid)))
        } else {
            Err(Stop::Own(
                StatusCode::NOT_FOUND,
                "There is no such passkey.",
            ))
        }
    }
}
