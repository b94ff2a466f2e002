//! Mutated requests to a running server, on every route of every API: no panic, no 5xx, and no response is accepted that a second
//! verifier refuses. The seed and the number of the request are in the message of a failure.
//!
//! `MUTATED_REQUESTS` says how many there are, `MUTATED_SEED` which.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::{Value, json};
use server::api::{fido, nevis, twilio};
use testkit::{Algorithm, Authenticator, Format, Lies, Mutator, Profile, from_base64url};

use crate::support::*;

const ORIGIN: &str = "https://acme.test";
const RP_ID: &str = "acme.test";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

/// What a server responds.
struct Reply {
    status: u16,
    json: Value,
}

/// A kept connection.
struct Wire<'a> {
    server: &'a Server,
    stream: TcpStream,
}

impl<'a> Wire<'a> {
    fn new(server: &'a Server) -> Self {
        let stream = server.connect();
        stream.set_nodelay(true).unwrap();
        Self { server, stream }
    }

    /// Sends a request. One that ended its connection is sent again on another: nothing that is sent here may end the server.
    fn send(&mut self, bytes: &[u8]) -> Reply {
        if let Some(reply) = self.exchange(bytes) {
            return reply;
        }
        *self = Self::new(self.server);
        self.exchange(bytes).unwrap()
    }

    fn exchange(&mut self, bytes: &[u8]) -> Option<Reply> {
        self.stream.write_all(bytes).ok()?;
        let mut all = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some((reply, closes)) = whole(&all) {
                if closes {
                    *self = Self::new(self.server);
                }
                return Some(reply);
            }
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(n) => all.extend_from_slice(&buffer[..n]),
            }
        }
    }

    /// A request whose end the server may not find: on a connection of its own, and nothing follows. `None` when it is closed without a
    /// response.
    fn alone(&self, bytes: &[u8]) -> Option<u16> {
        let mut stream = self.server.connect();
        // The server may have closed before everything is written.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            all.extend_from_slice(&buffer[..n]);
        }
        let text = String::from_utf8_lossy(&all);
        text.split(' ').nth(1)?.parse().ok()
    }
}

/// The response, when it is there to its end, and whether the connection ends with it.
fn whole(all: &[u8]) -> Option<(Reply, bool)> {
    let end = all.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&all[..end]).to_ascii_lowercase();
    let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
    let header = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name).map(str::trim))
    };
    let body = &all[end..];
    let content = if let Some(length) = header("content-length:") {
        body.get(..length.parse().ok()?)?.to_vec()
    } else if header("transfer-encoding:").is_some() {
        body.ends_with(b"0\r\n\r\n").then(|| body.to_vec())?
    } else {
        Vec::new()
    };
    let json = serde_json::from_slice(&content).unwrap_or_default();
    let closes = header("connection:") == Some("close");
    Some((Reply { status, json }, closes))
}

fn head(method: &str, path: &str, authorization: &str, media: &str, length: usize) -> String {
    let authorization = match authorization {
        "" => String::new(),
        value => format!("\r\n{value}"),
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nOrigin: {ORIGIN}\r\nContent-Type: {media}\r\nContent-Length: {length}{authorization}"
    )
}

fn request_of(method: &str, path: &str, authorization: &str, media: &str, body: &[u8]) -> Vec<u8> {
    let head = head(method, path, authorization, media, body.len());
    [head.as_bytes(), b"\r\n\r\n", body].concat()
}

/// A Service, and who may do what with it.
struct Service {
    sid: String,
    /// The header with its access key.
    key: String,
}

/// Everything that a run needs.
struct Run<'a> {
    wire: Wire<'a>,
    mutator: Mutator,
    account: String,
    /// Ceremonies are of this one.
    service: Service,
    /// Other calls are of this one: they may delete it.
    other: Service,
    passkey: Authenticator,
    routes: Vec<(String, String)>,
    /// Honest responses to ceremonies that have not ended with a success, by their challenges.
    open: BTreeMap<String, Value>,
    /// The last honest response of each kind.
    donors: BTreeMap<&'static str, Value>,
    counts: BTreeMap<&'static str, u64>,
    users: u64,
    number: u64,
}

/// The ceremonies.
const KINDS: [&str; 4] = [
    "VerifyFactor",
    "ApproveChallenge",
    "attestation",
    "assertion",
];

