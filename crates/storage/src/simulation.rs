//! Many clients and several nodes over one store, under a scheduler that a seed determines: requests and responses are lost or late, requests
//! are sent twice, nodes restart in the middle of their work, clocks differ and step, and operations of the store fail before and
//! after their work. The same seed gives the same run.
//!
//! Held in every run: a ceremony succeeds at most once, a counter never falls, and what was acknowledged stays.
//!
//! `SIMULATION_SEEDS` says how many seeds are tried, `SIMULATION_FIRST` with which it begins.

mod unreliable;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

use domain::model::account::Secret;
use domain::model::audit::{Actor, ActorKind, AuditKind};
use domain::model::clock::Timestamp;
use domain::model::ids::{AccountId, CeremonyId, CredentialKey, RelyingPartyId};
use domain::model::policy::{Attachment, PartialSelection};
use domain::model::settings::WireSettings;
use domain::service::authentication::{StartAuthentication, Who};
use domain::service::ceremony::Terms;
use domain::service::registration::StartRegistration;
use domain::store::{Credentials as _, Events as _, Storage};
use domain::{Passkeys, Reason};
use parking_lot::Mutex;
use serde_json::Value;
use testkit::random::Random;
use testkit::{Authenticator, Counter, Lies, Profile, from_base64url};
use webauthn::json::Limits;
use webauthn::options::{ResidentKey, UserVerification};
use webauthn::origin::Origin;
use webauthn::relying_party::RpId;
use webauthn::response::{AuthenticationResponse, RegistrationResponse, ResponseForm};

use self::unreliable::{Chance, Skewed, Unreliable};
use crate::Memory;

const ORIGIN: &str = "https://acme.test";
const BEGIN: i64 = 1_800_000_000_000;
/// How far a clock may be from the true time, in milliseconds.
const SKEW: i64 = 90_000;
const NODES: usize = 3;
const CLIENTS: usize = 5;
const STEPS: u32 = 700;

static CLIENT: Actor = Actor::new(ActorKind::User, "simulation");

// ---- requests ---------------------------------------------------------------------------------

/// What a client asks a node for.
#[derive(Clone)]
enum Ask {
    StartRegistration(String),
    FinishRegistration(Value),
    StartAuthentication(String),
    FinishAuthentication(Value),
    Delete(String, CredentialKey),
}

/// What a node says.
enum Said {
    Options(Value),
    Registered(CredentialKey),
    SignedIn {
        ceremony: CeremonyId,
        credential: CredentialKey,
        expires: Timestamp,
    },
    Deleted,
    Refused(Reason),
}

async fn serve(node: Arc<Passkeys>, rp: RelyingPartyId, ask: Ask) -> Said {
    match respond(&node, rp, ask).await {
        Ok(said) => said,
        Err(refusal) => Said::Refused(refusal.reason),
    }
}

async fn respond(
    node: &Passkeys,
    rp: RelyingPartyId,
    ask: Ask,
) -> Result<Said, domain::model::refusal::Refusal> {
    let terms = || Terms::new(CLIENT.clone());
    Ok(match ask {
        Ask::StartRegistration(name) => {
            let party = node.relying_party_itself(rp).await?;
            let asked = PartialSelection::default();
            let start = StartRegistration::new(name.as_str(), "Key", &asked, terms());
            let started = node.start_registration(&party, start).await?;
            Said::Options(serde_json::to_value(started.options).unwrap())
        }
        Ask::FinishRegistration(response) => {
            let text = response.to_string();
            let json = webauthn::json::parse(text.as_bytes(), &Limits::default()).unwrap();
            let response = RegistrationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
            let done = node.finish_registration(rp, &response, None, &CLIENT);
            Said::Registered(done.await?.record.key)
        }
        Ask::StartAuthentication(name) => {
            let party = node.relying_party_itself(rp).await?;
            let start = StartAuthentication::new(Who::User(name.as_str().into()), terms());
            let ceremony = node.start_authentication(&party, start).await?;
            Said::Options(serde_json::to_value(ceremony.options()).unwrap())
        }
        Ask::FinishAuthentication(response) => {
            let text = response.to_string();
            let json = webauthn::json::parse(text.as_bytes(), &Limits::default()).unwrap();
            let response = AuthenticationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
            let done = node.finish_authentication(rp, &response, &CLIENT).await?;
            Said::SignedIn {
                ceremony: done.ceremony.id,
                credential: done.credential,
                expires: done.ceremony.expires,
            }
        }
        Ask::Delete(name, key) => {
            let user = node.user(rp, name.as_str()).await?;
            node.delete_credential_or_registration(&user, key, &CLIENT)
                .await?;
            Said::Deleted
        }
    })
}

