//! FIDO metadata in the service: taken in, shared by nodes, kept over a restart, and put before every registration.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::Passkeys;
use domain::Reason;
use domain::model::audit::{Actor, ActorKind};
use domain::model::clock::{Clock as _, SteppedClock, SystemRandomness, Timestamp};
use domain::model::credential::CredentialRecord;
use domain::model::metadata::MetadataSource;
use domain::model::policy::{Attachment, PartialSelection};
use domain::model::refusal::Refusal;
use domain::model::settings::WireSettings;
use domain::service::ceremony::Terms;
use domain::service::metadata::{
    ImportedMetadata, MetadataChanges, MetadataTrust, ModelName, StatusChange,
};
use domain::service::prepared::Prepared;
use domain::service::registration::StartRegistration;
use serde_json::Value;
use storage::memory::Memory;
use testkit::metadata::{Blob, BlobLies, Entry, Service, Status};
use testkit::{Algorithm, Authenticator, Chain, Lies, Profile, Validity};
use webauthn::credential::Aaguid;
use webauthn::json::Limits;
use webauthn::metadata::SIGNER_NAME;
use webauthn::options::{ResidentKey, UserVerification};
use webauthn::origin::Origin;
use webauthn::relying_party::RpId;
use webauthn::response::{RegistrationResponse, ResponseForm};

const ORIGIN: &str = "https://login.acme.test";
const NOW: Timestamp = Timestamp(1_800_000_000_000);
const DAY: i64 = 86_400_000;
const MODEL: [u8; 16] = [0x42; 16];
static USER: Actor = Actor::new(ActorKind::User, "test");

/// A store with one Relying Party, on which any number of nodes run.
struct Fixture {
    store: Arc<Memory>,
    clock: Arc<SteppedClock>,
    service: Service,
    rp: Prepared,
}

impl Fixture {
    async fn new() -> Self {
        // As at the real service, the signer's certificate expires before the metadata does.
        let chain = Chain {
            intermediates: 1,
            leaf: Validity {
                not_before: NOW.seconds() - 60,
                not_after: NOW.seconds() + 60,
            },
            ..Chain::default()
        };
        let store = Arc::new(Memory::default());
        let clock = Arc::new(SteppedClock::starting_at(NOW));
        let node = open(&store, &clock).await;
        let domain::service::accounts::Bootstrap::Created(account, _) =
            node.bootstrap(None).await.unwrap()
        else {
            panic!("a new store holds no account")
        };
        let selection = PartialSelection {
            rp_id: Some(RpId::parse("acme.test").unwrap()),
            rp_name: Some("Acme".to_owned()),
            origins: Some(vec![Origin::parse_configured(ORIGIN).unwrap()]),
            attachment: Some(Attachment::Any),
            resident_key: Some(ResidentKey::Preferred),
            user_verification: Some(UserVerification::Preferred),
        };
        let rp =
            node.create_relying_party(account, "Acme", selection, WireSettings::default(), &USER);
        let rp = rp.await.unwrap();
        Self {
            store,
            clock,
            service: Service::with_chain(Algorithm::ES256, chain).unwrap(),
            rp: rp.into(),
        }
    }

    fn trust(&self) -> MetadataTrust {
        MetadataTrust {
            roots: vec![self.service.root().to_vec()],
            signer_name: Some(SIGNER_NAME.to_owned()),
            ..MetadataTrust::default()
        }
    }

    /// A process that believes the service.
    async fn node(&self) -> Passkeys {
        open(&self.store, &self.clock)
            .await
            .with_metadata_trust(self.trust())
    }

    fn blob(&self, no: i64, entries: Vec<Entry>) -> String {
        let blob = Blob {
            no,
            ..Blob::of(entries)
        };
        self.service.sign(&blob).unwrap()
    }

    /// The answer of an authenticator to a registration that begins now, of a user of its own.
    async fn answer(&self, node: &Passkeys, authenticator: &mut Authenticator) -> Value {
        self.clock.advance_millis(1);
        let user_name = format!("user {}", self.clock.now().0);
        let selection = PartialSelection::default();
        let start =
            StartRegistration::new(&*user_name, "Key", &selection, Terms::new(USER.clone()));
        let started = node.start_registration(&self.rp, start).await.unwrap();
        let options = serde_json::to_value(started.options).unwrap();
        let credential = authenticator.create(&options, ORIGIN, &Lies::default());
        credential.unwrap()
    }