impl Run<'_> {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn post(&mut self, path: &str, authorization: &str, body: &Value) -> Value {
        let text = body.to_string();
        let reply = self.wire.send(&request_of(
            "POST",
            path,
            authorization,
            JSON,
            text.as_bytes(),
        ));
        assert!(
            (200..300).contains(&reply.status),
            "{path}: {} {}",
            reply.status,
            reply.json
        );
        reply.json
    }

    fn service(&mut self) -> Service {
        let form = format!(
            "FriendlyName=Acme&Passkeys.RelyingParty.Id={RP_ID}&Passkeys.RelyingParty.Name=Acme&Passkeys.RelyingParty.Origins={ORIGIN}\
             &Passkeys.AuthenticatorAttachment=any&Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred"
        );
        let account = self.account.clone();
        let made = self.wire.send(&request_of(
            "POST",
            "/v2/Services",
            &account,
            FORM,
            form.as_bytes(),
        ));
        let sid = made.json["sid"].as_str().unwrap().to_owned();
        let path = format!("/manage/v1/services/{sid}/access-keys");
        let key = self.post(&path, &account, &json!({"name": "m"}));
        let key = format!("Authorization: Bearer {}", key["key"].as_str().unwrap());
        Service { sid, key }
    }

    /// Begins a ceremony, and gives where its response goes, with which right, and the honest response.
    fn begin(&mut self, kind: &'static str) -> (String, String, Value) {
        let service = format!("/v2/Services/{}/Passkeys", self.service.sid);
        let (account, key) = (self.account.clone(), self.service.key.clone());
        self.users += 1;
        let name = format!("user-{:06}", self.users);
        let lies = Lies::default();
        let mut fresh = Authenticator::new(profile());
        match kind {
            "VerifyFactor" => {
                let asked = json!({"friendly_name": "x", "identity": name});
                let factor = self.post(&format!("{service}/Factors"), &account, &asked);
                let response = fresh.create(&factor["options"], ORIGIN, &lies).unwrap();
                (format!("{service}/VerifyFactor"), account, response)
            }
            "ApproveChallenge" => {
                let asked = json!({"identity": "user-0001"});
                let challenge = self.post(&format!("{service}/Challenges"), &account, &asked);
                let response = self
                    .passkey
                    .get(&challenge["options"], ORIGIN, &lies)
                    .unwrap();
                (format!("{service}/ApproveChallenge"), account, response)
            }
            "attestation" => {
                let asked = json!({"username": name, "channel": "fido2"});
                let enrolled = self.post("/api/v1/users/enroll", &key, &asked);
                let enrolment = &enrolled["enrollment"];
                let options = &enrolment["credentialCreationOptions"];
                let mut response = fresh.create(options, ORIGIN, &lies).unwrap();
                response["statusToken"] = enrolment["statusToken"].clone();
                (
                    "/_app/attestation/result".to_owned(),
                    String::new(),
                    response,
                )
            }
            _ => {
                let asked = json!({"username": "user-0001", "channel": "fido2"});
                let approval = self.post("/api/v1/approval", &key, &asked);
                let options = &approval["credentialRequestOptions"];
                let mut response = self.passkey.get(options, ORIGIN, &lies).unwrap();
                response["statusToken"] = approval["statusToken"].clone();
                ("/_app/assertion/result".to_owned(), String::new(), response)
            }
        }
    }

    /// A ceremony whose response is mutated, or is not.
    fn ceremony(&mut self) {
        let kind = KINDS[self.mutator.below(KINDS.len())];
        let (path, authorization, honest) = self.begin(kind);
        self.open
            .insert(challenge_of(&honest).unwrap(), honest.clone());
        if self.mutator.below(40) == 0 {
            let reply = self.wire.send(&request_of(
                "POST",
                &path,
                &authorization,
                JSON,
                honest.to_string().as_bytes(),
            ));
            assert!(
                accepted(&reply),
                "request {}: an honest {kind}: {}",
                self.number,
                reply.json
            );
            assert!(
                self.second_opinion(&honest),
                "{kind}: the second verifier refuses an honest response"
            );
            self.count("honest responses, accepted");
            return;
        }
        // Often of the same kind, sometimes of another.
        let donor = KINDS[self.mutator.below(KINDS.len())];
        let donor = if self.mutator.below(3) == 0 {
            donor
        } else {
            kind
        };
        let donor = self.donors.get(donor).cloned().unwrap_or_default();
        let body = self.mutator.json(&honest, &donor);
        self.donors.insert(kind, honest.clone());
        let reply = self
            .wire
            .send(&request_of("POST", &path, &authorization, JSON, &body));
        self.judge(reply.status, &path, &body);
        self.count("mutated responses of ceremonies");
        if accepted(&reply) {
            let sent = serde_json::from_slice(&body).unwrap_or_default();
            assert!(
                self.second_opinion(&sent),
                "request {}: {kind} was accepted: {}",
                self.number,
                String::from_utf8_lossy(&body)
            );
            self.count("of these accepted by both verifiers");
        }
    }

    /// Whether a second verifier accepts a response: to a ceremony that has begun and has not succeeded before. For an authentication it
    /// verifies the signature and reads what was signed; of a registration, whose every byte is signed, it demands the bytes of the
    /// honest response.
    fn second_opinion(&mut self, sent: &Value) -> bool {
        let Some(honest) = challenge_of(sent).and_then(|challenge| self.open.remove(&challenge))
        else {
            return false;
        };
        let honest = &honest;
        let same = |name| bytes(sent, name).is_some() && bytes(sent, name) == bytes(honest, name);
        if honest["response"].get("attestationObject").is_some() {
            return same("attestationObject") && same("clientDataJSON");
        }
        let parts =
            ["clientDataJSON", "authenticatorData", "signature"].map(|name| bytes(sent, name));
        let [Some(client_data), Some(data), Some(signature)] = parts else {
            return false;
        };
        let Ok(said) = serde_json::from_slice::<Value>(&client_data) else {
            return false;
        };
        let wanted: Value =
            serde_json::from_slice(&bytes(honest, "clientDataJSON").unwrap()).unwrap();
        let id = sent["rawId"]
            .as_str()
            .or(sent["id"].as_str())
            .and_then(|id| from_base64url(id.trim_end_matches('=')));
        let credential = self
            .passkey
            .credentials()
            .iter()
            .find(|c| Some(c.id()) == id.as_deref());
        let Some(key) = credential.map(testkit::Credential::public_key) else {
            return false;
        };
        // The point after the head of the COSE key, its curve and the heads of both coordinates.
        let point = [&[4][..], &key[10..42], &key[45..77]].concat();
        let signed = [&data[..], digest(&SHA256, &client_data).as_ref()].concat();
        said["type"] == "webauthn.get"
            && said["challenge"] == wanted["challenge"]
            && said["origin"] == ORIGIN
            && data.len() >= 37
            && data[..32] == *digest(&SHA256, RP_ID.as_bytes()).as_ref()
            && data[32] & 1 == 1
            && UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point)
                .verify(&signed, &signature)
                .is_ok()
    }

    /// A request to any route, with its body, its path, its right or its head mutated.
    fn any_route(&mut self) {
        let at = self.mutator.below(self.routes.len());
        let (method, route) = self.routes[at].clone();
        let mut path = self.filled(&route);
        let body = self.body(&route);
        let media = if route.starts_with("/v2/") && !route.contains("/Passkeys/") {
            FORM
        } else {
            JSON
        };
        let donor = self
            .donors
            .get("ApproveChallenge")
            .cloned()
            .unwrap_or_default();
        let mut content = if media == JSON {
            self.mutator.json(&body, &donor)
        } else {
            let members = body.as_object().into_iter().flatten();
            let form: Vec<String> = members
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or("1")))
                .collect();
            self.mutator.bytes(form.join("&").as_bytes())
        };
        if self.mutator.below(4) == 0 {
            let broken = self.mutator.bytes(path.as_bytes());
            path = broken.iter().fold(String::new(), |all, byte| match byte {
                b'/' | b'.' | b'-' | b'?' | b'=' | b'&' | b'%' => {
                    all + &char::from(*byte).to_string()
                }
                byte if byte.is_ascii_alphanumeric() => all + &char::from(*byte).to_string(),
                byte => format!("{all}%{byte:02X}"),
            });
            if !path.starts_with('/') {
                path.insert(0, '/');
            }
        }
        if method == "GET" || method == "DELETE" {
            content.truncate(self.mutator.below(20));
        }
        let authorization = match self.mutator.below(6) {
            0 => String::new(),
            1 | 2 if route.starts_with("/api/") || route == "/ping" => self.other.key.clone(),
            3 => self.other.key.clone(),
            4 => {
                let account = self.account.clone();
                let broken = self.mutator.bytes(&account.as_bytes()[21..]);
                let visible: String = broken.iter().map(|b| char::from(32 + b % 95)).collect();
                format!("Authorization: Basic {visible}")
            }
            _ => self.account.clone(),
        };
        if self.mutator.below(5) == 0 {
            let head = head(&method, &path, &authorization, media, content.len());
            let head = self.mutator.head(&head);
            let bytes = [&head[..], b"\r\n\r\n", &content].concat();
            let status = self.wire.alone(&bytes).unwrap_or_default();
            self.judge(status, &format!("{method} {path}"), &bytes);
            self.count("requests with a mutated head");
        } else {
            let reply =
                self.wire
                    .send(&request_of(&method, &path, &authorization, media, &content));
            self.judge(reply.status, &format!("{method} {path}"), &content);
            self.count("mutated requests to any route");
        }
    }

    /// No 5xx. Twilio has no status for a wrong version of HTTP or method, others have 501 and 505 for it.
    fn judge(&mut self, status: u16, what: &str, sent: &[u8]) {
        assert!(
            status < 500 || status == 501 || status == 505,
            "request {}: {status} to {what}: {}",
            self.number,
            String::from_utf8_lossy(sent)
        );
        self.count(match status {
            0..=99 => "closed without a response",
            100..=299 => "2xx",
            300..=399 => "3xx",
            _ => "4xx",
        });
    }

    fn filled(&mut self, route: &str) -> String {
        let mut path = String::new();
        for part in route.split_inclusive('/') {
            let name = part.trim_end_matches('/');
            let hex = "00112233445566778899aabbccddeeff";
            let text = match name {
                "{service}" => self.other.sid.clone(),
                "{identity}" | "{user}" => "user-0001".to_owned(),
                "{instance}" => self.other.sid[2..].to_owned(),
                _ if name.starts_with('{') => match self.mutator.below(4) {
                    0 => format!("YF{hex}"),
                    1 => "00112233-4455-6677-8899-aabbccddeeff".to_owned(),
                    2 => "nobody".to_owned(),
                    _ => hex.to_owned(),
                },
                other => other.to_owned(),
            };
            path.push_str(&text);
            path.push_str(&part[name.len()..]);
        }
        if self.mutator.below(4) == 0 {
            path.push_str("?PageSize=2&PageToken=AAECAwQF&username=user-0001&limit=5&since_ms=1");
        }
        path
    }

    /// Members that the calls have.
    fn body(&mut self, route: &str) -> Value {
        if route.ends_with("/result")
            || route.ends_with("VerifyFactor")
            || route.ends_with("ApproveChallenge")
        {
            let kind = KINDS[self.mutator.below(KINDS.len())];
            return self.donors.get(kind).cloned().unwrap_or_else(|| json!({}));
        }
        json!({
            "FriendlyName": "y", "Identity": "user-0001", "identity": "user-0001", "friendly_name": "x", "name": "y", "username": "user-0001",
            "displayName": "U", "channel": "fido2", "operation": "approve", "statusToken": "YS5iLmM", "token": "a.b.c",
            "EventTypes": "factor.created", "WebhookUrl": "https://acme.test/", "since_ms": "0", "until_ms": "9", "expires_in": "60",
            "config": {"authentication_type": "passkey", "discoverable_credentials": "preferred"},
            "fido2Options": {"userVerification": "required", "attestation": "none", "authenticatorSelection": {"residentKey": "required"}},
            "attestation": {"conveyance": "direct"}, "user_verification": "required", "algorithms": ["-7", "-257"],
        })
    }
}

