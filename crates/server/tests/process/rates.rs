//! A flood from many addresses, while a tenant registers and signs in.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Authenticator, Lies};
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};

use crate::support::*;

const ORIGIN: &str = "https://rp.test";
/// Addresses that flood.
const FLOODERS: u8 = 64;

/// A connection from this address of the loopback network: `127.0.` and two numbers.
fn connect_from([third, last]: [u8; 2], server: SocketAddr) -> TcpStream {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
    }
    let connected = async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, third, last], 0).into()).unwrap();
        socket.connect(server).await.unwrap().into_std()
    };
    let stream = RUNTIME.with(|runtime| runtime.block_on(connected));
    let stream = stream.unwrap();
    stream.set_nonblocking(false).unwrap();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    stream
}

/// Ends the flood when it is dropped.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks for the start of an enrolment without a key until `stop` is set.
fn flood(server: SocketAddr, last: u8, stop: &AtomicBool, limited: &AtomicU64) {
    let asked = request("POST", "/api/v1/users/enroll", &[], "{}");
    while !stop.load(Ordering::Relaxed) {
        let mut stream = connect_from([0, last], server);
        let _ = stream.write_all(asked.as_bytes());
        match status(&read_to_end(&mut stream)) {
            401 => {}
            429 => {
                limited.fetch_add(1, Ordering::Relaxed);
            }
            other => panic!("{other}"),
        }
    }
}