/// A request on its way through a node.
struct Task {
    node: usize,
    client: usize,
    ask: Ask,
    /// When it was sent.
    sent: i64,
    /// Whether the deletion of its credential was acknowledged before it was sent.
    of_deleted: bool,
    future: Pin<Box<dyn Future<Output = Said>>>,
}

struct Client {
    name: String,
    authenticator: Authenticator,
    key: Option<CredentialKey>,
    /// The challenge of a registration that may have ended: its credential has the key of the ceremony.
    waits: bool,
    /// Responses that were sent.
    old: Vec<Value>,
}

struct Node {
    passkeys: Arc<Passkeys>,
    skew: Arc<AtomicI64>,
}

struct World {
    chance: Chance,
    time: Arc<AtomicI64>,
    memory: Arc<Memory>,
    fails: Arc<AtomicBool>,
    rp: RelyingPartyId,
    nodes: Vec<Node>,
    clients: Vec<Client>,
    tasks: Vec<Task>,
    /// Successes of each challenge, whether their response arrived or not.
    successes: BTreeMap<String, u32>,
    /// Sign-ins that were acknowledged, with their counters.
    signed_in: Vec<(CeremonyId, CredentialKey, u32)>,
    registered: Vec<CredentialKey>,
    /// Deletions that were asked for, and those that were acknowledged.
    doomed: BTreeSet<[u8; 16]>,
    deleted: BTreeSet<[u8; 16]>,
    counters: BTreeMap<[u8; 16], u32>,
    lost: u32,
    /// Sign-ins after the faults were over.
    afterwards: usize,
    trace: DefaultHasher,
}

/// Runs a future to its end, with nothing else beside it.
fn alone<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    for _ in 0..10_000 {
        if let Poll::Ready(outcome) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return outcome;
        }
    }
    unreachable!("a future that nobody holds up does not end")
}

fn challenge_of(response: &Value) -> String {
    let data = response["response"]["clientDataJSON"].as_str().unwrap();
    let data: Value = serde_json::from_slice(&from_base64url(data).unwrap()).unwrap();
    data["challenge"].as_str().unwrap().to_owned()
}

fn counter_of(response: &Value) -> u32 {
    let data = response["response"]["authenticatorData"].as_str().unwrap();
    let data = from_base64url(data).unwrap();
    u32::from_be_bytes(data[33..37].try_into().unwrap())
}

impl World {
    fn new(seed: u64) -> Self {
        let chance = Chance(Arc::new(Mutex::new(Random::new(seed))));
        let memory = Arc::new(Memory::new());
        let mut world = Self {
            chance,
            time: Arc::new(AtomicI64::new(BEGIN)),
            memory,
            fails: Arc::new(AtomicBool::new(false)),
            rp: RelyingPartyId([0; 16]),
            nodes: Vec::new(),
            clients: Vec::new(),
            tasks: Vec::new(),
            successes: BTreeMap::new(),
            signed_in: Vec::new(),
            registered: Vec::new(),
            doomed: BTreeSet::new(),
            deleted: BTreeSet::new(),
            counters: BTreeMap::new(),
            lost: 0,
            afterwards: 0,
            trace: DefaultHasher::new(),
        };
        for _ in 0..NODES {
            let node = world.node();
            world.nodes.push(node);
        }
        let account = AccountId([0xac; 16]);
        let first = &world.nodes[0].passkeys;
        alone(first.bootstrap(Some((account, Secret::new("a-token"))))).unwrap();
        let acme = PartialSelection {
            rp_id: Some(RpId::parse("acme.test").unwrap()),
            rp_name: Some("Acme".to_owned()),
            origins: Some(vec![Origin::parse_configured(ORIGIN).unwrap()]),
            attachment: Some(Attachment::Any),
            resident_key: Some(ResidentKey::Preferred),
            user_verification: Some(UserVerification::Preferred),
        };
        let made =
            first.create_relying_party(account, "Acme", acme, WireSettings::default(), &CLIENT);
        world.rp = alone(made).unwrap().id;
        world.clients = (0..CLIENTS)
            .map(|n| Client {
                name: format!("user-{n:04}"),
                authenticator: Authenticator::new(Profile {
                    counter: Counter::Increasing,
                    ..Profile::default()
                }),
                key: None,
                waits: false,
                old: Vec::new(),
            })
            .collect();
        world.fails.store(true, Ordering::Relaxed);
        world
    }