/// The bytes of a member of a response, in both shapes of it. Padding is let pass: the bytes are what counts.
fn bytes(of: &Value, name: &str) -> Option<Vec<u8>> {
    let member = of["response"].get(name).or_else(|| of.get(name));
    from_base64url(member?.as_str()?.trim_end_matches('='))
}

fn challenge_of(response: &Value) -> Option<String> {
    let said: Value = serde_json::from_slice(&bytes(response, "clientDataJSON")?).ok()?;
    Some(said["challenge"].as_str()?.to_owned())
}

fn profile() -> Profile {
    Profile {
        algorithms: vec![Algorithm::ES256],
        format: Format::PackedSelf,
        ..Profile::default()
    }
}

/// Whether a ceremony ended with a success.
fn accepted(reply: &Reply) -> bool {
    reply.status == 200
        && ["verified", "approved", "ok"]
            .iter()
            .any(|done| reply.json["status"] == *done)
}

/// Every route of every API and of the console, with the methods that matter.
fn routes(described: &Value) -> Vec<(String, String)> {
    let mut paths: Vec<String> = twilio::paths().collect();
    paths.extend(nevis::paths());
    paths.extend(
        fido::CALLS
            .iter()
            .flat_map(|call| [(*call).to_owned(), format!("{}{call}", fido::NEVISFIDO)]),
    );
    paths.extend(described["paths"].as_object().unwrap().keys().cloned());
    paths.extend(server::console::routes().map(|route| route.path.to_owned()));
    paths.extend(
        [
            "/livez",
            "/readyz",
            "/errors/60322",
            "/docs",
            "/v2/nothing",
            "/_app/nothing",
            "/x",
        ]
        .map(str::to_owned),
    );
    paths.sort_unstable();
    paths.dedup();
    assert!(paths.len() > 100, "{}", paths.len());
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    paths
        .iter()
        .flat_map(|path| {
            methods
                .iter()
                .map(|method| ((*method).to_owned(), path.clone()))
        })
        .collect()
}

