//! A loss of power under load, at a start or at a stop, again and again.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use domain::model::audit::AuditKind;
use domain::model::ids::RelyingPartyId;
use domain::store::{EventFilter, Events as _, Upkeep as _};
use serde_json::json;
use storage::{Embedded, Options};
use tempfile::TempDir;

use crate::disk::{self, Flushes, Journal, Luck};
use crate::load::{Ledger, Load};
use crate::rounds;
use crate::server::{Server, approve, factor, new_service, run, seal};

type Files = BTreeMap<String, Vec<u8>>;

/// Losses of power in one life of a server.
const CUTS: u32 = 5;

/// A disk with a directory for each life of a server.
struct Machine {
    place: TempDir,
    library: PathBuf,
    lives: u32,
}

/// A server that has ended.
struct Life {
    /// The files before it started.
    before: PathBuf,
    journal: Journal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Kill,
    Stop,
}

impl Machine {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let library = disk::compile(place.path());
        let machine = Self {
            place,
            library,
            lives: 0,
        };
        std::fs::create_dir(machine.data()).unwrap();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(format!("{name}-{}", self.lives))
    }

    /// The files of the present life.
    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn journal(&self) -> PathBuf {
        self.path("journal")
    }

    fn attach(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("DISK_DIRECTORY", self.data())
            .env("DISK_JOURNAL", self.journal());
    }

    async fn start(&self) -> Server {
        disk::fill(&self.path("before"), &disk::contents(&self.data()));
        let data = self.data();
        let started = Server::try_start(&data, |mut command| {
            self.attach(&mut command);
            command
        });
        started.await.unwrap_or_else(|why| panic!("{why}"))
    }

    fn ended(&self) -> Life {
        Life {
            before: self.path("before"),
            journal: Journal::read(&self.journal()),
        }
    }

    /// One life under load.
    async fn live(&self, server: Server, load: &mut Load, end: End) -> (Life, Ledger) {
        let journal = Some(self.journal());
        let ledger = load.run(server, journal, async |mut server| {
            tokio::time::sleep(Duration::from_millis(150)).await;
            match end {
                End::Kill => server.kill(),
                End::Stop => server.stop(),
            }
        });
        let (ledger, ()) = ledger.await;
        (self.ended(), ledger)
    }

    /// What is wrong with files that are left.
    async fn faults_of(&self, left: &Files, service: Option<&str>, ledger: &Ledger) -> Vec<String> {
        let copy = self.path("copy");
        disk::fill(&copy, left);
        let faults = faults(&copy, service, ledger).await;
        std::fs::remove_dir_all(copy).unwrap();
        faults
    }

    /// Goes on with the files that a loss of power leaves.
    fn next(&mut self, files: &Files) {
        for old in ["data", "before"] {
            std::fs::remove_dir_all(self.path(old)).unwrap();
        }
        std::fs::remove_file(self.journal()).unwrap();
        self.lives += 1;
        disk::fill(&self.data(), files);
    }
}

/// Loses the power at a moment in a life. The files that are left are sound.
async fn check_cut(
    machine: &Machine,
    life: &Life,
    (until, luck): (u64, &mut Luck),
    service: Option<&str>,
    ledger: &Ledger,
) -> Files {
    let left = disk::after_a_cut(&life.before, &life.journal, until, Flushes::Kept, luck);
    let faults = machine
        .faults_of(&left, service, &acknowledged(ledger, until))
        .await;
    if !faults.is_empty() {
        let kept = machine.place.path().with_extension("failed");
        disk::fill(&kept, &left);
        let _ = std::fs::copy(machine.journal(), kept.join("journal"));
        panic!(
            "at {until} of life {}, kept in {}: {faults:#?}",
            machine.lives,
            kept.display()
        );
    }
    left
}

/// What was acknowledged by then.
fn acknowledged(ledger: &Ledger, until: u64) -> Ledger {
    let mut then = ledger.clone();
    then.registered.retain(|done| done.moment <= until);
    then.approved.retain(|done| done.moment <= until);
    let later = ledger.approved.iter().filter(|done| done.moment > until);
    then.unanswered
        .extend(later.map(|done| done.assertion.clone()));
    then
}

