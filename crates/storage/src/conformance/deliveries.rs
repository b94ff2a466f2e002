//! Deliveries to webhooks: written with their event, taken by one caller at a time.

use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::ids::{AccountId, CredentialKey, DeliveryId, RelyingPartyId, UserId, WebhookId};
use domain::model::notice::{Delivery, DeliveryState, Notice, NoticeType};
use domain::model::page::PageRequest;
use domain::model::webhook::{Subscriber, Webhook};
use domain::store::{ClaimDeliveries, EventFilter, Fault, FinishedAuthentication, Storage, Update};
use webauthn::error::Reason;

use super::fixture::{
    Fixture, NOW, StoreUnderTest, at, authentication, counting, event, key, registration,
};
use super::relying_parties::webhook;
use super::tokens::access_key;

async fn hook(fixture: &Fixture) -> Webhook {
    let hook = webhook(fixture.rp, NOW);
    assert_eq!(fixture.store.create_webhook(&hook, None).await, Ok(true));
    hook
}

/// The event that this webhook receives.
pub(crate) fn told(event: AuditEvent, hook: &Webhook) -> AuditEvent {
    event.told_to(Subscriber::of(hook, ACCOUNT).map(|one| vec![one].into()))
}

/// The account of deliveries.
const ACCOUNT: AccountId = AccountId([7; 16]);

/// A delivery that is due at this time.
pub(crate) fn delivery(rp: RelyingPartyId, hook: WebhookId, millis: i64) -> Delivery {
    let event = event(AuditKind::AccessKeyCreated, rp);
    let hook = Webhook {
        id: hook,
        ..webhook(rp, NOW)
    };
    let subscriber = Subscriber::of(&hook, ACCOUNT);
    let event = event.told_to(subscriber.map(|one| vec![one].into()));
    let mut delivery = event.deliveries().remove(0);
    delivery.id = DeliveryId(key());
    delivery.due = at(millis);
    delivery
}

async fn all(store: &dyn Storage, hook: &Webhook) -> Vec<Delivery> {
    let page = PageRequest::first(100);
    let found = store.list_deliveries(hook.relying_party, hook.id, page);
    found.await.unwrap().items
}

pub async fn an_event_and_its_deliveries_are_written_together(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let hook = hook(&fixture).await;
    let access = access_key(fixture.rp, NOW);
    let created = told(event(AuditKind::AccessKeyCreated, fixture.rp), &hook);
    for _ in 0..2 {
        assert_eq!(store.create_access_key(&access, &created).await, Ok(true));
    }
    assert_eq!(all(store, &hook).await, created.deliveries());
    let gone = told(event(AuditKind::AccessKeyDeleted, fixture.rp), &hook);
    let deleted = store.delete_access_key(fixture.rp, access.id, &gone);
    assert_eq!(deleted.await, Ok(true));
    let again = told(event(AuditKind::AccessKeyDeleted, fixture.rp), &hook);
    let deleted = store.delete_access_key(fixture.rp, access.id, &again);
    assert_eq!(deleted.await, Ok(false));
    let ids = |deliveries: &[Delivery]| -> Vec<_> { deliveries.iter().map(|d| d.id).collect() };
    let mut expected = ids(&created.deliveries());
    expected.extend(ids(&gone.deliveries()));
    let mut found = ids(&all(store, &hook).await);
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

pub async fn ceremonies_are_told_as_they_end(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let hook = hook(&fixture).await;
    let ann = fixture.user("ann").await;
    let (mut passkey, record) = fixture.passkey(&ann).await;

    let ceremony = authentication(fixture.rp, Some(&ann), NOW);
    fixture.begin(&ceremony).await;
    let mut sign_in = passkey.sign_in(&ceremony, &record, at(2), &counting(7));
    sign_in.event = told(sign_in.event, &hook);
    assert_eq!(
        sign_in.send(store).await,
        Ok(FinishedAuthentication::Accepted)
    );
    let kinds =
        |deliveries: &[Delivery]| -> Vec<_> { deliveries.iter().map(|d| d.notice.what).collect() };
    let found = all(store, &hook).await;
    assert_eq!(found, sign_in.event.deliveries());
    assert_eq!(kinds(&found), [NoticeType::ChallengeApproved]);

    // The store finds that the counter did not increase.
    let ceremony = authentication(fixture.rp, Some(&ann), NOW);
    fixture.begin(&ceremony).await;
    let mut sign_in = passkey.sign_in(&ceremony, &record, at(3), &counting(7));
    sign_in.counter = domain::store::CounterRule::MustIncrease;
    sign_in.event = told(sign_in.event, &hook);
    let refused = sign_in.send(store).await;
    assert_ne!(refused, Ok(FinishedAuthentication::Accepted));
    let mut found = kinds(&all(store, &hook).await);
    found.sort_by_key(|kind| kind.name());
    assert_eq!(
        found,
        [
            NoticeType::ChallengeApproved,
            NoticeType::ChallengeDenied,
            NoticeType::CounterNotIncreased
        ]
    );
    let reasons = all(store, &hook).await;
    let reason = Some(Reason::SignCountNotIncreased.name().to_owned());
    assert_eq!(
        reasons.iter().filter(|d| d.notice.reason == reason).count(),
        2
    );

    let begun = registration(&ann, NOW);
    fixture.begin(&begun).await;
    let mut attempt = passkey.register(&begun, at(4));
    attempt.event = told(attempt.event, &hook);
    attempt.send(store).await.unwrap();
    let last = all(store, &hook).await;
    let is_new = |d: &&Delivery| d.notice.what == NoticeType::FactorVerified;
    assert_eq!(last.iter().filter(is_new).count(), 1);
}

/// A claim of everything that is due. In one test each has a lease of its own.
fn anything(now: i64, until: i64) -> ClaimDeliveries<'static> {
    ClaimDeliveries {
        now: at(now),
        until: at(until),
        webhooks: &[],
        parties: &[],
        of_webhook: 100,
        of_party: 100,
        most: 100,
    }
}