#[test]
fn no_mutated_request_ends_in_a_5xx_a_panic_or_a_success_that_a_second_verifier_refuses() {
    let (seed, wanted) = (number("MUTATED_SEED", 1), number("MUTATED_REQUESTS", 3000));
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    let server = Server::start(
        command
            .env("PASSKEYD_RATES__ENABLED", "false")
            .env("PASSKEYD_FIDO__CONFORMANCE", "true")
            .env("PASSKEYD_FIDO__NEVISFIDO", "true"),
    );
    let mut run = Run {
        wire: Wire::new(&server),
        mutator: Mutator::new(seed),
        account: basic(SID, TOKEN),
        service: Service {
            sid: String::new(),
            key: String::new(),
        },
        other: Service {
            sid: String::new(),
            key: String::new(),
        },
        passkey: Authenticator::new(profile()),
        routes: Vec::new(),
        open: BTreeMap::new(),
        donors: BTreeMap::new(),
        counts: BTreeMap::new(),
        users: 1,
        number: 0,
    };
    let described = run.wire.send(&request_of(
        "GET",
        "/manage/v1/openapi.json",
        &run.account,
        JSON,
        b"",
    ));
    run.routes = routes(&described.json);
    run.service = run.service();
    run.other = run.service();
    let path = format!("/v2/Services/{}/Passkeys", run.service.sid);
    let account = run.account.clone();
    let factor = run.post(
        &format!("{path}/Factors"),
        &account,
        &json!({"friendly_name": "x", "identity": "user-0001"}),
    );
    let response = run
        .passkey
        .create(&factor["options"], ORIGIN, &Lies::default())
        .unwrap();
    run.post(&format!("{path}/VerifyFactor"), &account, &response);
    let mut warm = 0;
    for number in 0..wanted {
        run.number = number;
        if number % 500 == 499 {
            // What it was is deleted or changed by now.
            run.other = run.service();
        }
        if number == wanted / 4 {
            warm = memory(server.pid());
        }
        if run.mutator.below(2) == 0 {
            run.ceremony();
        } else {
            run.any_route();
        }
    }
    let end = memory(server.pid());
    println!(
        "seed {seed}: {:?}; {warm} KiB of memory after a quarter, {end} KiB at the end",
        run.counts
    );
    assert!(run.counts["honest responses, accepted"] > 0 && run.counts["2xx"] > 0);
    // What a leak of a few hundred bytes for each request would take is above this in a long run.
    assert!(end < warm + 64 * 1024, "{warm} KiB, then {end} KiB");
    drop(run);
    let stopped = server.stop();
    assert!(stopped.status.success());
    let panics: Vec<_> = stopped
        .log
        .iter()
        .filter(|line| line.contains("panic"))
        .collect();
    assert!(panics.is_empty(), "{panics:?}");
}