    async fn finish(&self, node: &Passkeys, answer: &Value) -> Result<CredentialRecord, Refusal> {
        let text = answer.to_string();
        let json = webauthn::json::parse(text.as_bytes(), &Limits::default()).unwrap();
        let response = RegistrationResponse::from_json(&json, &ResponseForm::STRICT).unwrap();
        let finished = node
            .finish_registration(self.rp.id, &response, None, &USER)
            .await;
        finished.map(|finished| finished.record)
    }

    async fn register(
        &self,
        node: &Passkeys,
        authenticator: &mut Authenticator,
    ) -> Result<CredentialRecord, Refusal> {
        let answer = self.answer(node, authenticator).await;
        self.finish(node, &answer).await
    }
}

async fn open(store: &Arc<Memory>, clock: &Arc<SteppedClock>) -> Passkeys {
    let (store, clock) = (Arc::<Memory>::clone(store), Arc::clone(clock));
    let passkeys = Passkeys::open(store, clock, Arc::new(SystemRandomness));
    passkeys.await.unwrap()
}

async fn import(node: &Passkeys, blob: &str) -> Result<ImportedMetadata, Reason> {
    let imported = node
        .import_metadata(blob.as_bytes(), MetadataSource::Command)
        .await;
    imported.map_err(|refusal| refusal.reason)
}

fn no(node: &Passkeys) -> Option<u64> {
    node.metadata().map(|in_use| in_use.metadata.no())
}

/// A security key that attests, of the model.
fn security_key() -> Authenticator {
    Authenticator::new(Profile {
        aaguid: MODEL,
        ..Profile::security_key()
    })
}

fn certified(root: Vec<u8>) -> Entry {
    Entry::fido2(MODEL, root)
}

fn revoked(root: Vec<u8>) -> Entry {
    certified(root).with_statuses(vec![
        Status::new("FIDO_CERTIFIED_L1", "2020-01-01"),
        Status::new("REVOKED", "2026-01-01"),
    ])
}

#[tokio::test]
async fn an_attestation_is_trusted_by_the_anchors_of_the_metadata_alone() {
    let fixture = Fixture::new().await;
    let node = fixture.node().await;
    let mut key = security_key();
    let root = key.attestation_root().unwrap();
    let before = fixture.register(&node, &mut key).await.unwrap();
    assert_eq!(before.trust, "unknown");
    import(&node, &fixture.blob(1, vec![certified(root)]))
        .await
        .unwrap();
    let after = fixture.register(&node, &mut key).await.unwrap();
    assert_eq!(after.trust, "trusted");
    // Somebody else's key that claims to be of the model.
    let refused = fixture
        .register(&node, &mut security_key())
        .await
        .unwrap_err();
    assert_eq!(refused.reason, Reason::AttestationUntrusted);
}

#[tokio::test]
async fn a_model_that_is_revoked_registers_no_more_even_in_a_ceremony_begun_before() {
    let fixture = Fixture::new().await;
    let node = fixture.node().await;
    let mut key = security_key();
    let root = key.attestation_root().unwrap();
    import(&node, &fixture.blob(1, vec![certified(root.clone())]))
        .await
        .unwrap();
    fixture.register(&node, &mut key).await.unwrap();
    let begun = fixture.answer(&node, &mut key).await;
    import(&node, &fixture.blob(2, vec![revoked(root)]))
        .await
        .unwrap();
    let refused = fixture.finish(&node, &begun).await.unwrap_err();
    assert_eq!(refused.reason, Reason::AuthenticatorStatusRefused);
    let refused = fixture.register(&node, &mut key).await.unwrap_err();
    assert_eq!(refused.reason, Reason::AuthenticatorStatusRefused);
}