fn post(server: SocketAddr, path: &str, sent: &str, content_type: &str) -> (u16, Value) {
    let account = basic(SID, TOKEN);
    let content_type = format!("Content-Type: {content_type}");
    let asked = request("POST", path, &[&account, &content_type], sent);
    let answer = exchange(server, asked.as_bytes());
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (
        status(&answer),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

/// Registers a passkey and signs in with it; how many of the four calls did not succeed.
fn ceremonies(server: SocketAddr, service: &str, number: usize) -> usize {
    let call = |name: &str, sent: &Value| {
        let path = format!("/v2/Services/{service}/Passkeys/{name}");
        post(server, &path, &sent.to_string(), "application/json")
    };
    let identity = format!("tenant-user-{number:04}");
    let mut phone = Authenticator::default();
    let (begun, factor) = call(
        "Factors",
        &json!({"friendly_name": "Phone", "identity": identity}),
    );
    let created = phone
        .create(&factor["options"], ORIGIN, &Lies::default())
        .unwrap();
    let (verified, _) = call("VerifyFactor", &created);
    let (asked, challenge) = call("Challenges", &json!({"identity": identity}));
    let signed = phone
        .get(&challenge["options"], ORIGIN, &Lies::default())
        .unwrap();
    let (approved, _) = call("ApproveChallenge", &signed);
    let statuses = [begun, verified, asked, approved];
    statuses.iter().filter(|status| **status >= 300).count()
}

#[test]
fn a_flood_from_many_addresses_costs_another_tenant_no_ceremony() {
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    command
        .env("PASSKEYD_TRUSTED_PROXIES", "[127.0.0.1]")
        .env("PASSKEYD_RATES__ADDRESS_PER_MINUTE", "5");
    let server = Server::start(&mut command);
    let settings = "FriendlyName=Flooded&Passkeys.RelyingParty.Id=rp.test\
        &Passkeys.RelyingParty.Origins=https%3A%2F%2Frp.test&Passkeys.AuthenticatorAttachment=any\
        &Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred";
    let form = "application/x-www-form-urlencoded";
    let (created, service) = post(server.address, "/v2/Services", settings, form);
    assert_eq!(created, 201, "{service}");
    let service = service["sid"].as_str().unwrap();
    let (stop, limited) = (AtomicBool::new(false), AtomicU64::new(0));
    let failed: usize = std::thread::scope(|scope| {
        for last in 2..2 + FLOODERS {
            let (server, stop, limited) = (server.address, &stop, &limited);
            scope.spawn(move || flood(server, last, stop, limited));
        }
        // Also if a ceremony panics: else the flood would not end.
        let _stopped = Stops(&stop);
        let failed = (0..50).map(|number| ceremonies(server.address, service, number));
        failed.sum()
    });
    assert_eq!(failed, 0, "of 200 calls");
    assert!(limited.load(Ordering::Relaxed) > 0, "nobody was limited");
    let log = server.stop().log;
    let line = log
        .iter()
        .find(|line| line.contains("\"limit\":\"address\""));
    assert!(line.is_some_and(|line| line.contains("rate_limited")));
}

/// The account that is attacked, and how.
struct Attack<'a> {
    server: SocketAddr,
    secret: &'a str,
    stop: &'a AtomicBool,
    limited: &'a AtomicU64,
    /// Addresses of each flooder: an odd number, so that each of them sends both secrets.
    addresses: u8,
    /// Time from one request of a flooder to the next; none: as fast as they are answered.
    pace: Option<Duration>,
}

impl Attack<'_> {
    /// Requests of the account, with its secret and with a wrong one, from many addresses in turn.
    fn flood(&self, last: u8) {
        let wrong = basic(SID, "wrong-token-0123456789abcdef");
        let secrets = [self.secret, &wrong];
        let addresses = (1..=self.addresses).cycle();
        let mut due = Instant::now();
        for (third, secret) in addresses.zip(secrets.iter().cycle()) {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            if let Some(pace) = self.pace {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                due += pace;
            }
            let asked = request("GET", "/v2/Services", &[secret], "");
            let mut stream = connect_from([third, last], self.server);
            let _ = stream.write_all(asked.as_bytes());
            match status(&read_to_end(&mut stream)) {
                200 | 401 => {}
                429 => {
                    self.limited.fetch_add(1, Ordering::Relaxed);
                }
                other => panic!("{other}"),
            }
        }
    }

    /// Connections that say nothing, and bodies of the account that arrive byte by byte, until the end. Those that the server closes are made again.
    fn dawdle(&self, last: u8) {
        let begun = format!(
            "POST /v2/Services HTTP/1.1\r\nHost: x\r\n{}\r\nContent-Length: 200000\r\n\r\n",
            self.secret
        );
        let open = |number: usize| {
            let mut stream = connect_from([0, last], self.server);
            if number.is_multiple_of(2) {
                let _ = stream.write_all(begun.as_bytes());
            }
            stream
        };
        let mut held: Vec<_> = (0..HELD).map(open).collect();
        while !self.stop.load(Ordering::Relaxed) {
            for (number, stream) in held.iter_mut().enumerate() {
                if number.is_multiple_of(2) && stream.write_all(b"x").is_err() {
                    *stream = open(number);
                }
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Who floods the account; addresses that hold connections, and how many each of them holds.
const FLOODING: u8 = 32;
const DAWDLING: u8 = 16;
const HELD: usize = 32;
/// Most memory of the server under attack, in KiB: what it has when it is quiet, and what the connections may take.
const MOST_MEMORY: u64 = 256 * 1024;

/// Users of the other account who register and sign in at the same time.
const AT_ONCE: usize = 8;

/// How many users register and sign in, and how fast.
struct Tenant<'a> {
    server: SocketAddr,
    service: &'a str,
    users: usize,
    /// Users a second; none: each begins when the one before has ended.
    rate: Option<f64>,
}

impl Tenant<'_> {
    /// Four calls of each user, from the number `first` on: how many calls did not succeed, and the time of the slowest user in a hundred. With a
    /// rate, the time counts from the moment at which the user was due.
    fn run(&self, first: usize) -> (usize, Duration) {
        let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let times = Mutex::new(Vec::new());
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..self.rate.map_or(1, |_| AT_ONCE) {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= self.users {
                            return;
                        }
                        let due = self.rate.map_or_else(Instant::now, |rate| {
                            begun
                                + Duration::from_secs_f64(
                                    f64::from(u32::try_from(number).unwrap()) / rate,
                                )
                        });
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        let lost = ceremonies(self.server, self.service, first + number);
                        failed.fetch_add(lost, Ordering::Relaxed);
                        times.lock().unwrap().push(due.elapsed());
                    }
                });
            }
        });
        let mut times = times.into_inner().unwrap();
        times.sort_unstable();
        (
            failed.into_inner(),
            times[(times.len() * 99).div_ceil(100) - 1],
        )
    }
}

