//! Fills a store with credentials, for measurements of its growth: `bench/growth.sh` calls it.
//!
//! `seed fill STORE KEYS COUNT ACCOUNT TOKEN` makes a store with one Relying Party and so many users with a passkey each, and a file with
//! the private keys, one in hexadecimal a line. The user with number N has the key `N mod` the number of keys; id and name of the
//! user and the id of the credential are images of N, so that the load driver knows them without a list.
//!
//! `seed events STORE USERS COUNT` adds so many events of its users to it, spread over the last week: nine of ten are sign-ins, the others
//! refusals and registrations. It is for the console, which searches them; `bench/console.sh` calls it.
//!
//! `seed sizes STORE` prints the bytes and rows of each table with its indexes as one JSON object.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use domain::Passkeys;
use domain::model::account::Secret;
use domain::model::audit::{Actor, ActorKind, AuditKind};
use domain::model::ceremony::Registration;
use domain::model::clock::{Clock, Randomness, SystemClock, SystemRandomness, Timestamp};
use domain::model::credential::NewCredential;
use domain::model::ids::{AccountId, CeremonyId, UserId};
use domain::model::policy::{Attachment, PartialSelection};
use domain::model::settings::WireSettings;
use domain::model::user::User;
use domain::service::accounts::Bootstrap;
use domain::service::ceremony::Terms;
use domain::service::prepared::Prepared;
use domain::service::registration::StartRegistration;
use domain::store::{Storage, Upkeep};
use rusqlite::{Connection, OpenFlags, params};
use serde_json::json;
use storage::{Embedded, Options};
use webauthn::error::Reason;
use webauthn::json::Limits;
use webauthn::options::{ResidentKey, UserVerification};
use webauthn::origin::Origin;
use webauthn::registration::verify_registration;
use webauthn::relying_party::RpId;
use webauthn::response::{RegistrationResponse, ResponseForm};
use webauthn::trace::NoTrace;
use webauthn::{TrustFacts, UnixSeconds, base64url};

type Failure = Box<dyn Error + Send + Sync>;

const RP_ID: &str = "localhost";
const ORIGIN: &str = "http://localhost:3000";
/// Key pairs, which the users share: making one takes longer than writing a user.
const KEYS: usize = 1024;
/// Users in one transaction.
const GROUP: u64 = 20_000;
/// A week, in milliseconds.
const WEEK_MS: u64 = 7 * 86_400_000;
/// Who does it all.
const SEED: Actor = Actor::new(ActorKind::Api, "seed");

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["fill", store, keys, count, account, token] => {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_time().build()?;
            runtime.block_on(fill(store, keys, count.parse()?, account, token))
        }
        ["events", store, users, count] => events(store, users.parse()?, count.parse()?),
        ["sizes", store] => sizes(store),
        // `cargo test --examples` only wants to see that it starts.
        _ if arguments.is_empty() => Ok(()),
        _ => Err(
            "seed fill STORE KEYS COUNT ACCOUNT TOKEN, seed events STORE USERS COUNT, or seed sizes STORE"
                .into(),
        ),
    }
}

#[expect(clippy::print_stdout, reason = "its result")]
async fn fill(
    path: &str,
    keys: &str,
    count: u64,
    account: &str,
    token: &str,
) -> Result<(), Failure> {
    let options = Options {
        writer_cache_kib: 1024 * 1024,
        ..Options::default()
    };
    let store = Arc::new(Embedded::open(Path::new(path), options)?);
    let all: Arc<dyn Storage> = Arc::<Embedded>::clone(&store);
    let clock = Arc::new(SystemClock::default());
    let passkeys = Passkeys::open(all, clock, Arc::new(SystemRandomness)).await?;
    let account = account.strip_prefix("AC").unwrap_or(account);
    let account = AccountId::from_hex(account).ok_or("the account is not AC and 32 hex digits")?;
    let token = Secret::new(token);
    let Bootstrap::Created(account, _) = passkeys.bootstrap(Some((account, token))).await? else {
        return Err("the store has an account already".into());
    };
    let template = template(&passkeys, account).await?;

    let keys_of_users = make_keys(keys)?;
    // Verifying and writing take about as long, so they are done at the same time.
    let (sender, groups) = sync_channel(1);
    let pattern = template.clone();
    let maker = thread::spawn(move || -> Result<(), Failure> {
        let mut next = 0;
        while next < count {
            let until = count.min(next + GROUP);
            let group = (next..until).map(|number| {
                let key = &keys_of_users[usize::try_from(number)? % KEYS];
                person(&pattern, number, key)
            });
            sender.send(group.collect::<Result<Vec<_>, _>>()?)?;
            next = until;
        }
        Ok(())
    });
    while let Ok(group) = groups.recv() {
        store.fill(group).await?;
    }
    maker.join().map_err(|_| "the thread panicked")??;
    store.close().await?;
    let service = template.relying_party.to_hex();
    println!(
        "{}",
        json!({ "service": format!("VA{service}"), "credentials": count })
    );
    Ok(())
}