#[tokio::test]
async fn another_node_takes_up_what_one_imported() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.node().await, fixture.node().await);
    assert_eq!(
        two.refresh_metadata().await,
        Ok(false),
        "there are none yet"
    );
    import(&one, &fixture.blob(4, vec![])).await.unwrap();
    assert_eq!(no(&two), None);
    assert_eq!(two.refresh_metadata().await, Ok(true));
    assert_eq!(no(&two), Some(4));
    assert_eq!(two.refresh_metadata().await, Ok(false));
    // It is not fooled into going back, even before it has looked.
    import(&one, &fixture.blob(6, vec![])).await.unwrap();
    let refused = import(&two, &fixture.blob(5, vec![])).await;
    assert_eq!(refused.unwrap_err(), Reason::MetadataRollback);
    assert_eq!(no(&two), Some(6));
}

#[tokio::test]
async fn metadata_outlive_a_restart_and_their_signers_certificate() {
    let fixture = Fixture::new().await;
    let blob = fixture.blob(1, vec![]);
    import(&fixture.node().await, &blob).await.unwrap();
    fixture.clock.advance_millis(30 * DAY);
    let node = fixture.node().await;
    assert_eq!(node.refresh_metadata().await, Ok(true));
    let in_use = node.metadata().unwrap();
    assert_eq!(in_use.imported, NOW);
    assert_eq!(in_use.source, MetadataSource::Command);
    // As something new, the same bytes would be refused now.
    let refused = import(
        &open(&Arc::default(), &fixture.clock)
            .await
            .with_metadata_trust(fixture.trust()),
        &blob,
    )
    .await;
    assert_eq!(refused.unwrap_err(), Reason::MetadataUntrusted);
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let fixture = Fixture::new().await;
    let node = fixture.node().await;
    import(&node, &fixture.blob(5, vec![certified(vec![])]))
        .await
        .unwrap();
    let in_use = node.metadata().unwrap();
    let lies = BlobLies {
        tampered_signature: true,
        ..BlobLies::default()
    };
    let sixth = Blob {
        no: 6,
        ..Blob::default()
    };
    let forged = fixture.service.sign_with_lies(&sixth, &lies).unwrap();
    let stranger = Service::new(Algorithm::ES256).unwrap();
    let another_host = BlobLies {
        host: Some("mds.example.org".to_owned()),
        ..BlobLies::default()
    };
    let of_another_host = fixture
        .service
        .sign_with_lies(&sixth, &another_host)
        .unwrap();
    for (blob, reason) in [
        (String::new(), Reason::MetadataMalformed),
        ("<html></html>".to_owned(), Reason::MetadataMalformed),
        (forged, Reason::MetadataUntrusted),
        (stranger.sign(&sixth).unwrap(), Reason::MetadataUntrusted),
        (of_another_host, Reason::MetadataMalformed),
        (fixture.blob(4, vec![]), Reason::MetadataRollback),
        // The same number with another content.
        (fixture.blob(5, vec![]), Reason::MetadataRollback),
    ] {
        assert_eq!(import(&node, &blob).await.unwrap_err(), reason, "{blob}");
        assert_eq!(node.metadata().unwrap(), in_use);
    }
    let state = node.metadata_state();
    assert_eq!(state.in_use, Some(in_use));
    assert_eq!(state.problem, None);
}

#[tokio::test]
async fn the_same_again_is_fine_and_nothing_new_however_it_is_signed() {
    let fixture = Fixture::new().await;
    let node = fixture.node().await;
    let first = import(&node, &fixture.blob(5, vec![])).await.unwrap();
    assert!(first.is_new());
    fixture.clock.advance_millis(1000);
    let again = import(&node, &fixture.blob(5, vec![])).await.unwrap();
    assert!(!again.is_new());
    assert_eq!(again.now.imported, NOW);
    assert_eq!(again.changes(NOW), MetadataChanges::default());
}

#[tokio::test]
async fn a_number_that_no_store_can_count_is_refused() {
    let fixture = Fixture::new().await;
    let node = fixture.node().await;
    let mut blob = Blob::default();
    blob.extra.insert("no".to_owned(), u64::MAX.into());
    let refused = import(&node, &fixture.service.sign(&blob).unwrap()).await;
    assert_eq!(refused.unwrap_err(), Reason::MetadataMalformed);
}

