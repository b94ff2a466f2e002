//! What the console of the demo shows before anybody has tried something: a Service with made-up people, and what they did in the last days.
//!
//! All of it goes through the use cases of the domain: a clock that is moved by hand runs through these days, and software authenticators respond.
//! Nothing but the demo calls this. Its names say that it is made up, and its host is one that nobody can have (RFC 2606).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use domain::model::audit::{Actor, ActorKind};
use domain::model::clock::{Clock as _, SteppedClock, SystemRandomness, Timestamp};
use domain::model::ids::AccountId;
use domain::model::policy::{Attachment, PartialSelection};
use domain::model::settings::WireSettings;
use domain::service::authentication::{StartAuthentication, Who};
use domain::service::ceremony::Terms;
use domain::service::prepared::Prepared;
use domain::service::registration::StartRegistration;
use domain::store::Storage;
use domain::webauthn::credential::Aaguid;
use domain::webauthn::json::{Limits, parse};
use domain::webauthn::options::{ResidentKey, UserVerification};
use domain::webauthn::origin::Origin;
use domain::webauthn::relying_party::RpId;
use domain::webauthn::response::{AuthenticationResponse, RegistrationResponse, ResponseForm};
use domain::{Passkeys, Reason, Refusal};
use storage::conformance::device::{Claims, Device};

/// The name of the Service.
const SERVICE: &str = "Sample shop (made-up people)";
const RP_ID: &str = "shop.example";
const ORIGIN: &str = "https://shop.example";
/// A page that is not of the Service.
const FOREIGN: &str = "https://shop.example.phishing.example";

/// A model of an authenticator: its AAGUID, its name, and whether its passkeys are synced.
struct Model {
    aaguid: &'static [u8; 16],
    name: &'static str,
    synced: bool,
    /// Whether it counts signatures.
    counts: bool,
}

const PHONE: Model = Model {
    aaguid: b"sample phone 001",
    name: "Sample phone",
    synced: true,
    counts: false,
};
const MANAGER: Model = Model {
    aaguid: b"sample manager 1",
    name: "Sample password manager",
    synced: true,
    counts: false,
};
const LAPTOP: Model = Model {
    aaguid: b"sample laptop 01",
    name: "Sample laptop",
    synced: false,
    counts: false,
};
const KEY: Model = Model {
    aaguid: b"sample key 00001",
    name: "Sample security key",
    synced: false,
    counts: true,
};

const MODELS: [&Model; 4] = [&PHONE, &MANAGER, &LAPTOP, &KEY];

/// The people, and what each has.
const PEOPLE: [(&str, &Model); 8] = [
    ("sample-ada", &PHONE),
    ("sample-bruno", &MANAGER),
    ("sample-chen", &LAPTOP),
    ("sample-dora", &PHONE),
    ("sample-emil", &KEY),
    ("sample-farah", &MANAGER),
    ("sample-goran", &PHONE),
    ("sample-hana", &LAPTOP),
];

/// How long ago it begins, in milliseconds: six days.
const AGO_MS: i64 = 6 * DAY_MS;
const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;
/// From one sign-in to the next.
const APART_MS: i64 = 150 * MINUTE_MS;
/// How long a person takes to respond.
const RESPONDS_MS: i64 = 8_000;

/// What goes wrong at a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    /// The response comes from a page that is not of the Service.
    ForeignPage,
    /// The user was not verified.
    Unverified,
    /// The passkey belongs to another site.
    OtherSite,
    /// Nobody responds.
    Cancelled,
    /// The signature counter is smaller than the one before.
    CounterFell,
}

const MISHAPS: [Mishap; 5] = [
    Mishap::ForeignPage,
    Mishap::Cancelled,
    Mishap::Unverified,
    Mishap::OtherSite,
    Mishap::CounterFell,
];

/// The names of the models.
pub(super) fn model_names() -> BTreeMap<Aaguid, String> {
    let names = MODELS.map(|model| (Aaguid::new(*model.aaguid), model.name.to_owned()));
    names.into()
}

/// Fills the store of the demo.
///
/// # Errors
/// The store fails.
pub(super) async fn fill(
    storage: Arc<dyn Storage>,
    account: AccountId,
    now: Timestamp,
) -> Result<(), Refusal> {
    let clock = Arc::new(SteppedClock::starting_at(now.plus_millis(-AGO_MS)));
    let passkeys = Passkeys::open(storage, clock.clone(), Arc::new(SystemRandomness)).await?;
    let mut shop = Shop::open(passkeys, clock, account).await?;
    for (person, (name, model)) in PEOPLE.into_iter().enumerate() {
        shop.register(person, name, model).await?;
        shop.clock.advance_millis(25 * MINUTE_MS);
    }
    shop.change_passkeys().await?;
    let mut turn = 0;
    while shop.clock.now().plus_millis(APART_MS) < now {
        shop.clock.advance_millis(APART_MS);
        // Some people come more often than others.
        let person = [0, 1, 3, 0, 5, 2, 1, 4, 0, 7][turn % 10];
        shop.sign_in(person, None).await?;
        if turn % 4 == 3 {
            shop.clock.advance_millis(MINUTE_MS);
            let mishap = MISHAPS[turn / 4 % MISHAPS.len()];
            // Only a security key counts signatures.
            let person = if mishap == Mishap::CounterFell { 4 } else { 6 };
            shop.sign_in(person, Some(mishap)).await?;
        }
        turn += 1;
    }
    Ok(())
}