/// Creates a Relying Party, and a ceremony of it that stands for all.
async fn template(passkeys: &Passkeys, account: AccountId) -> Result<Registration, Failure> {
    let selection = PartialSelection {
        rp_id: Some(RpId::parse(RP_ID)?),
        rp_name: Some("Bench".to_owned()),
        origins: Some(vec![Origin::parse_configured(ORIGIN)?]),
        attachment: Some(Attachment::Any),
        resident_key: Some(ResidentKey::Preferred),
        user_verification: Some(UserVerification::Preferred),
    };
    let rp = passkeys
        .create_relying_party(account, "Bench", selection, WireSettings::default(), &SEED)
        .await?;
    let none = PartialSelection::default();
    let start = StartRegistration::new("first", "first", &none, Terms::new(SEED));
    let started = passkeys
        .start_registration(&Prepared::from(rp), start)
        .await?;
    Ok(started.ceremony)
}

/// Makes the keys and writes the private ones to a file; the public ones as points.
fn make_keys(path: &str) -> Result<Vec<[u8; 65]>, Failure> {
    let (mut public, mut file) = (Vec::new(), String::new());
    for _ in 0..KEYS {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
        let private =
            AsDer::<aws_lc_rs::encoding::EcPrivateKeyRfc5915Der<'_>>::as_der(&pair.private_key())?;
        file.push_str(&hex::encode(private.as_ref()));
        file.push('\n');
        public.push(pair.public_key().as_ref().try_into()?);
    }
    std::fs::write(path, file)?;
    Ok(public)
}

/// 32 bytes that follow from a number.
fn image(of: &str, number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, format!("{of} {number}").as_bytes()).as_ref());
    bytes
}

/// A user with a passkey, as a registration would have made them.
fn person(
    template: &Registration,
    number: u64,
    key: &[u8; 65],
) -> Result<(User, NewCredential), Failure> {
    let image_of_user = image("user", number);
    let mut id = [0; 16];
    id.copy_from_slice(&image_of_user[..16]);
    let user = UserId(id);
    // As long as most names that back ends give.
    let name = hex::encode(&image_of_user[16..26]);
    let now = SystemClock::default().now();
    let mut ceremony = template.clone();
    ceremony.asked.challenge = challenge(now);
    ceremony.asked.credential_name.clone_from(&name);
    ceremony.asked.user_name.clone_from(&name);
    ceremony.id = CeremonyId::of_challenge(&ceremony.asked.challenge);
    ceremony.user = user;
    ceremony.created = now;
    ceremony.updated = now;

    let answer = answer(&ceremony.asked.challenge, &image("credential", number), key);
    let json = webauthn::json::parse(answer.as_bytes(), &Limits::default())?;
    let response = RegistrationResponse::from_json(&json, &ResponseForm::STRICT)?;
    let facts = TrustFacts { metadata: None };
    let at = UnixSeconds(now.seconds());
    let verified =
        verify_registration(&ceremony.expectation(), &response, &facts, at, &mut NoTrace)?;
    let credential = NewCredential::new(&ceremony, verified, now).registered_by(&SEED);
    let user = User {
        id: user,
        relying_party: ceremony.relying_party,
        name,
        created: now,
        updated: now,
        last_success: None,
        last_failure: None,
    };
    Ok((user, credential))
}