/// Which of these deliveries a claim takes.
async fn claimed(
    store: &dyn Storage,
    all: &[Delivery],
    mut claim: ClaimDeliveries<'_>,
) -> Vec<usize> {
    loop {
        match store.claim_deliveries(claim).await {
            Ok(found) => {
                assert!(found.iter().all(|d| d.due == claim.until));
                let place = |d: &Delivery| all.iter().position(|one| one.id == d.id).unwrap();
                let mut places: Vec<_> = found.iter().map(place).collect();
                places.sort_unstable();
                return places;
            }
            // A fault may hide what was claimed. That is put back.
            Err(Fault::Unknown(_)) => {
                for one in all {
                    let stored = store.delivery(one.relying_party, one.id).await;
                    if stored.unwrap().unwrap().due == claim.until {
                        let back = store.replace_delivery(one, claim.until).await;
                        assert_eq!(back, Ok(true));
                    }
                }
                claim.until = claim.until.plus_millis(1);
            }
            Err(fault) => panic!("{fault}"),
        }
    }
}

pub async fn a_delivery_is_claimed_once_until_its_lease_ends(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let (one, other) = (hook(&fixture).await, hook(&fixture).await);
    let mut sent = Vec::new();
    for (hook, millis) in [(&one, 3), (&one, 1), (&one, 2), (&other, 5), (&other, 90)] {
        let delivery = delivery(fixture.rp, hook.id, millis);
        assert_eq!(store.create_delivery(&delivery).await, Ok(true));
        sent.push(delivery);
    }
    let claim = async |now, until, except: &[WebhookId]| {
        let claim = ClaimDeliveries {
            webhooks: except,
            of_webhook: 2,
            ..anything(now, until)
        };
        claimed(store, &sent, claim).await
    };
    let none: [usize; 0] = [];
    assert_eq!(claim(10, 200, &[one.id]).await, [3]);
    assert_eq!(claim(10, 300, &[]).await, [1, 2]);
    assert_eq!(claim(10, 1000, &[]).await, [0]);
    assert_eq!(claim(10, 1100, &[]).await, none);
    assert_eq!(claim(95, 1200, &[]).await, [4]);
    // Two leases have ended.
    assert_eq!(claim(400, 1300, &[other.id]).await, [1, 2]);
    assert_eq!(claim(400, 1400, &[]).await, [3]);
}

pub async fn a_relying_party_does_not_take_the_place_of_another(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    // Both belong to one account.
    let (many, few) = (fixture.rp, fixture.another_rp().await);
    let mut sent = Vec::new();
    for (rp, hook, millis) in [
        (many, 1, 1),
        (many, 1, 2),
        (many, 2, 5),
        (many, 3, 4),
        (many, 4, 3),
        (few, 5, 6),
        (few, 5, 7),
    ] {
        let delivery = delivery(rp, WebhookId([hook; 16]), millis);
        assert_eq!(store.create_delivery(&delivery).await, Ok(true));
        sent.push(delivery);
    }
    let two = ClaimDeliveries {
        of_webhook: 1,
        of_party: 2,
        ..anything(10, 1000)
    };
    // Of each webhook the one that is due first, then of each Relying Party the two that are due first.
    assert_eq!(claimed(store, &sent, two).await, [0, 4, 5]);
    let other = ClaimDeliveries {
        parties: &[many],
        ..anything(10, 1100)
    };
    assert_eq!(claimed(store, &sent, other).await, [6]);
    let one = ClaimDeliveries {
        most: 1,
        ..anything(10, 1200)
    };
    assert_eq!(claimed(store, &sent, one).await, [1]);
    assert_eq!(claimed(store, &sent, anything(10, 1300)).await, [2, 3]);
    let none: [usize; 0] = [];
    assert_eq!(claimed(store, &sent, anything(10, 1400)).await, none);
}