    /// A process that has just started.
    fn node(&self) -> Node {
        let store = Unreliable {
            inner: Arc::<Memory>::clone(&self.memory),
            chance: self.chance.clone(),
            fails: Arc::clone(&self.fails),
        };
        let skew = Arc::new(AtomicI64::new(self.skew()));
        let store: Arc<dyn Storage> = Arc::new(store);
        loop {
            let clock = Skewed {
                time: Arc::clone(&self.time),
                skew: Arc::clone(&skew),
                least: AtomicI64::new(0),
            };
            let chance = Arc::new(self.chance.clone());
            let opened = alone(Passkeys::open(Arc::clone(&store), Arc::new(clock), chance));
            // A process that cannot open its store is started again.
            if let Ok(passkeys) = opened {
                return Node {
                    passkeys: Arc::new(passkeys),
                    skew,
                };
            }
        }
    }

    fn skew(&self) -> i64 {
        i64::try_from(self.chance.below(2 * 90_000)).unwrap() - SKEW
    }

    fn send(&mut self, client: usize, ask: &Ask) {
        let node = self.chance.below(NODES);
        let of_deleted = match ask {
            Ask::FinishAuthentication(_) => {
                let key = self.clients[client].key;
                key.is_some_and(|key| self.deleted.contains(&key.0))
            }
            _ => false,
        };
        let passkeys = Arc::clone(&self.nodes[node].passkeys);
        self.tasks.push(Task {
            node,
            client,
            ask: ask.clone(),
            sent: self.time.load(Ordering::Relaxed),
            of_deleted,
            future: Box::pin(serve(passkeys, self.rp, ask.clone())),
        });
    }

    /// A client does something of its own.
    fn act(&mut self, n: usize) {
        let client = &mut self.clients[n];
        if client.waits {
            // It does not wait for ever.
            client.waits = self.chance.below(8) > 0;
            return;
        }
        let ask = match client.key {
            None => {
                client.waits = true;
                Ask::StartRegistration(client.name.clone())
            }
            Some(key) => match self.chance.below(20) {
                0 => {
                    self.doomed.insert(key.0);
                    Ask::Delete(client.name.clone(), key)
                }
                1..=3 if !client.old.is_empty() => {
                    // An old response, once more.
                    let at = self.chance.below(client.old.len());
                    Ask::FinishAuthentication(client.old[at].clone())
                }
                _ => {
                    client.waits = true;
                    Ask::StartAuthentication(client.name.clone())
                }
            },
        };
        self.send(n, &ask);
    }

    /// A response comes to its client, or is lost on the way.
    fn arrives(&mut self, task: &Task, said: &Said) {
        let lost = self.chance.below(12) == 0;
        self.ended(task, said, lost);
        if lost {
            self.lost += 1;
            return;
        }
        let n = task.client;
        match (said, &task.ask) {
            (Said::Options(options), Ask::StartRegistration(_)) => {
                let client = &mut self.clients[n];
                let lies = Lies::default();
                let response = client.authenticator.create(options, ORIGIN, &lies);
                // A registration whose success never arrived: this device has a passkey already. The user takes another one.
                let response = response.or_else(|_| {
                    client.authenticator = Authenticator::new(client.authenticator.profile.clone());
                    client.authenticator.create(options, ORIGIN, &lies)
                });
                self.finish(n, &Ask::FinishRegistration(response.unwrap()));
            }
            (Said::Options(options), _) => {
                let client = &mut self.clients[n];
                let response = client.authenticator.get(options, ORIGIN, &Lies::default());
                // A user whose registration was never acknowledged has nothing that is listed.
                if let Ok(response) = response {
                    client.old.push(response.clone());
                    self.finish(n, &Ask::FinishAuthentication(response));
                }
            }
            (Said::Registered(key), _) => {
                self.registered.push(*key);
                self.clients[n].key = Some(*key);
                self.clients[n].waits = false;
            }
            (
                Said::SignedIn {
                    ceremony,
                    credential,
                    ..
                },
                Ask::FinishAuthentication(response),
            ) => {
                let counter = counter_of(response);
                self.signed_in.push((*ceremony, *credential, counter));
                self.clients[n].waits = false;
            }
            (Said::Deleted, Ask::Delete(_, key)) => {
                self.deleted.insert(key.0);
                let client = &mut self.clients[n];
                if client.key == Some(*key) {
                    client.key = None;
                    client.old.clear();
                    client.authenticator = Authenticator::new(client.authenticator.profile.clone());
                }
            }
            _ => self.clients[n].waits = false,
        }
    }