#[tokio::test]
async fn stored_metadata_that_a_process_cannot_verify_are_a_problem_that_it_reports_once() {
    let fixture = Fixture::new().await;
    import(&fixture.node().await, &fixture.blob(5, vec![]))
        .await
        .unwrap();
    let other = Service::new(Algorithm::ES256).unwrap();
    let distrustful = open(&fixture.store, &fixture.clock)
        .await
        .with_metadata_trust(MetadataTrust {
            roots: vec![other.root().to_vec()],
            ..MetadataTrust::default()
        });
    let refused = distrustful.refresh_metadata().await.unwrap_err();
    assert_eq!(refused.reason, Reason::MetadataUntrusted);
    assert_eq!(distrustful.refresh_metadata().await, Ok(false));
    let state = distrustful.metadata_state();
    assert_eq!((state.in_use, state.problem), (None, Some(refused)));
    // It still registers, and newer metadata fixes it.
    fixture
        .register(&distrustful, &mut security_key())
        .await
        .unwrap();
    let sixth = Blob {
        no: 6,
        ..Blob::default()
    };
    import(&distrustful, &other.sign(&sixth).unwrap())
        .await
        .unwrap();
    let state = distrustful.metadata_state();
    assert_eq!(state.problem, None);
    assert_eq!(no(&distrustful), Some(6));
}

#[tokio::test]
async fn after_a_removal_metadata_of_any_number_are_taken_in() {
    let fixture = Fixture::new().await;
    let node = fixture.node().await;
    assert_eq!(node.remove_metadata().await, Ok(false));
    import(&node, &fixture.blob(5, vec![])).await.unwrap();
    assert_eq!(node.remove_metadata().await, Ok(true));
    assert_eq!(no(&node), None);
    assert!(
        import(&node, &fixture.blob(4, vec![]))
            .await
            .unwrap()
            .is_new()
    );
    assert_eq!(no(&node), Some(4));
}

#[tokio::test]
async fn metadata_that_one_node_removed_goes_out_of_use_on_all_at_their_next_look() {
    let fixture = Fixture::new().await;
    let (here, there) = (fixture.node().await, fixture.node().await);
    import(&here, &fixture.blob(5, vec![])).await.unwrap();
    assert_eq!(there.refresh_metadata().await, Ok(true));
    assert_eq!(no(&there), Some(5));
    assert_eq!(here.remove_metadata().await, Ok(true));
    assert_eq!((no(&here), no(&there)), (None, Some(5)));
    assert_eq!(there.refresh_metadata().await, Ok(true));
    assert_eq!(no(&there), None);
    assert_eq!(there.refresh_metadata().await, Ok(false));
    // A process that starts now finds nothing, and nothing to tell.
    let new = fixture.node().await;
    assert_eq!(new.refresh_metadata().await, Ok(false));
    // An older edition is the current one now, everywhere. One that is older still is kept out again.
    import(&there, &fixture.blob(4, vec![])).await.unwrap();
    for node in [&here, &new] {
        assert_eq!(node.refresh_metadata().await, Ok(true));
        assert_eq!(no(node), Some(4));
        let refused = import(node, &fixture.blob(3, vec![])).await.unwrap_err();
        assert_eq!(refused, Reason::MetadataRollback);
    }
}

#[tokio::test]
async fn a_node_that_missed_the_removal_follows_to_an_older_edition() {
    let fixture = Fixture::new().await;
    let (here, there) = (fixture.node().await, fixture.node().await);
    import(&here, &fixture.blob(5, vec![])).await.unwrap();
    assert_eq!(there.refresh_metadata().await, Ok(true));
    here.remove_metadata().await.unwrap();
    import(&here, &fixture.blob(2, vec![])).await.unwrap();
    // Its own import looks at the store first.
    let imported = import(&there, &fixture.blob(3, vec![])).await.unwrap();
    let before = imported.before.as_ref().map(|before| before.metadata.no());
    assert_eq!((before, no(&there)), (Some(2), Some(3)));
    assert_eq!(here.refresh_metadata().await, Ok(true));
    assert_eq!(no(&here), Some(3));
}

