//! How many authentications the embedded store carries: for each, a begin, a load and a finish through the
//! trait, without wire and without a second signature check. `cargo bench --profile dist -p passkeyd-storage`; `-- 64` for one number of tasks only.
//!
//! Each run has its own users and credentials on a fresh file in the working directory's `target` (a memory file
//! system would flatter it), a number of tasks that sign in one after another, and prints ceremonies per
//! second with the times of a begin and of a finish.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Passkeys;
use domain::model::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use domain::model::ceremony::Authentication;
use domain::model::clock::{Clock, SystemClock, SystemRandomness};
use domain::model::credential::CredentialRecord;
use domain::model::ids::{AttemptId, CeremonyId, EventId};
use domain::model::policy::{Attachment, PartialSelection};
use domain::model::settings::WireSettings;
use domain::service::accounts::Bootstrap;
use domain::service::authentication::{StartAuthentication, Who};
use domain::service::ceremony::Terms;
use domain::service::prepared::Prepared;
use domain::service::registration::StartRegistration;
use domain::store::{CounterRule, FinishAuthentication, FinishedAuthentication, Storage, Survival};
use storage::{Embedded, Options};
use testkit::{Authenticator, Lies, Profile};
use webauthn::authentication::{VerifiedAuthentication, verify_authentication};
use webauthn::json::Limits;
use webauthn::options::{ResidentKey, UserVerification};
use webauthn::origin::Origin;
use webauthn::relying_party::RpId;
use webauthn::response::{AuthenticationResponse, RegistrationResponse, ResponseForm};
use webauthn::trace::NoTrace;

/// Who does it all.
const BENCH: Actor = Actor::new(ActorKind::Api, "bench");

const ORIGIN: &str = "https://login.acme.test";
/// Ceremonies in a run, over all tasks.
const CEREMONIES: usize = 20_000;

/// A user who signs in, with an authentication that was verified once. The store does not look at the challenge,
/// so the same verdict counts for every ceremony.
#[derive(Clone)]
struct Person {
    template: Authentication,
    record: CredentialRecord,
    verified: VerifiedAuthentication,
}

fn main() {
    // `cargo test --benches` only wants to see that it starts.
    let test = std::env::args().any(|arg| arg == "--test");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ceremonies = if test { 64 } else { CEREMONIES };
    match runtime {
        Ok(runtime) => {
            let asked = std::env::args().find_map(|arg| arg.parse().ok());
            for tasks in asked.map_or(vec![1, 8, 64], |tasks| vec![tasks]) {
                runtime.block_on(run(tasks, ceremonies));
            }
        }
        Err(error) => eprintln!("no runtime: {error}"),
    }
}

