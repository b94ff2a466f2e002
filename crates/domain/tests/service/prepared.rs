//! A Relying Party is prepared once.

use domain::model::token::MacKind;
use domain::service::token_keys::MacKey;
use domain::store::Tokens as _;

use super::*;

async fn load(node: &Passkeys, fixture: &Fixture) -> Arc<Prepared> {
    node.relying_party_itself(fixture.rp.id).await.unwrap()
}

#[tokio::test]
async fn a_relying_party_stays_prepared_while_its_record_stays_the_same() {
    let mut fixture = Fixture::new().await;
    let other = fixture.another_node().await;
    let first = load(&other, &fixture).await;
    let key = other.mac_key(&first, MacKind::Status).await.unwrap();
    assert!(Arc::ptr_eq(&first, &load(&other, &fixture).await));
    // Read again, and the same.
    fixture.clock.advance_millis(1_000);
    assert!(Arc::ptr_eq(&first, &load(&other, &fixture).await));

    fixture.change(|rp| rp.name = "New".to_owned()).await;
    assert_eq!(&*load(&fixture.passkeys, &fixture).await.name, "New");
    fixture.clock.advance_millis(1_000);
    let second = load(&other, &fixture).await;
    assert_eq!((&*first.name, &*second.name), ("Acme", "New"));
    // The keys outlive the change.
    let kept = other.mac_key(&second, MacKind::Status).await.unwrap();
    assert!(Arc::ptr_eq(&key, &kept));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_need_a_key_at_once_get_one() {
    let fixture = Fixture::new().await;
    let node = Arc::new(fixture.another_node().await);
    let rp = load(&node, &fixture).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (node, rp) = (Arc::clone(&node), Arc::clone(&rp));
        callers.spawn(async move {
            let key = node.mac_key(&rp, MacKind::Access).await;
            key.unwrap().sign(b"text")
        });
    }
    let codes = callers.join_all().await;
    let stored = fixture.store.token_key(rp.id, MacKind::Access.into()).await;
    let stored = MacKey::new(stored.unwrap().unwrap().reveal());
    assert_eq!(codes, [stored.sign(b"text"); 50]);
}

#[tokio::test]
async fn ceremonies_with_the_same_wishes_share_their_policy() {
    let fixture = Fixture::new().await;
    let rp = load(&fixture.passkeys, &fixture).await;
    let none = PartialSelection::default();
    let other = PartialSelection {
        user_verification: Some(UserVerification::Required),
        ..PartialSelection::default()
    };
    let register = async |asked, max_credentials| {
        let start = StartRegistration {
            max_credentials,
            ..StartRegistration::new("ada", "Key", asked, plain())
        };
        let started = fixture.passkeys.start_registration(&rp, start).await;
        started.unwrap().ceremony.policy
    };
    let first = register(&none, None).await;
    assert!(Arc::ptr_eq(&first, &register(&none, None).await));
    let limited = register(&none, Some(7)).await;
    let verified = register(&other, None).await;
    assert_eq!(limited.max_credentials, 7);
    let verification = |policy: &domain::model::ceremony_policy::RegistrationPolicy| {
        policy.selection.user_verification
    };
    assert_eq!(verification(&verified), UserVerification::Required);
    assert_eq!(verification(&first), UserVerification::Preferred);
    assert_eq!(register(&none, None).await, first);

    let sign_in = async |asked, timeout_ms| {
        let start = StartAuthentication {
            selection: Some(asked),
            ..StartAuthentication::new(
                Who::Anyone,
                Terms {
                    timeout_ms,
                    ..plain()
                },
            )
        };
        let started = fixture.passkeys.start_authentication(&rp, start).await;
        Arc::clone(&started.unwrap().policy)
    };
    let first = sign_in(&none, None).await;
    assert!(Arc::ptr_eq(&first, &sign_in(&none, None).await));
    assert_eq!(sign_in(&none, Some(7_000)).await.timeout_ms, 7_000);
    let verified = sign_in(&other, None).await;
    assert_eq!(verified.user_verification, UserVerification::Required);
    assert_eq!(sign_in(&none, None).await, first);
}