#[tokio::test]
async fn stale_metadata_are_used_and_known_to_be_stale() {
    let fixture = Fixture::new().await;
    let node = fixture.node().await;
    let mut key = security_key();
    let root = key.attestation_root().unwrap();
    let blob = Blob {
        next_update: "2027-01-15".to_owned(),
        ..Blob::of(vec![revoked(root)])
    };
    import(&node, &fixture.service.sign(&blob).unwrap())
        .await
        .unwrap();
    let in_use = node.metadata().unwrap();
    assert!(!in_use.is_stale(NOW));
    fixture.clock.advance_millis(DAY);
    assert!(in_use.is_stale(node.now()));
    let refused = fixture.register(&node, &mut key).await.unwrap_err();
    assert_eq!(refused.reason, Reason::AuthenticatorStatusRefused);
}

#[tokio::test]
async fn changes_are_told_by_model() {
    let fixture = Fixture::new().await;
    let node = fixture.node().await;
    let named = |aaguid: [u8; 16], description: &str| Entry {
        description: description.to_owned(),
        ..Entry::fido2(aaguid, vec![])
    };
    let model = |aaguid: [u8; 16], description: &str| ModelName {
        aaguid: Some(Aaguid::new(aaguid)),
        description: Some(description.to_owned()),
    };
    let u2f = Entry::u2f(vec!["ab".repeat(20)], vec![]);
    let models = vec![named(MODEL, "A"), named([2; 16], "B"), u2f.clone()];
    let first = import(&node, &fixture.blob(1, models)).await.unwrap();
    let changes = first.changes(NOW);
    assert_eq!((changes.new.len(), changes.gone.len()), (3, 0));
    let second = vec![
        named(MODEL, "A2").with_statuses(vec![
            Status::new("FIDO_CERTIFIED_L1", "2020-01-01"),
            Status::new("UPDATE_AVAILABLE", "2026-06-01"),
            Status::new("REVOKED", "2099-01-01"),
        ]),
        named([3; 16], "C"),
        u2f,
    ];
    let changes = import(&node, &fixture.blob(2, second))
        .await
        .unwrap()
        .changes(NOW);
    assert_eq!(
        changes,
        MetadataChanges {
            new: vec![model([3; 16], "C")],
            gone: vec![model([2; 16], "B")],
            changed: vec![StatusChange {
                model: model(MODEL, "A2"),
                from: vec!["FIDO_CERTIFIED_L1".to_owned()],
                to: vec![
                    "FIDO_CERTIFIED_L1".to_owned(),
                    "UPDATE_AVAILABLE".to_owned()
                ],
            }],
        }
    );
}

#[tokio::test]
async fn a_provider_is_called_as_the_operator_or_else_the_metadata_say() {
    let fixture = Fixture::new().await;
    let own = BTreeMap::from([(Aaguid::new([7; 16]), "Our wallet".to_owned())]);
    let node = fixture.node().await.with_provider_names(own);
    let name = |aaguid: [u8; 16]| node.provider_name(Aaguid::new(aaguid));
    assert_eq!(name([7; 16]).as_deref(), Some("Our wallet"));
    assert_eq!(name(MODEL), None);
    let entries = vec![certified(vec![]), Entry::fido2([7; 16], vec![])];
    import(&node, &fixture.blob(1, entries)).await.unwrap();
    assert_eq!(name(MODEL).as_deref(), Some("passkeyd testkit"));
    assert_eq!(name([7; 16]).as_deref(), Some("Our wallet"));
    assert_eq!(name([0; 16]), None);
}

#[tokio::test]
async fn several_entries_about_a_model_are_one_model_with_the_reports_of_all() {
    let fixture = Fixture::new().await;
    let node = fixture.node().await;
    let (first, second) = (certified(vec![]), revoked(vec![]));
    let both = fixture.blob(1, vec![first.clone(), second]);
    let changes = import(&node, &both).await.unwrap().changes(NOW);
    let [new] = &changes.new[..] else {
        panic!("one model is new")
    };
    assert_eq!(new.aaguid, Some(Aaguid::new(MODEL)));
    let one = fixture.blob(2, vec![first]);
    let changes = import(&node, &one).await.unwrap().changes(NOW);
    assert!(changes.new.is_empty() && changes.gone.is_empty());
    let [model] = &changes.changed[..] else {
        panic!("one model changed")
    };
    assert_eq!(
        model.from,
        ["FIDO_CERTIFIED_L1", "FIDO_CERTIFIED_L1", "REVOKED"]
    );
    assert_eq!(model.to, ["FIDO_CERTIFIED_L1"]);
}