/// A challenge as passkeyd draws it: the time and 18 random bytes in hexadecimal.
fn challenge(now: Timestamp) -> Vec<u8> {
    let mut random = [0; 18];
    SystemRandomness.fill(&mut random);
    format!("{:012x}{}", now.0, hex::encode(random)).into_bytes()
}

/// The response of a synced passkey with attestation `none`, the same as that of the load driver.
fn answer(challenge: &[u8], credential: &[u8; 32], key: &[u8; 65]) -> String {
    let challenge = base64url::encode(challenge);
    let client_data = format!(
        r#"{{"type":"webauthn.create","challenge":"{challenge}","origin":"{ORIGIN}","crossOrigin":false}}"#
    );
    let mut data = digest(&SHA256, RP_ID.as_bytes()).as_ref().to_vec();
    // User present, user verified, backup eligible, backed up, attested credential data; no counter; no AAGUID.
    data.extend([0x5d, 0, 0, 0, 0]);
    data.extend([0; 16]);
    data.extend([0, 32]);
    data.extend(credential);
    // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
    data.extend([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
    data.extend(&key[1..33]);
    data.extend([0x22, 0x58, 32]);
    data.extend(&key[33..]);
    // {"fmt": "none", "attStmt": {}, "authData": data}
    let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58\xa4".to_vec();
    attestation.extend(data);
    let id = base64url::encode(credential);
    let (client_data, attestation) = (
        base64url::encode(client_data.as_bytes()),
        base64url::encode(&attestation),
    );
    format!(
        r#"{{"id":"{id}","rawId":"{id}","type":"public-key","authenticatorAttachment":"platform","clientExtensionResults":{{}},"response":{{"clientDataJSON":"{client_data}","attestationObject":"{attestation}","transports":["internal","hybrid"]}}}}"#
    )
}

/// Adds events to a store that is filled and not open.
fn events(path: &str, users: u64, count: u64) -> Result<(), Failure> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let find = "SELECT relying_party_id FROM users LIMIT 1";
    let rp: [u8; 16] = connection.query_row(find, [], |row| row.get(0))?;
    let now = SystemClock::default().now().0;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare(
            "INSERT INTO events (relying_party_id, at, id, kind, user_id, credential_key, ceremony_id, reason, signals, \
             user_name, actor, wire, user_agent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '', NULL, ?9, 'twilio', 'bench')",
        )?;
        for number in 0..count {
            let (kind, reason) = match number % 20 {
                0 => (
                    AuditKind::AuthenticationRefused,
                    Some(Reason::SignatureInvalid),
                ),
                1 => (AuditKind::CredentialRegistered, None),
                _ => (AuditKind::Authenticated, None),
            };
            // Neighbours in time are of users who are far from each other.
            let user = image("user", number * 7919 % users);
            let event = image("event", number);
            let at = now - i64::try_from(number * WEEK_MS / count)?;
            // The key of a ceremony begins with its time.
            let mut ceremony = [0; 16];
            ceremony[..6].copy_from_slice(&at.to_be_bytes()[2..]);
            ceremony[6..].copy_from_slice(&event[16..26]);
            insert.execute(params![
                rp,
                at,
                &event[..16],
                kind.name(),
                &user[..16],
                &image("credential", number)[..16],
                ceremony,
                reason.map(Reason::name),
                ActorKind::Api.name(),
            ])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Prints the bytes and rows of each table with its indexes.
#[expect(clippy::print_stdout, reason = "its result")]
fn sizes(path: &str) -> Result<(), Failure> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare(
        "SELECT s.tbl_name, s.name, d.pgsize, d.payload, d.ncell FROM dbstat d JOIN sqlite_schema s ON s.name = d.name \
         WHERE d.aggregate = TRUE ORDER BY s.tbl_name, s.rootpage",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(json!({
            "table": row.get::<_, String>(0)?,
            "name": row.get::<_, String>(1)?,
            "bytes": row.get::<_, i64>(2)?,
            "payload": row.get::<_, i64>(3)?,
            "cells": row.get::<_, i64>(4)?,
        }))
    })?;
    let parts = rows.collect::<Result<Vec<_>, _>>()?;
    println!("{}", json!(parts));
    Ok(())
}