/// `UNDER_ATTACK` in the environment: how many users register and sign in. `UNDER_ATTACK_RATE`: so many ceremonies a second, two of each user.
/// `UNDER_ATTACK_FLOOD`: so many requests of the attack a second. `UNDER_ATTACK_BINARY`: the passkeyd that is attacked.
#[test]
fn an_attack_on_an_account_costs_another_account_no_ceremony() {
    let asked = |name: &str| std::env::var(name).ok();
    let users = asked("UNDER_ATTACK").map_or(25, |text| text.parse().unwrap());
    let rate = asked("UNDER_ATTACK_RATE").map(|text| text.parse::<f64>().unwrap() / 2.0);
    let data = tempfile::tempdir().unwrap();
    let mut command = match asked("UNDER_ATTACK_BINARY") {
        Some(binary) => serve_with(binary, data.path()),
        None => serve_known(data.path()),
    };
    command
        .env("PASSKEYD_TRUSTED_PROXIES", "[127.0.0.1]")
        .env("PASSKEYD_RATES__ACCOUNT_PER_MINUTE", "6000")
        .env("PASSKEYD_RATES__WRONG_SECRETS_PER_MINUTE", "5");
    let server = Server::start(&mut command);
    let created = Command::new(command.get_program())
        .args(["account", "create", "--json", "--data-dir"])
        .arg(data.path())
        .output();
    let attacked: Value = serde_json::from_slice(&created.unwrap().stdout).unwrap();
    let member = |name: &str| attacked[name].as_str().unwrap();
    let secret = basic(member("account_sid"), member("auth_token"));
    let settings = "FriendlyName=Other&Passkeys.RelyingParty.Id=rp.test\
        &Passkeys.RelyingParty.Origins=https%3A%2F%2Frp.test&Passkeys.AuthenticatorAttachment=any\
        &Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred";
    let form = "application/x-www-form-urlencoded";
    let (created, service) = post(server.address, "/v2/Services", settings, form);
    assert_eq!(created, 201, "{service}");
    let tenant = Tenant {
        server: server.address,
        service: service["sid"].as_str().unwrap(),
        users,
        rate,
    };
    let (stop, limited) = (AtomicBool::new(false), AtomicU64::new(0));
    let attack = Attack {
        server: server.address,
        secret: &secret,
        stop: &stop,
        limited: &limited,
        // Few of them are over a limit soon, also in a short run.
        addresses: if users < 500 { 1 } else { 33 },
        pace: asked("UNDER_ATTACK_FLOOD").map(|text| {
            Duration::from_secs_f64(f64::from(FLOODING) / text.parse::<f64>().unwrap())
        }),
    };
    let (failed, quiet) = tenant.run(0);
    assert_eq!(failed, 0, "before the attack");
    let (failed, attacked, memory) = std::thread::scope(|scope| {
        let attack = &attack;
        for last in 2..2 + FLOODING {
            scope.spawn(move || attack.flood(last));
        }
        for last in 100..100 + DAWDLING {
            scope.spawn(move || attack.dawdle(last));
        }
        let _stopped = Stops(&stop);
        let (failed, slow) = tenant.run(users);
        (failed, slow, memory(server.pid()))
    });
    eprintln!(
        "{users} users under attack: {failed} of {} calls failed; the slowest in a hundred took {attacked:?}, quiet {quiet:?}; \
         {} requests limited; {memory} KiB of memory",
        4 * users,
        limited.load(Ordering::Relaxed)
    );
    // At least 99.9 %.
    assert!(1000 * failed <= 4 * users, "{failed} calls failed");
    assert!(limited.load(Ordering::Relaxed) > 0, "nobody was limited");
    assert!(memory < MOST_MEMORY, "{memory} KiB");
}