pub async fn a_delivery_is_replaced_by_the_caller_that_has_it(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let hook = hook(&fixture).await;
    let first = delivery(fixture.rp, hook.id, 1);
    assert_eq!(store.create_delivery(&first).await, Ok(true));
    assert_eq!(store.oldest_delivery().await, Ok(Some(first.created)));
    let ended = Delivery {
        state: DeliveryState::Delivered,
        attempts: 1,
        status: Some(204),
        tried: Some(at(5)),
        ..first.clone()
    };
    assert_eq!(store.replace_delivery(&ended, at(2)).await, Ok(false));
    for _ in 0..2 {
        assert_eq!(store.replace_delivery(&ended, at(1)).await, Ok(true));
    }
    let found = store.delivery(fixture.rp, first.id).await;
    assert_eq!(found, Ok(Some(ended.clone())));
    assert_eq!(store.oldest_delivery().await, Ok(None));
    let other = fixture.another_rp().await;
    assert_eq!(store.delivery(other, first.id).await, Ok(None));

    let waiting = delivery(fixture.rp, hook.id, 1);
    assert_eq!(store.create_delivery(&waiting).await, Ok(true));
    let before = first.created.plus_millis(1);
    // A fault may hide that a sweep has removed something.
    while !matches!(store.sweep_deliveries(before, 10).await, Ok(0)) {}
    assert_eq!(all(store, &hook).await, [waiting]);
    store.delete_relying_party(fixture.rp, NOW).await.unwrap();
    assert_eq!(all(store, &hook).await, []);
    let late = delivery(fixture.rp, hook.id, 1);
    assert_eq!(store.create_delivery(&late).await, Ok(false));
}

pub async fn an_update_of_a_webhook_and_its_event_are_written_together(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let (mut changed, receiver) = (hook(&fixture).await, hook(&fixture).await);
    let disabled = told(event(AuditKind::WebhookDisabled, fixture.rp), &receiver);
    changed.enabled = false;
    changed.revision = 3;
    let conflict = store.update_webhook(&changed, Some(&disabled)).await;
    assert_eq!(conflict, Ok(Update::Conflict));
    assert_eq!(all(store, &receiver).await, []);
    changed.revision = 2;
    for _ in 0..2 {
        let done = store.update_webhook(&changed, Some(&disabled)).await;
        assert_eq!(done, Ok(Update::Done));
        assert_eq!(all(store, &receiver).await, disabled.deliveries());
    }
    let any = EventFilter::default();
    let found = store.find_events(fixture.rp, &any, 100);
    let events = found.await.unwrap().events;
    let kinds = events.iter().filter(|one| one.kind == disabled.kind);
    assert_eq!(kinds.count(), 1);
}

pub async fn erased_deliveries_do_not_tell_who_it_was(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &*fixture.store;
    let hook = hook(&fixture).await;
    let (ann, bob) = (UserId(key()), UserId(key()));
    let mut wanted = Vec::new();
    for (user, what) in [
        (ann, NoticeType::ChallengeApproved),
        (ann, NoticeType::FactorDeleted),
        (ann, NoticeType::FactorVerified),
        (bob, NoticeType::ChallengeApproved),
    ] {
        let mut one = delivery(fixture.rp, hook.id, 5);
        one.notice.what = what;
        one.notice.user = Some(user);
        one.notice.user_name = Some("\u{e9} \"quoted\"".to_owned());
        one.notice.credential = Some(CredentialKey(key()));
        assert_eq!(store.create_delivery(&one).await, Ok(true));
        let erased = Delivery {
            due: at(6),
            ..one.clone()
        };
        wanted.push(match (user == ann, what) {
            (false, _) => one,
            (true, NoticeType::FactorDeleted) => Delivery {
                notice: Notice {
                    user_name: None,
                    ..erased.notice.clone()
                },
                ..erased
            },
            (true, _) => Delivery {
                notice: Notice {
                    user: None,
                    user_name: None,
                    credential: None,
                    ..erased.notice.clone()
                },
                ..erased
            },
        });
    }
    // An attempt that is under way.
    let sent = store.delivery(fixture.rp, wanted[0].id).await.unwrap();
    let mut sent = sent.unwrap();
    let other = fixture.another_rp().await;
    assert_eq!(store.erase_deliveries(other, ann, 10).await, Ok(0));
    let mut erased = 0;
    loop {
        let count = store.erase_deliveries(fixture.rp, ann, 2).await.unwrap();
        assert!(count <= 2);
        erased += count;
        if count < 2 {
            break;
        }
    }
    // Repeats may have counted less.
    assert!(erased <= 3);
    let mut found = all(store, &hook).await;
    found.sort_by_key(|one| one.id);
    wanted.sort_by_key(|one| one.id);
    assert_eq!(found, wanted);
    let due = sent.due;
    sent.state = DeliveryState::Delivered;
    assert_eq!(store.replace_delivery(&sent, due).await, Ok(false));
    assert_eq!(store.erase_deliveries(fixture.rp, ann, 10).await, Ok(0));
}