/// What is wrong with the files of a store: nothing, if all that was acknowledged is there with its audit event, and no challenge is accepted
/// twice.
pub(crate) async fn faults(data: &Path, service: Option<&str>, ledger: &Ledger) -> Vec<String> {
    let server = match Server::try_start(data, |command| command).await {
        Ok(server) => server,
        Err(why) => return vec![why],
    };
    let mut faults = Vec::new();
    let Some(service) = service else {
        server.stop();
        return faults;
    };
    let mut connection = server.connect().await.unwrap();
    for done in &ledger.registered {
        let (status, found) = factor(&mut connection, service, &done.identity, &done.sid).await;
        if status != 200 || found["status"] != "verified" {
            faults.push(format!("a registration is lost: {found}"));
        }
    }
    for done in &ledger.approved {
        let (status, answer) = approve(&mut connection, service, &done.assertion).await;
        if status != 403 || answer["code"] != 60322 {
            faults.push(format!("a challenge is forgotten: {status} {answer}"));
        }
    }
    for assertion in &ledger.unanswered {
        let (status, answer) = approve(&mut connection, service, assertion).await;
        let codes = [60310, 60322, 60390, 60391].map(|code| json!(code));
        if status != 200 && !codes.contains(&answer["code"]) {
            faults.push(format!("another refusal: {status} {answer}"));
        }
        let (status, answer) = approve(&mut connection, service, assertion).await;
        if status == 200 {
            faults.push(format!("a challenge is accepted twice: {answer}"));
        }
    }
    server.stop();
    faults.extend(missing_events(data, service, ledger).await);
    faults
}

fn key(sid: &str) -> [u8; 16] {
    let byte = |at| u8::from_str_radix(&sid[at..at + 2], 16).unwrap();
    std::array::from_fn(|n| byte(2 + 2 * n))
}