/// A person with an authenticator.
struct Person {
    name: &'static str,
    model: &'static Model,
    device: Device,
    credential: Vec<u8>,
    /// The handle of the user.
    handle: Vec<u8>,
    signatures: u32,
}

/// The Service while it is filled.
struct Shop {
    passkeys: Passkeys,
    clock: Arc<SteppedClock>,
    rp: Arc<Prepared>,
    people: Vec<Person>,
}

/// The back end of the shop. On the Twilio API it sends both calls of a ceremony, so no event has the address of a browser. Its own is one for documents
/// (RFC 5737).
fn back_end() -> Actor {
    Actor::new(ActorKind::Api, "twilio").at(Some(IpAddr::from([192, 0, 2, 10])))
}

/// The support desk of the shop.
fn support() -> Actor {
    Actor::new(ActorKind::Admin, "console").named("Sample support desk")
}

/// The text of a credential as a browser sends it, parsed.
macro_rules! response {
    ($kind:ident, $credential:expr) => {{
        let text = $credential.to_string();
        let json = parse(text.as_bytes(), &Limits::default());
        let json = json.map_err(|error| unreadable(&error))?;
        $kind::from_json(&json, &ResponseForm::STRICT).map_err(|error| unreadable(&error))?
    }};
}

fn unreadable(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(
        Reason::Internal,
        format!("a sample cannot be read: {error}"),
    )
}

impl Shop {
    async fn open(
        passkeys: Passkeys,
        clock: Arc<SteppedClock>,
        account: AccountId,
    ) -> Result<Self, Refusal> {
        let selection = PartialSelection {
            rp_id: Some(RpId::parse(RP_ID).map_err(|error| unreadable(&error))?),
            origins: Some(vec![
                Origin::parse_configured(ORIGIN).map_err(|error| unreadable(&error))?,
            ]),
            attachment: Some(Attachment::Any),
            resident_key: Some(ResidentKey::Preferred),
            user_verification: Some(UserVerification::Required),
            ..PartialSelection::default()
        };
        let (settings, by) = (WireSettings::default(), support());
        let created = passkeys.create_relying_party(account, SERVICE, selection, settings, &by);
        let rp = passkeys.relying_party_itself(created.await?.id).await?;
        Ok(Self {
            passkeys,
            clock,
            rp,
            people: Vec::new(),
        })
    }

    /// A person registers the first passkey.
    async fn register(
        &mut self,
        number: usize,
        name: &'static str,
        model: &'static Model,
    ) -> Result<(), Refusal> {
        let none = PartialSelection::default();
        let start = StartRegistration::new(name, model.name, &none, Terms::new(back_end()));
        let started = self.passkeys.start_registration(&self.rp, start).await?;
        self.clock.advance_millis(RESPONDS_MS);
        let mut device = Device::of_model(*model.aaguid);
        let credential = format!("made-up passkey {number:04}").into_bytes();
        let challenge = &started.ceremony.asked.challenge;
        let created = device.create(
            (RP_ID, ORIGIN),
            challenge,
            credential.clone(),
            &claims(model, 0),
        );
        let response = response!(RegistrationResponse, created);
        let (rp, by) = (self.rp.id, back_end());
        let finished = self.passkeys.finish_registration(rp, &response, None, &by);
        finished.await?;
        self.people.push(Person {
            name,
            model,
            device,
            credential,
            handle: started.user.id.user_handle().as_bytes().to_vec(),
            signatures: 0,
        });
        Ok(())
    }

    /// Support renames the passkey of one person, and revokes that of another, who lost the phone.
    async fn change_passkeys(&mut self) -> Result<(), Refusal> {
        for (person, name) in [(1, Some("Sample password manager at work")), (6, None)] {
            let rp = self.rp.id;
            let owner = self.people[person].name;
            let (user, records) = self.passkeys.user_with_credentials(rp, owner).await?;
            let Some(key) = records.first().map(|record| record.key) else {
                continue;
            };
            self.clock.advance_millis(10 * MINUTE_MS);
            let (passkeys, by) = (&self.passkeys, support());
            if let Some(name) = name {
                let renamed = passkeys.rename_credential_or_registration(&user, key, name, &by);
                renamed.await?;
            } else {
                let revoked = passkeys.delete_credential_or_registration(&user, key, &by);
                revoked.await?;
            }
        }
        // A new phone.
        let (name, model) = PEOPLE[6];
        let old = self.people.len();
        self.register(old, name, model).await?;
        self.people.swap_remove(6);
        Ok(())
    }

