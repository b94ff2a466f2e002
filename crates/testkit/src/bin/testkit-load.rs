//! A closed-loop load of full authentications (create challenge, sign, approve) against a passkeyd on loopback.
//!
//! `testkit-load --url http://127.0.0.1:8080 --account AC... --token ... [--connections 16] [--seconds 10] [--named]`
//!
//! Each connection has a user and a passkey of its own. Signing costs the driver about as much as verifying costs the server, so give
//! the two different cores (`taskset`) when the server's figure is wanted. Prints one JSON object.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::http::{Connection, FORM, Failure, JSON, basic};
use testkit::{Authenticator, Lies, Profile};

const ORIGIN: &str = "http://localhost:3000";

/// What the command line says.
#[derive(Clone)]
struct Plan {
    address: SocketAddr,
    authorization: String,
    connections: usize,
    duration: Duration,
    named: bool,
}

impl Plan {
    fn from_arguments() -> Result<Self, Failure> {
        let mut arguments = std::env::args().skip(1);
        let (mut url, mut account, mut token) = (None, None, None);
        let (mut connections, mut seconds, mut named) = (16, 10, false);
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--url" => url = Some(value()?),
                "--account" => account = Some(value()?),
                "--token" => token = Some(value()?),
                "--connections" => connections = value()?.parse()?,
                "--seconds" => seconds = value()?.parse()?,
                "--named" => named = true,
                other => return Err(format!("unknown argument {other}").into()),
            }
        }
        let url = url.ok_or("--url is needed")?;
        let host = url
            .strip_prefix("http://")
            .ok_or("--url must begin with http://")?;
        let address = host
            .to_socket_addrs()?
            .next()
            .ok_or("--url names no address")?;
        if !address.ip().is_loopback() {
            return Err("load goes to loopback addresses only".into());
        }
        let (account, token) = (
            account.ok_or("--account is needed")?,
            token.ok_or("--token is needed")?,
        );
        Ok(Self {
            address,
            authorization: basic(&account, &token),
            connections,
            duration: Duration::from_secs(seconds),
            named,
        })
    }
}

/// One user with one passkey.
struct Driver {
    connection: Connection,
    authenticator: Authenticator,
    service: String,
    challenge_body: String,
}

impl Driver {
    async fn register(plan: &Plan, service: &str, number: usize) -> Result<Self, Failure> {
        let mut connection = Connection::open(plan.address, &plan.authorization).await?;
        let mut authenticator = Authenticator::new(Profile::default());
        let identity = format!("load-user-{number:06}");
        let body = json!({ "friendly_name": "Load", "identity": identity });
        let path = format!("/v2/Services/{service}/Passkeys");
        let factor = connection
            .post(&format!("{path}/Factors"), JSON, body.to_string())
            .await?;
        let credential =
            authenticator.create(&factor["options"]["publicKey"], ORIGIN, &Lies::default())?;
        connection
            .post(
                &format!("{path}/VerifyFactor"),
                JSON,
                credential.to_string(),
            )
            .await?;
        let challenge_body = if plan.named {
            json!({ "identity": identity }).to_string()
        } else {
            "{}".to_owned()
        };
        Ok(Self {
            connection,
            authenticator,
            service: service.to_owned(),
            challenge_body,
        })
    }

    /// Authenticates until `end`; the two server times of each round.
    async fn run(mut self, end: Instant) -> Result<Vec<(Duration, Duration)>, Failure> {
        let create = format!("/v2/Services/{}/Passkeys/Challenges", self.service);
        let approve = format!("/v2/Services/{}/Passkeys/ApproveChallenge", self.service);
        let mut times = Vec::new();
        while now() < end {
            let before = now();
            let challenge = self
                .connection
                .post(&create, JSON, self.challenge_body.clone())
                .await?;
            let created = before.elapsed();
            let assertion = self.authenticator.get(
                &challenge["options"]["publicKey"],
                ORIGIN,
                &Lies::default(),
            )?;
            let before = now();
            let approved = self
                .connection
                .post(&approve, JSON, assertion.to_string())
                .await?;
            times.push((created, before.elapsed()));
            if approved["status"] != "approved" {
                return Err(format!("not approved: {approved}").into());
            }
        }
        Ok(times)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a load driver measures real time"
)]
fn now() -> Instant {
    Instant::now()
}

/// The value below which `share` of the sorted times lie, in milliseconds.
fn quantile(sorted: &[Duration], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a list of measurements"
    )]
    let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
}

fn summary(mut times: Vec<Duration>) -> Value {
    times.sort();
    json!({ "p50_ms": quantile(&times, 0.5), "p99_ms": quantile(&times, 0.99), "max_ms": quantile(&times, 1.0) })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let plan = Plan::from_arguments()?;
    let mut first = Connection::open(plan.address, &plan.authorization).await?;
    let body = "FriendlyName=Load&Passkeys.RelyingParty.Id=localhost&Passkeys.RelyingParty.Name=Load\
        &Passkeys.RelyingParty.Origins=http%3A%2F%2Flocalhost%3A3000&Passkeys.AuthenticatorAttachment=any\
        &Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred";
    let service = first.post("/v2/Services", FORM, body.to_owned()).await?;
    let service = service["sid"]
        .as_str()
        .ok_or("the service has no sid")?
        .to_owned();
    let mut drivers = Vec::new();
    for number in 0..plan.connections {
        drivers.push(Driver::register(&plan, &service, number).await?);
    }
    let start = now();
    let end = start + plan.duration;
    let tasks: Vec<_> = drivers
        .into_iter()
        .map(|driver| tokio::spawn(driver.run(end)))
        .collect();
    let (mut create, mut approve) = (Vec::new(), Vec::new());
    for task in tasks {
        for (created, approved) in task.await?? {
            create.push(created);
            approve.push(approved);
        }
    }
    let elapsed = start.elapsed().as_secs_f64();
    let total = create.iter().zip(&approve).map(|(a, b)| *a + *b).collect();
    #[expect(clippy::cast_precision_loss, reason = "a count of measurements")]
    let rate = create.len() as f64 / elapsed;
    #[expect(clippy::print_stdout, reason = "this is what the driver is for")]
    {
        println!(
            "{}",
            json!({
                "connections": plan.connections,
                "named": plan.named,
                "authentications": create.len(),
                "authentications_per_second": rate,
                "create": summary(create),
                "approve": summary(approve),
                "both": summary(total),
            })
        );
    }
    Ok(())
}