/// What was acknowledged and has no audit event.
async fn missing_events(data: &Path, service: &str, ledger: &Ledger) -> Vec<String> {
    let store = Embedded::open(&data.join("passkeyd.db"), Options::default()).unwrap();
    let filter = EventFilter {
        kinds: Some(vec![
            AuditKind::CredentialRegistered,
            AuditKind::Authenticated,
        ]),
        ..EventFilter::default()
    };
    let found = store.find_events(RelyingPartyId(key(service)), &filter, u32::MAX);
    let found = found.await.unwrap();
    store.close().await.unwrap();
    assert!(found.complete);
    let mut registered = HashSet::new();
    let mut approved = HashSet::new();
    for event in &found.events {
        if event.kind == AuditKind::CredentialRegistered {
            registered.extend(event.credential.map(|key| key.0));
        } else {
            approved.extend(event.ceremony.map(|id| id.0));
        }
    }
    let lost = |what: &str, sid: &str| format!("no event of the {what} {sid}");
    let mut missing = Vec::new();
    for done in &ledger.registered {
        if !registered.contains(&key(&done.sid)) {
            missing.push(lost("registration", &done.sid));
        }
    }
    for done in &ledger.approved {
        if !approved.contains(&key(&done.sid)) {
            missing.push(lost("sign-in", &done.sid));
        }
    }
    missing
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_of_power_lose_nothing_acknowledged_and_accept_no_challenge_twice() {
    let cuts = rounds("DURABILITY_CUTS", 20);
    let seed = u64::from(rounds("DURABILITY_SEED", 1));
    let mut luck = Luck::new(seed);
    let mut machine = Machine::new();
    // The first life ends before anybody uses it: most moments are those of a first start.
    let server = machine.start().await;
    server.stop();
    let life = machine.ended();
    let mut done = 0;
    while done < CUTS.min(cuts) {
        let until = life.journal.moment(&mut luck);
        check_cut(
            &machine,
            &life,
            (until, &mut luck),
            None,
            &Ledger::default(),
        )
        .await;
        done += 1;
    }
    let server = Server::start(&machine.data()).await;
    let service = new_service(&mut server.connect().await.unwrap()).await;
    server.stop();
    let mut files = disk::contents(&machine.data());
    let mut load = Load::new(&service);
    let mut all = Ledger::default();
    let (mut registered, mut approved) = (0, 0);
    while done < cuts {
        machine.next(&files);
        let end = if machine.lives.is_multiple_of(3) {
            End::Stop
        } else {
            End::Kill
        };
        let server = machine.start().await;
        // A sealed sign-in waits in its challenge, and others in memory.
        let sealed = machine.lives.is_multiple_of(2);
        seal(&mut server.connect().await.unwrap(), &service, sealed).await;
        let (life, ledger) = machine.live(server, &mut load, end).await;
        for _ in 1..CUTS {
            let until = life.journal.moment(&mut luck);
            check_cut(&machine, &life, (until, &mut luck), Some(&service), &ledger).await;
            done += 1;
        }
        // The next life goes on where this one has ended.
        let until = life.journal.end();
        files = check_cut(&machine, &life, (until, &mut luck), Some(&service), &ledger).await;
        done += 1;
        registered += ledger.registered.len();
        approved += ledger.approved.len();
        all.registered.extend(ledger.registered);
        all.approved.extend(ledger.approved);
    }
    let lost = machine.faults_of(&files, Some(&service), &all).await;
    assert!(lost.is_empty(), "seed {seed}: {lost:#?}");
    println!(
        "{done} losses of power: {registered} registrations and {approved} approvals acknowledged, none lost"
    );
    assert!(
        cuts <= CUTS || registered > 0 && approved > 0,
        "no work was done"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_flush_loses_what_was_acknowledged() {
    let (machine, life, service, ledger) = one_life(End::Kill).await;
    let until = life.journal.end();
    let mut lost = 0;
    for seed in 0..4 {
        let mut luck = Luck::new(seed);
        let left = disk::after_a_cut(
            &life.before,
            &life.journal,
            until,
            Flushes::Ignored,
            &mut luck,
        );
        lost += machine
            .faults_of(&left, Some(&service), &ledger)
            .await
            .len();
    }
    assert!(lost > 0, "the test would not notice a loss");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_of_the_disk_has_every_write() {
    let (machine, life, _, ledger) = one_life(End::Stop).await;
    assert!(!ledger.approved.is_empty());
    let seen = disk::as_seen(&life.before, &life.journal);
    let really = disk::contents(&machine.data());
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&seen), names(&really));
    assert!(seen == really, "the contents differ");
}

/// Runs a command on a store that was killed, and loses the power at moments in it; what is wrong with the files afterwards.
async fn during(command: &[&str], cuts: u32) -> Vec<Vec<String>> {
    let (mut machine, _, service, ledger) = one_life(End::Kill).await;
    let backup = machine.place.path().join("backup.db");
    let backup = backup.to_str().unwrap();
    run(&["backup", backup], &machine.data(), |_| {});
    let files = disk::contents(&machine.data());
    machine.next(&files);
    disk::fill(&machine.path("before"), &files);
    let arguments: Vec<_> = command
        .iter()
        .map(|word| if *word == "FILE" { backup } else { word })
        .collect();
    run(&arguments, &machine.data(), |command| {
        machine.attach(command);
    });
    let life = machine.ended();
    let mut luck = Luck::new(u64::from(rounds("DURABILITY_SEED", 1)));
    let mut all = Vec::new();
    for cut in 0..cuts {
        let until = match cut {
            0 => life.journal.end(),
            _ => life.journal.moment(&mut luck),
        };
        let (before, journal) = (&life.before, &life.journal);
        let left = disk::after_a_cut(before, journal, until, Flushes::Kept, &mut luck);
        let ledger = acknowledged(&ledger, u64::MAX);
        all.push(machine.faults_of(&left, Some(&service), &ledger).await);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_of_power_during_a_compaction_loses_nothing() {
    for faults in during(&["compact"], rounds("DURABILITY_CUTS", 20)).await {
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_of_power_during_a_restore_leaves_one_of_the_stores_or_asks_for_the_restore_again() {
    let cuts = rounds("DURABILITY_CUTS", 20);
    let all = during(&["restore", "--replace", "FILE"], cuts).await;
    for faults in &all {
        let asks = |fault: &String| fault.contains("restore a backup");
        assert!(faults.iter().all(asks), "{faults:#?}");
    }
    assert!(all[0].is_empty() || cuts == 0);
}

/// A Service, and one life under load.
async fn one_life(end: End) -> (Machine, Life, String, Ledger) {
    let machine = Machine::new();
    let server = Server::start(&machine.data()).await;
    let service = new_service(&mut server.connect().await.unwrap()).await;
    server.stop();
    let server = machine.start().await;
    let mut load = Load::new(&service);
    let (life, ledger) = machine.live(server, &mut load, end).await;
    (machine, life, service, ledger)
}