    /// A person signs in, or cannot.
    async fn sign_in(&mut self, number: usize, mishap: Option<Mishap>) -> Result<(), Refusal> {
        let Some(person) = self.people.get_mut(number) else {
            return Ok(());
        };
        let start = StartAuthentication::new(Who::User(person.name.into()), Terms::new(back_end()));
        let ceremony = self.passkeys.start_authentication(&self.rp, start).await?;
        self.clock.advance_millis(RESPONDS_MS);
        let fell = mishap == Some(Mishap::CounterFell);
        person.signatures += 1;
        let counter = if fell { 1 } else { person.signatures };
        let mut said = claims(person.model, counter);
        let (mut rp_id, mut origin) = (RP_ID, ORIGIN);
        match mishap {
            Some(Mishap::Cancelled) => return Ok(()),
            Some(Mishap::ForeignPage) => origin = FOREIGN,
            Some(Mishap::OtherSite) => rp_id = "other.example",
            Some(Mishap::Unverified) => said.user_verified = Some(false),
            Some(Mishap::CounterFell) | None => {}
        }
        let credential = person.device.get(
            (rp_id, origin),
            &ceremony.asked.challenge,
            (&person.credential, &person.handle),
            &said,
        );
        let response = response!(AuthenticationResponse, credential);
        let (rp, by) = (self.rp.id, back_end());
        let finished = self
            .passkeys
            .finish_authentication(rp, &response, &by)
            .await;
        match finished {
            Err(refusal) if mishap.is_none() => Err(refusal),
            _ => Ok(()),
        }
    }
}

/// What an authenticator of a model says.
fn claims(model: &Model, signatures: u32) -> Claims {
    Claims {
        sign_count: model.counts.then_some(signatures),
        backup_eligible: Some(model.synced),
        backup_state: Some(model.synced),
        ..Claims::default()
    }
}

#[cfg(test)]
mod tests {
    use domain::model::audit::{AuditEvent, AuditKind};
    use domain::model::clock::SystemClock;
    use domain::model::page::PageRequest;
    use domain::service::accounts::Bootstrap;
    use domain::store::EventFilter;
    use storage::memory::Memory;

    use super::*;

    async fn filled() -> (Passkeys, AccountId, Timestamp) {
        let store: Arc<dyn Storage> = Arc::new(Memory::new());
        let clock = Arc::new(SystemClock::default());
        let passkeys = Passkeys::open(store.clone(), clock, Arc::new(SystemRandomness));
        let passkeys = passkeys.await.unwrap();
        let Bootstrap::Created(account, _) = passkeys.bootstrap(None).await.unwrap() else {
            unreachable!("the store is empty");
        };
        let now = passkeys.now();
        Box::pin(fill(store, account, now)).await.unwrap();
        (passkeys, account, now)
    }

    #[tokio::test]
    async fn the_console_of_the_demo_has_people_sign_ins_and_refusals_of_the_last_days() {
        let (passkeys, account, now) = Box::pin(filled()).await;
        let all = PageRequest::first(10);
        let services = passkeys.list_relying_parties(account, all).await.unwrap();
        let [shop] = &services.items[..] else {
            unreachable!("one Service");
        };
        assert!(shop.name.contains("made-up"));
        let people = passkeys.list_users(shop.id, PageRequest::first(50)).await;
        let people = people.unwrap().items;
        assert_eq!(people.len(), PEOPLE.len());
        for person in &people {
            assert!(person.name.starts_with("sample-"), "{}", person.name);
            let (_, passkeys) = passkeys
                .user_with_credentials(shop.id, person.id)
                .await
                .unwrap();
            assert_eq!(passkeys.len(), 1, "{}", person.name);
        }
        let filter = EventFilter::default();
        let found = passkeys.find_events(shop.id, &filter, 1000).await.unwrap();
        let of = |kind| found.events.iter().filter(move |event| event.kind == kind);
        assert!(of(AuditKind::Authenticated).count() > 30);
        let refused: Vec<&AuditEvent> = of(AuditKind::AuthenticationRefused).collect();
        for reason in [
            Reason::OriginNotAllowed,
            Reason::UserNotVerified,
            Reason::RpIdHashMismatch,
        ] {
            let there = refused.iter().any(|event| event.reason == Some(reason));
            assert!(there, "{reason:?}: {refused:?}");
        }
        assert!(of(AuditKind::Authenticated).any(|event| !event.signals.is_empty()));
        assert_eq!(of(AuditKind::CredentialDeleted).count(), 1);
        assert_eq!(of(AuditKind::CredentialRenamed).count(), 1);
        // Nothing happens later than now, and something happened on each day.
        assert!(found.events.iter().all(|event| event.at <= now));
        for day in 0..6 {
            let from = now.plus_millis(-(day + 1) * DAY_MS);
            let until = now.plus_millis(-day * DAY_MS);
            let mut events = found.events.iter();
            assert!(
                events.any(|event| from <= event.at && event.at < until),
                "{day}"
            );
        }
        let models = passkeys.models_in_use(account).await.unwrap();
        assert_eq!(models.users, 8);
        assert_eq!(models.models.len(), MODELS.len());
    }
}