#[expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for developers"
)]
async fn run(tasks: usize, ceremonies: usize) {
    let directory = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let store = Embedded::open(&directory.path().join("store.db"), Options::default()).unwrap();
    let store: Arc<dyn Storage> = Arc::new(store);
    let people = people(&store, tasks).await;

    let started = now();
    let handles: Vec<_> = people
        .into_iter()
        .map(|person| {
            let (store, count) = (Arc::clone(&store), ceremonies / tasks);
            tokio::spawn(async move {
                let mut times = Vec::with_capacity(count);
                for _ in 0..count {
                    times.push(sign_in(&*store, &person).await);
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for handle in handles {
        times.extend(handle.await.unwrap());
    }
    let elapsed = started.elapsed();
    store.close().await.unwrap();

    let (mut begin, mut finish): (Vec<_>, Vec<_>) = times.into_iter().unzip();
    begin.sort_unstable();
    finish.sort_unstable();
    let percentile = |times: &[Duration], part: usize| times[(times.len() - 1) * part / 100];
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
    let rate = begin.len() as f64 / elapsed.as_secs_f64();
    println!(
        "{tasks:>3} tasks: {rate:>8.0} ceremonies/s; begin p50 {:?} p99 {:?}; load + finish p50 {:?} p99 {:?}",
        percentile(&begin, 50),
        percentile(&begin, 99),
        percentile(&finish, 50),
        percentile(&finish, 99),
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}

/// One ceremony; how long its begin took, and its load and finish.
#[expect(clippy::unwrap_used, reason = "a program for developers")]
async fn sign_in(store: &dyn Storage, person: &Person) -> (Duration, Duration) {
    let clock = SystemClock::default();
    let (created, rp) = (clock.now(), person.record.relying_party);
    let ceremony = Arc::new(Authentication {
        id: CeremonyId::random(&SystemRandomness),
        created,
        expires: created.plus_millis(300_000),
        updated: created,
        ..person.template.clone()
    });
    let started = now();
    store
        .begin_authentication(&ceremony, &[], Survival::Stop)
        .await
        .unwrap();
    let begun = started.elapsed();

    let started = now();
    let loaded = store
        .load_for_authentication(rp, ceremony.id, &person.record.id)
        .await
        .unwrap();
    let signer = loaded.credential.unwrap();
    let (record, user) = &*signer;
    let event = AuditEvent::new(
        EventId::random(&SystemRandomness),
        AuditKind::Authenticated,
        rp,
        created,
        &BENCH,
    )
    .of(user)
    .ceremony(ceremony.id)
    .credential(record.key);
    let outcome = store
        .finish_authentication(FinishAuthentication {
            sealed: None,
            attempt: AttemptId::random(&SystemRandomness),
            relying_party: rp,
            ceremony: ceremony.id,
            now: created,
            credential: record.key,
            user: user.id,
            verified: &person.verified,
            counter: CounterRule::KeepHighest,
            event: &event,
        })
        .await;
    assert_eq!(outcome, Ok(FinishedAuthentication::Accepted));
    (begun, started.elapsed())
}

/// Registers that many users and has each sign in once.
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a program for developers"
)]
async fn people(store: &Arc<dyn Storage>, count: usize) -> Vec<Person> {
    let passkeys = Passkeys::open(
        Arc::clone(store),
        Arc::new(SystemClock::default()),
        Arc::new(SystemRandomness),
    )
    .await
    .unwrap();
    let Bootstrap::Created(account, _) = passkeys.bootstrap(None).await.unwrap() else {
        panic!("the store is new")
    };
    let selection = PartialSelection {
        rp_id: Some(RpId::parse("acme.test").unwrap()),
        rp_name: Some("Acme".to_owned()),
        origins: Some(vec![Origin::parse_configured(ORIGIN).unwrap()]),
        attachment: Some(Attachment::Any),
        resident_key: Some(ResidentKey::Preferred),
        user_verification: Some(UserVerification::Preferred),
    };
    let rp = passkeys
        .create_relying_party(account, "Acme", selection, WireSettings::default(), &BENCH)
        .await
        .unwrap();
    let rp = Prepared::from(rp);
    let mut people = Vec::new();
    for n in 0..count {
        people.push(person(&passkeys, &rp, &format!("user {n}")).await);
    }
    people
}

#[expect(clippy::unwrap_used, reason = "a program for developers")]
async fn person(passkeys: &Passkeys, rp: &Prepared, name: &str) -> Person {
    let mut authenticator = Authenticator::new(Profile::default());
    let asked = PartialSelection::default();
    let start = StartRegistration::new(name, name, &asked, Terms::new(BENCH));
    let started = passkeys.start_registration(rp, start).await.unwrap();
    let options = serde_json::to_value(&started.options).unwrap();
    let answer = authenticator
        .create(&options, ORIGIN, &Lies::default())
        .unwrap()
        .to_string();
    let json = webauthn::json::parse(answer.as_bytes(), &Limits::default()).unwrap();
    let response = RegistrationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
    let record = passkeys
        .finish_registration(rp.id, &response, None, &BENCH)
        .await
        .unwrap()
        .record;

    let template = passkeys
        .start_authentication(
            rp,
            StartAuthentication::new(Who::User(name.into()), Terms::new(BENCH)),
        )
        .await
        .unwrap();
    let options = serde_json::to_value(template.options()).unwrap();
    let answer = authenticator
        .get(&options, ORIGIN, &Lies::default())
        .unwrap()
        .to_string();
    let json = webauthn::json::parse(answer.as_bytes(), &Limits::default()).unwrap();
    let response = AuthenticationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
    let handle = started.user.id.user_handle();
    let verified = verify_authentication(
        &template.expectation(),
        &record.stored(&handle),
        &response,
        &mut NoTrace,
    )
    .unwrap();
    Person {
        template: Arc::unwrap_or_clone(template),
        record,
        verified,
    }
}