    /// Sends a response to one node or to several.
    fn finish(&mut self, client: usize, ask: &Ask) {
        for _ in 0..=(self.chance.below(5) / 3) {
            self.send(client, ask);
        }
    }

    /// What holds for every response that a node gives.
    fn ended(&mut self, task: &Task, said: &Said, lost: bool) {
        let told = match said {
            Said::Options(_) => "options",
            Said::Registered(_) => "registered",
            Said::SignedIn { .. } => "signed in",
            Said::Deleted => "deleted",
            Said::Refused(reason) => reason.name(),
        };
        (task.node, task.client, told, lost).hash(&mut self.trace);
        if let Said::Refused(reason) = said {
            assert!(
                ![Reason::Internal, Reason::RecordUnreadable].contains(reason),
                "{reason:?}"
            );
        }
        let (Ask::FinishRegistration(response) | Ask::FinishAuthentication(response)) = &task.ask
        else {
            return;
        };
        if let Said::Registered(_) | Said::SignedIn { .. } = said {
            let successes = self.successes.entry(challenge_of(response)).or_default();
            *successes += 1;
            assert_eq!(*successes, 1, "a ceremony succeeded again");
        }
        if let Said::SignedIn { expires, .. } = said {
            assert!(
                !task.of_deleted,
                "a sign-in with a credential that was deleted"
            );
            assert!(
                task.sent - SKEW < expires.0,
                "an expired ceremony succeeded"
            );
        }
        self.look_at_counters();
    }

    fn look_at_counters(&mut self) {
        for client in &self.clients {
            let Some(key) = client.key else { continue };
            let Some((record, _)) = alone(self.memory.credential(self.rp, key)).unwrap() else {
                continue;
            };
            let counter = record.sign_count;
            let before = self.counters.insert(key.0, counter).unwrap_or_default();
            assert!(
                counter >= before,
                "a counter fell from {before} to {counter}"
            );
        }
    }

    fn step(&mut self) {
        match self.chance.below(100) {
            0..=17 => {
                let client = self.chance.below(CLIENTS);
                self.act(client);
            }
            18..=20 => {
                let millis = match self.chance.below(12) {
                    0 => 400_000,
                    _ => i64::try_from(self.chance.below(5_000)).unwrap(),
                };
                self.time.fetch_add(millis, Ordering::Relaxed);
            }
            21 => {
                let node = self.chance.below(NODES);
                let skew = self.skew();
                self.nodes[node].skew.store(skew, Ordering::Relaxed);
            }
            22 => {
                // A node ends in the middle of its work, and nobody hears of it.
                let node = self.chance.below(NODES);
                self.tasks.retain(|task| task.node != node);
                self.nodes[node] = self.node();
            }
            23 if !self.tasks.is_empty() => {
                // A request is lost, or the client has gone away.
                let at = self.chance.below(self.tasks.len());
                drop(self.tasks.swap_remove(at));
            }
            _ => self.poll(),
        }
    }

    /// One of the requests goes on.
    fn poll(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        let at = self.chance.below(self.tasks.len());
        let future = self.tasks[at].future.as_mut();
        if let Poll::Ready(said) = future.poll(&mut Context::from_waker(Waker::noop())) {
            let task = self.tasks.swap_remove(at);
            self.arrives(&task, &said);
        }
    }

    /// What is left after the faults are over.
    fn check(&mut self) {
        self.fails.store(false, Ordering::Relaxed);
        for _ in 0..100_000 {
            if self.tasks.is_empty() {
                break;
            }
            self.poll();
        }
        assert!(self.tasks.is_empty(), "requests that do not end");
        self.look_at_counters();
        let found = alone(self.memory.find_events(
            self.rp,
            &domain::store::EventFilter::default(),
            10_000,
        ));
        let mut sign_ins: BTreeMap<[u8; 16], u32> = BTreeMap::new();
        for event in found.unwrap().events {
            if event.kind == AuditKind::Authenticated {
                *sign_ins.entry(event.ceremony.unwrap().0).or_default() += 1;
            }
        }
        assert!(sign_ins.values().all(|times| *times == 1), "{sign_ins:?}");
        for (ceremony, key, counter) in &self.signed_in {
            assert!(
                sign_ins.contains_key(&ceremony.0),
                "an acknowledged sign-in is not in the trail"
            );
            if let Some((record, _)) = alone(self.memory.credential(self.rp, *key)).unwrap() {
                assert!(
                    record.sign_count >= *counter,
                    "an acknowledged counter is lost"
                );
            }
        }
        for key in &self.registered {
            let there = alone(self.memory.credential(self.rp, *key))
                .unwrap()
                .is_some();
            assert!(
                there || self.doomed.contains(&key.0),
                "an acknowledged registration is lost"
            );
            assert!(
                !(there && self.deleted.contains(&key.0)),
                "a deleted credential is back"
            );
        }
        self.sign_all_in();
    }

    /// Each client whose passkey is there can sign in.
    fn sign_all_in(&mut self) {
        for n in 0..CLIENTS {
            let client = &self.clients[n];
            let Some(key) = client.key else { continue };
            if alone(self.memory.credential(self.rp, key))
                .unwrap()
                .is_none()
            {
                continue;
            }
            let node = Arc::clone(&self.nodes[n % NODES].passkeys);
            let name = client.name.clone();
            let Said::Options(options) = alone(serve(
                Arc::clone(&node),
                self.rp,
                Ask::StartAuthentication(name),
            )) else {
                unreachable!("a ceremony does not start");
            };
            let authenticator = &mut self.clients[n].authenticator;
            // The device may be another one by now: the registration of the old one arrived late.
            let Ok(response) = authenticator.get(&options, ORIGIN, &Lies::default()) else {
                continue;
            };
            let said = alone(serve(node, self.rp, Ask::FinishAuthentication(response)));
            assert!(
                matches!(said, Said::SignedIn { .. }),
                "a sign-in after the faults is refused"
            );
            self.afterwards += 1;
        }
    }
}

/// What happened in the run of a seed: a digest of everything in order, how many sign-ins were acknowledged and responses lost, and how
/// many clients signed in when the faults were over.
fn run(seed: u64) -> (u64, usize, u32, usize) {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
    }
    world.check();
    (
        world.trace.finish(),
        world.signed_in.len(),
        world.lost,
        world.afterwards,
    )
}

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().expect("a number"))
}

#[tokio::test]
async fn with_lost_and_repeated_messages_restarts_and_other_clocks_nothing_acknowledged_is_lost_or_counts_twice()
 {
    let first = number("SIMULATION_FIRST", 1);
    let (mut sign_ins, mut lost, mut afterwards) = (0, 0, 0);
    for seed in first..first + number("SIMULATION_SEEDS", 40) {
        let ran = std::panic::catch_unwind(|| run(seed));
        let (_, of_run, lost_in_run, at_end) =
            ran.unwrap_or_else(|_| unreachable!("the run of seed {seed} failed, as said above"));
        sign_ins += of_run;
        lost += lost_in_run;
        afterwards += at_end;
    }
    println!(
        "{sign_ins} sign-ins were acknowledged, {lost} responses were lost, {afterwards} clients signed in at the end"
    );
    assert!(sign_ins > 40 && lost > 40 && afterwards > 40);
}

#[tokio::test]
async fn a_seed_gives_the_same_run_again() {
    let runs: Vec<_> = (1..6).map(run).collect();
    assert_eq!(runs, (1..6).map(run).collect::<Vec<_>>());
    let different: BTreeSet<_> = runs.iter().map(|(trace, ..)| trace).collect();
    assert_eq!(different.len(), runs.len());
}
